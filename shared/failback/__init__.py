"""The way home: identify, check, reverse, cut over, protect again, retire."""
