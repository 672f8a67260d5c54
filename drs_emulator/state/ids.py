"""Ids that repeat from run to run."""

from __future__ import annotations

import hashlib


def hashed_id(prefix: str, *parts: object) -> str:
    """``<prefix>-`` and 17 hex digits that depend on nothing but ``parts``."""
    digest = hashlib.sha256("/".join(map(str, (prefix, *parts))).encode()).hexdigest()
    return f"{prefix}-{digest[:17]}"
