"""A report in words: markdown that reads well in a terminal, a mail and a browser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_TROUBLED = ("FAILED", "BLOCKED", "SKIPPED")
_NEXT_STEPS = {
    "COMPLETED": "Every server is recovered and verified. Point users to the recovery side.",
    "COMPLETED_WITH_FAILURES": (
        "Mend what is listed above and start the plan again with onBlocked: GO_ON: servers that run on the "
        "recovery side already are then left alone."
    ),
    "FAILED": (
        "The recovery stopped short. Mend what is listed above and start it again with onBlocked: GO_ON: "
        "servers that run on the recovery side already are then left alone. dryRun: true tells what is left."
    ),
    "BLOCKED": (
        "Nothing was changed. Apply the remedies above and start again; or leave the blocked servers behind "
        "with onBlocked: GO_ON."
    ),
    "CANCELLED": (
        "Somebody stopped it. DRS jobs that had started run to their end: look at aws drs describe-jobs "
        "before you start again."
    ),
    "RUNNING": "It is still under way.",
}
_NAMED = 10
"""So many servers a warning names."""
_DRY_RUN_STEP = "Nothing was changed. Start it again without dryRun to carry this out."


def summarize(report: Mapping[str, Any]) -> str:
    """The report as markdown: totals, then what went wrong and what to do, then waves and servers."""
    sections = [
        _head(report),
        _troubles(report),
        _findings(report),
        _warnings(report),
        _proposals(report),
        _plan_of_action(report),
        _waves(report),
        _servers(report),
        _next_steps(report),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(report: Mapping[str, Any]) -> str:
    totals = report["totals"]
    kind = f"{report['mode'].capitalize()}{' (dry run)' if report.get('dryRun') else ''}"
    lines = [
        f"# {kind} of {report['plan']}: {report['status']}",
        "",
        f"- {totals['servers']} servers: {totals['recovered']} recovered, {totals['failed']} failed, "
        f"{totals['skipped']} skipped, {totals['blocked']} blocked",
        f"- from {report['startedAt']} to {report['endedAt'] or 'now'}{_took(report)}",
        f"- launch order {report['launchOrder']}, execution {report['executionId']}",
    ]
    if report.get("reason"):
        lines.append(f"- {report['reason']}")
    if report.get("remedy"):
        lines.append(f"- What to do: {report['remedy']}")
    return "\n".join(lines)


def _took(report: Mapping[str, Any]) -> str:
    text = f", {duration(report['durationSeconds'])}" if report["durationSeconds"] is not None else ""
    if report.get("estimateSeconds") is not None:
        text += f" (estimated: {duration(report['estimateSeconds'])})"
    return text


def _troubles(report: Mapping[str, Any]) -> str:
    rows = [
        (server["name"], server["wave"], server["status"], server["reason"], server["remedy"])
        for status in _TROUBLED
        for server in report["servers"]
        if server["status"] == status
    ]
    return _section("What went wrong", ("Server", "Wave", "Status", "Reason", "Remedy"), rows)


def _findings(report: Mapping[str, Any]) -> str:
    """One row for each kind of target left over: an account that several plans share has hundreds."""
    rows = [(finding["code"], finding["found"], finding["remedy"]) for finding in report.get("findings", ())]
    leftovers: dict[str, list[Mapping[str, Any]]] = {}
    for item in report.get("unmatchedTargets", ()):
        leftovers.setdefault(item["finding"]["code"], []).append(item["finding"])
    for code, found in leftovers.items():
        more = f" And {len(found) - 1} more like it: see the JSON report." if len(found) > 1 else ""
        rows.append((code, found[0]["found"] + more, found[0]["remedy"]))
    return _section("Also found", ("Code", "Found", "Remedy"), rows)


def _warnings(report: Mapping[str, Any]) -> str:
    """A row for each kind of warning: hundreds of servers may have the same."""
    kinds: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for server in report["servers"]:
        for finding in server.get("findings", ()):
            if finding["severity"] == "WARNING":
                kinds.setdefault(finding["code"], []).append((server["name"], finding))
    rows = []
    for code, found in kinds.items():
        names = [name for name, _ in found]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        first = found[0][1]
        rows.append((code, ", ".join(names[:_NAMED]) + more, first["found"], first["remedy"]))
    return _section("Warnings", ("Code", "Servers", "Found at the first", "Remedy"), rows)


def _proposals(report: Mapping[str, Any]) -> str:
    rows = [
        (item["sourceServerId"], item["instanceId"], item["distance"]) for item in report.get("proposals", ())
    ]
    return _section(
        "Names that may be meant to be the same", ("Source server", "Instance", "Letters apart"), rows
    )


def _plan_of_action(report: Mapping[str, Any]) -> str:
    rows = [
        (wave["name"], ", ".join(wave["startsAfter"]), job["lot"], job["scope"], ", ".join(job["servers"]))
        for wave in report.get("planOfAction", {}).get("waves", ())
        for job in wave["jobs"]
    ]
    return _section("Plan of action", ("Wave", "Starts after", "Job", "Scope", "Servers"), rows)


def _waves(report: Mapping[str, Any]) -> str:
    rows = [
        (
            wave["name"],
            wave["status"],
            ", ".join(wave["dependsOn"]),
            wave["startedAt"],
            wave["endedAt"],
            ", ".join(wave["jobs"]),
            wave.get("reason"),
        )
        for wave in report["waves"]
    ]
    columns = ("Wave", "Status", "Depends on", "Started", "Ended", "Jobs", "Reason")
    return _section("Waves", columns, rows)


def _servers(report: Mapping[str, Any]) -> str:
    rows = [
        (
            server["name"],
            server["wave"],
            server["status"],
            server["pairInstanceId"],
            _change(server["privateIpBefore"], server["privateIpAfter"]),
            server["attempts"],
            server["verifiedAt"],
        )
        for server in report["servers"]
    ]
    columns = ("Server", "Wave", "Status", "Instance", "Private address", "Attempts", "Verified")
    return _section("Servers", columns, rows)


def _change(before: str | None, after: str | None) -> str | None:
    return before if after is None or after == before else f"{before} → {after}"


def _next_steps(report: Mapping[str, Any]) -> str:
    completed_dry = report.get("dryRun") and report["status"] == "COMPLETED"
    return f"## Next\n\n{_DRY_RUN_STEP if completed_dry else _NEXT_STEPS[report['status']]}"


def _section(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A heading with a table; nothing when there are no rows."""
    lines = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    if not lines:
        return ""
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([f"## {title}", "", *head, *lines])


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return " ".join(text.split()).replace("|", "\\|")


def duration(seconds: float) -> str:
    """``3725`` as ``1 h 2 min 5 s``."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
