"""How fast the workflows are, what they cost, and how near they come to the shortest possible time."""
