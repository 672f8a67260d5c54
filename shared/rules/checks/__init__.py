"""Checks before a launch or a reversal: each with a code, a severity and a remedy."""
