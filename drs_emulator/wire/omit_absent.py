"""Absence on the wire."""

from __future__ import annotations

from typing import Any


def present(members: dict[str, Any]) -> dict[str, Any]:
    """``members`` without those that are None: absent on the wire."""
    return {key: value for key, value in members.items() if value is not None}
