"""The emulator's state, per account and Region. It changes only under the state lock."""

from drs_emulator.state.ids import hashed_id
from drs_emulator.state.jobs import Job, LogItem, Participant
from drs_emulator.state.lock import StateLock
from drs_emulator.state.scope import RecoveryInstance, Scope, Template
from drs_emulator.state.source_servers import (
    LAUNCHABLE_STATES,
    Disk,
    LastLaunch,
    Phase,
    Ref,
    Replication,
    SourceServer,
)

__all__ = [
    "LAUNCHABLE_STATES",
    "Disk",
    "Job",
    "LastLaunch",
    "LogItem",
    "Participant",
    "Phase",
    "RecoveryInstance",
    "Ref",
    "Replication",
    "Scope",
    "SourceServer",
    "StateLock",
    "Template",
    "hashed_id",
]
