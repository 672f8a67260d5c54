"""What a cancelled failover puts back, and what it leaves alone."""

from __future__ import annotations

from shared.model.execution import ExecutionRecord
from shared.model.policies import Mode
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus


def is_undone(record: ExecutionRecord) -> bool:
    """Whether what the execution launched goes back: after a drill always, after a failover if asked to.

    A failback undoes itself: each wave starts again on the recovery side what did not fail back.
    """
    if record.mode is Mode.DRILL:
        return True
    cancelled = record.cancellation
    return record.mode is Mode.FAILOVER and cancelled is not None and cancelled.undo


def goes_back(record: ExecutionRecord, server: ServerRecord) -> bool:
    """Whether this server does: one that was recovered may have been written to, and only if confirmed."""
    if not is_undone(record):
        return False
    if record.mode is Mode.DRILL or server.status is not ServerStatus.RECOVERED:
        return True
    return record.cancellation is not None and record.cancellation.undo_recovered
