"""The version of this project, for reports and for the user agent of AWS calls.

The layer does not carry pyproject.toml, which has the version; a test holds both equal.
"""

from __future__ import annotations

VERSION = "0.1.0"
USER_AGENT = f"drs-orchestrator/{VERSION}"
