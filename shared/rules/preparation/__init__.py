"""Launch settings prepared ahead of time, and put back on request."""
