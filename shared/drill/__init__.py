"""Drills: what comes after one."""
