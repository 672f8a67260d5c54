"""Failback: identify, replicate back, cut over, re-protect, retire."""
