"""Launch settings, permissions, polling and verification of a launch."""
