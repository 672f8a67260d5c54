"""How a drill is undone."""
