"""Launch settings made right ahead of time, remembered as they were, and put back on request."""
