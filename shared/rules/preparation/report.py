"""The report of a preparation, as a document that conforms to preparation-report.schema.json and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from shared.model.execution import ExecutionRecord
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.checks.check import blocking
from shared.rules.preparation.accepting import AcceptedPair
from shared.rules.preparation.changes import Outcome, ServerOutcome

IN_RECOVERY = frozenset({"SERVER_LOCKED", "SERVER_BUSY"})
"""Checks that fail because the server is being recovered."""
YIELDS = "Nothing: a recovery sets them itself. Prepare again when it is over."
"""What to do about launch settings that were left alone."""


def preparation_report(
    record: ExecutionRecord,
    servers: Sequence[ServerRecord],
    outcomes: Sequence[ServerOutcome],
    *,
    undo: bool,
    holder: str | None,
    accepted: Sequence[AcceptedPair] = (),
) -> dict[str, Any]:
    """What came of every server. ``holder``: the execution that the preparation yielded to as a whole.

    ``accepted``: the pairs that it recorded anew.
    """
    known = {one.source_server_id: one for one in outcomes}
    known |= {
        server.source_server_id: _blocked(server)
        for server in servers
        if server.status is ServerStatus.BLOCKED and server.source_server_id not in known
    }
    lines = sorted(known.values(), key=lambda one: (one.name, one.source_server_id))
    count = Counter(one.outcome for one in lines)
    return {
        "executionId": record.execution_id,
        "plan": record.plan_name,
        "kind": "UNDO" if undo else "PREPARATION",
        "status": record.status.value,
        "reason": record.reason,
        "remedy": record.remedy,
        "startedAt": record.started_at,
        "endedAt": record.ended_at,
        "yieldedTo": holder,
        "totals": {
            "servers": len(lines),
            "prepared": count[Outcome.PREPARED],
            "alreadyRight": count[Outcome.ALREADY_RIGHT],
            "undone": count[Outcome.UNDONE],
            "blocked": count[Outcome.BLOCKED],
            "yielded": count[Outcome.YIELDED],
            "changedSince": sum(bool(one.changed_since) for one in lines),
        },
        "acceptedPairs": [asdict(pair) for pair in accepted],
        "servers": [
            {
                "name": one.name,
                "sourceServerId": one.source_server_id,
                "outcome": one.outcome.value,
                "code": one.code,
                "reason": one.reason,
                "remedy": one.remedy,
                "changedSince": list(one.changed_since),
            }
            for one in lines
        ],
    }


def summarize_preparation(report: Mapping[str, Any]) -> str:
    """The report as markdown: what needs action comes first."""
    totals = report["totals"]
    what = "Undo of the preparation" if report["kind"] == "UNDO" else "Preparation"
    lines = [
        f"# {what} of {report['plan']}: {report['status']}",
        "",
        f"- {totals['servers']} servers: {totals['prepared']} prepared, "
        f"{totals['alreadyRight']} already right, {totals['undone']} undone, {totals['blocked']} blocked, "
        f"{totals['yielded']} left to a recovery",
        f"- from {report['startedAt']} to {report['endedAt']}, execution {report['executionId']}",
    ]
    if report["yieldedTo"]:
        lines.append(f"- Nothing was done: the execution {report['yieldedTo']} runs this plan.")
    for key, word in (("reason", ""), ("remedy", "What to do: ")):
        if report[key]:
            lines.append(f"- {word}{report[key]}")
    lines += _section(
        "Accepted pairs",
        [f"{pair['name']}: {pair['after']} instead of {pair['before']}" for pair in report["acceptedPairs"]],
    )
    lines += _section(
        "Blocked", [_with_remedy(one) for one in report["servers"] if one["outcome"] == "BLOCKED"]
    )
    lines += _section(
        "Changed by others since",
        [
            f"{one['name']}: {', '.join(one['changedSince'])}"
            for one in report["servers"]
            if one["changedSince"]
        ],
    )
    lines += _section(
        "Left to a recovery", [_with_remedy(one) for one in report["servers"] if one["outcome"] == "YIELDED"]
    )
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {line}" for line in lines)] if lines else []


def _with_remedy(server: Mapping[str, Any]) -> str:
    return f"{server['name']}: {server['code']}: {server['reason']} → {server['remedy']}"


def _blocked(server: ServerRecord) -> ServerOutcome:
    codes = [finding.code for finding in blocking(server.findings)]
    yields = bool(codes) and IN_RECOVERY.issuperset(codes)
    outcome = Outcome.YIELDED if yields else Outcome.BLOCKED
    # A failover may cancel what has locked a server. A preparation waits for it.
    remedy = YIELDS if yields else server.remedy
    return ServerOutcome(
        server.source_server_id, server.name, outcome, ", ".join(codes), server.reason, remedy
    )
