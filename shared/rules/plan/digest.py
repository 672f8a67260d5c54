"""The digest of a plan: two executions with the same one ran the same plan."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any


def plan_digest(document: dict[str, Any]) -> str:
    """SHA-256, in hexadecimal, of the plan as JSON with sorted keys and no spaces, in UTF-8."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()
