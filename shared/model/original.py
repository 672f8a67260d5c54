"""Originals as they are claimed by source servers and records, and as they were recorded in quiet times."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.scope import Scope


@dataclass(frozen=True, slots=True)
class OriginalClaim:
    """A source server that names an instance as its original, in DRS or in the record of its pair.

    ``counts``: False for one that is dead while another is alive. ``runs_there``: by the record of its pair
    the workload runs at the origin.
    """

    source_server_id: str
    name: str
    scope: Scope
    counts: bool = True
    runs_there: bool = False


@dataclass(frozen=True, slots=True)
class ContestedOriginal:
    """An instance that more than one source server names as its original."""

    original_instance_id: str
    claims: tuple[OriginalClaim, ...]


@dataclass(frozen=True, slots=True)
class OriginalName:
    """What EC2 calls the original of a server that has no Name tag in DRS."""

    source_server_id: str
    original_instance_id: str
    name: str


@dataclass(frozen=True, slots=True)
class OriginalRecord:
    """A server's original as EC2 confirmed it in quiet times: in a preparation or a dry run.

    ``revision`` counts the writes.
    """

    source_server_id: str
    name: str
    original_instance_id: str
    scope: Scope
    recorded_at: str
    recorded_by: str  # execution id
    revision: int = 0
