"""What the local cloud and virtual time take out of the way for speed, and nothing else depends on.

Without them (``DRS_LOCAL_SHORTCUTS=0``) everything gives the same results, more slowly: see
``make test-without-shortcuts``.
"""

from __future__ import annotations

import os

ENABLED = os.environ.get("DRS_LOCAL_SHORTCUTS", "1").lower() not in ("0", "no", "false", "off")
"""Read once: what the shortcuts replace stays replaced for as long as the process lives."""
