"""Private names of botocore that virtual time leans on, and why."""

from __future__ import annotations

from local.hooks import Hook, Table

HOOKS: tuple[Hook, ...] = (
    Hook("botocore.endpoint", "time", "the pause before a call is repeated is one of virtual time"),
    Hook(
        "botocore.endpoint",
        "Endpoint._send",
        "a call without an answer takes the client's time-out of virtual time",
        ("self", "request"),
    ),
    Hook("botocore.handlers", "BUILTIN_HANDLERS", "read and written: every session gets our handlers"),
)

TABLE = Table(HOOKS)
