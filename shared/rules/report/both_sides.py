"""What a report says of servers whose both sides run: in its head, and as the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.rules.originals.both_sides import ORIGINAL_RUNS, WORKLOAD_RUNS
from shared.rules.report.markdown import names

_WHERE = {
    ORIGINAL_RUNS: ("{count} original{s} run{v} at the origin", "the original"),
    WORKLOAD_RUNS: ("{count} workload{s} run{v} on the recovery side as well", "the target"),
}


def both_sides_lines(report: Mapping[str, Any]) -> list[str]:
    """One line for each side that runs and should not."""
    lines = []
    for code, (text, _) in _WHERE.items():
        if found := _servers(report, code):
            count = len(found)
            what = text.format(count=count, s="" if count == 1 else "s", v="s" if count == 1 else "")
            lines.append(f"- {what}: {names(found)}")
    return lines


def both_sides_step(report: Mapping[str, Any]) -> str:
    """What to do about them; empty if there are none."""
    return "".join(
        f" Before users reach both sides, see that {side} is stopped: {code} above has the command."
        for code, (_, side) in _WHERE.items()
        if _servers(report, code)
    )


def concerns(server: Mapping[str, Any], code: str) -> bool:
    """A server that is not recovered has one side only: to stop that would stop its workload."""
    return code not in _WHERE or server["status"] in ("RECOVERED", "READY")


def _servers(report: Mapping[str, Any], code: str) -> list[str]:
    return [
        server["name"]
        for server in report["servers"]
        if concerns(server, code) and any(finding["code"] == code for finding in server.get("findings", ()))
    ]
