"""Replaced targets that a preparation is asked to accept, so that a later failover is not blocked by them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.model.execution import ExecutionRecord
from shared.model.server import ServerRecord
from shared.rules.closure.preparation import PreparationProblem
from shared.rules.plan.contract_wording import did_you_mean
from shared.rules.plan.contracts import Problem

PAIR_CHANGED = "PAIR_CHANGED"
_REASON = "acceptPairs of the preparation"


@dataclass(frozen=True, slots=True)
class AcceptedPair:
    """A server whose pair was recorded anew. ``before`` and ``after`` are targets."""

    name: str
    before: str
    after: str


def accepting(names: Sequence[str]) -> dict[str, Any]:
    """What the record of the preparation has for them: an override, so that nothing else is lifted."""
    if not names:
        return {}
    return {"overrides": [{"check": PAIR_CHANGED, "reason": _REASON, "servers": list(names)}]}


def accepted_names(record: ExecutionRecord) -> frozenset[str]:
    """The names and ids that the preparation accepts."""
    overrides = record.request.get("overrides", ())
    return frozenset(name for one in overrides if one["check"] == PAIR_CHANGED for name in one["servers"])


def is_accepted(server: ServerRecord, names: Collection[str]) -> bool:
    return server.name in names or server.source_server_id in names


def undo_problems(request: Any) -> tuple[Problem, ...]:
    """An undo records no pair."""
    if not isinstance(request, Mapping) or not (request.get("undo") and "acceptPairs" in request):
        return ()
    return (Problem("acceptPairs", "An undo accepts no pairs.", "Remove it, or remove undo."),)


def unknown_servers(record: ExecutionRecord, servers: Sequence[ServerRecord]) -> PreparationProblem | None:
    """Accepted names that no server has, with what to write instead of each."""
    names = accepted_names(record)
    known = {server.name for server in servers}
    unknown = sorted(names - known - {server.source_server_id for server in servers})
    if not unknown:
        return None
    remedy = " ".join(_instead(name, known) for name in unknown)
    return PreparationProblem("acceptPairs names servers that the plan's sites do not have.", remedy)


def _instead(name: str, known: Collection[str]) -> str:
    close = did_you_mean(name, known)
    meant = f"Write {close!r}" if close else "Write a name or source server id of its report"
    return f"{meant} instead of {name!r}, and prepare again."
