"""Operator actions on a running execution: what they change, and when they are refused."""
