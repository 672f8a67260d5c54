"""Pairs source servers with target instances."""
