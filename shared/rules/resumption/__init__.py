"""What an execution that ended too early did, and what the next one carries over."""
