"""What EC2's answer to StartInstances means for a server."""

from __future__ import annotations

from dataclasses import replace

from shared.aws.errors import AwsCallError
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.drs.drs_error_handler import ErrorKind
from shared.rules.launch.verification import without_capacity


def asked_to_start(server: ServerRecord, error: AwsCallError | None, now: str) -> ServerRecord:
    """STARTING where EC2 starts it or cannot do so yet, else FAILED. ``now``: ISO 8601."""
    if error is None:
        return replace(server, status=ServerStatus.STARTING, start_requested_at=now, reason=None, remedy=None)
    if error.explanation.kind in (ErrorKind.CAPACITY, ErrorKind.BUSY):
        return without_capacity(server, str(error), error.explanation.remedy, now)
    return server.failed(str(error), error.explanation.remedy)
