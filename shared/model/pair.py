"""What is known of a pair across executions."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.scope import Scope
from shared.model.server import DetachedVolume


@dataclass(frozen=True, slots=True)
class PairRecord:
    """What is known of a pair across executions: what a failback needs, and what must stay the same.

    ``scope`` is that of the source server and ``pair_instance_id`` the target instance: the recovery side,
    whichever side runs the workload. ``detached_volumes`` are those that launches left behind, both sides.
    ``moved_by`` is the execution that brought the workload to its side; ``revision`` counts the writes.
    """

    source_server_id: str
    name: str
    scope: Scope
    pair_instance_id: str
    original_instance_id: str | None
    private_ip: str | None
    original_private_ip: str | None
    staging_account: str | None
    workload_side: str  # "ORIGIN" or "RECOVERY"
    last_failover: str | None = None
    last_failover_at: str | None = None
    original_scope: Scope | None = None
    last_failback: str | None = None
    last_failback_at: str | None = None
    detached_volumes: tuple[DetachedVolume, ...] = ()
    moved_by: str | None = None  # execution id
    last_launch_at: str | None = None
    """When the launch began that moved the workload to the recovery side."""
    reversed_server_id: str | None = None
    """In ``original_scope``, while the workload runs there: what its failback has not retired."""
    unverified: bool = False
    """Whether the execution that moved it ended before it verified that: closing found it on this side."""
    revision: int = 0
