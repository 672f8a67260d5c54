"""What the demo prints at its stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from local.cli.watch.events import duration
from local.demo.comparison import LOG, Outcome
from local.demo.verdict import Verdict
from local.fleet import Fleet
from local.paths import shown

_MOST_PROBLEMS = 20
_PAYLOAD_LIMIT = 32 * 1024
_PARTS = {
    "reverseReplicationSeconds": "reverse replication",
    "cutoverSeconds": "cutover, the outage",
    "reprotectSeconds": "protected again after",
}


def plan_of_action(report: Mapping[str, Any]) -> list[str]:
    """What a dry run says would be done."""
    lines = []
    for wave in (report.get("planOfAction") or {}).get("waves", ()):
        jobs = wave["jobs"]
        servers = sum(len(job["servers"]) for job in jobs)
        after = f" after {', '.join(wave['startsAfter'])}" if wave["startsAfter"] else ""
        lines.append(f"  wave {wave['name']}: {servers} servers in {_count(len(jobs), 'job')}{after}")
    totals = report["totals"]
    if totals["blocked"]:
        lines.append(f"  blocked: {totals['blocked']} of {totals['servers']} servers")
    if report.get("estimateSeconds") is not None:
        lines.append(f"  estimate: {duration(report['estimateSeconds'])}")
    return lines


def stragglers(report: Mapping[str, Any]) -> list[str]:
    """Each server that was not recovered, with reason and remedy."""
    lines = []
    for server in report.get("servers", ()):
        if server["status"] != "RECOVERED":
            lines.append(f"  {server['name']} {server['status']}: {server['reason']}")
            lines.append(f"      {server['remedy']}")
    return lines


def verdict_lines(fleet: Fleet, verdict: Verdict, payload: int, files: Iterable[Path]) -> list[str]:
    """The end of a failover: what EC2 shows, and whether that is what had to be."""
    return _verdict_lines(fleet, verdict, payload, files, "moved")


def failback_lines(fleet: Fleet, verdict: Verdict, payload: int, files: Iterable[Path]) -> list[str]:
    """The end of a failback likewise."""
    return _verdict_lines(fleet, verdict, payload, files, "failed back")


def failback_times(report: Mapping[str, Any], elapsed: float) -> list[str]:
    """How long a failback took, as a whole and in its parts. ``elapsed`` is in real seconds."""
    seconds = float(report.get("durationSeconds") or 0)
    lines = [f"failback: {duration(seconds)} simulated, {duration(elapsed)} here"]
    for key, meaning in _PARTS.items():
        part = report.get(key)
        lines.append(f"  {meaning}: {'unknown' if part is None else duration(float(part))}")
    return lines


def _verdict_lines(
    fleet: Fleet, verdict: Verdict, payload: int, files: Iterable[Path], moved: str
) -> list[str]:
    lines = [
        f"{verdict.moved} of {_count(verdict.servers, 'server')} {moved}, {verdict.expected} had to",
        f"{verdict.same_instance} identical instance ids, {verdict.same_address} identical private addresses"
        " (asked of EC2 and DRS, not of the report)",
        f"largest state payload: {payload:,} bytes (limit {_PAYLOAD_LIMIT:,})",
        f"report: {', '.join(map(shown, files))}",
    ]
    if verdict.problems:
        lines.append(f"{fleet.path}: not as it must be:")
        lines += [f"  {problem}" for problem in verdict.problems[:_MOST_PROBLEMS]]
        if len(verdict.problems) > _MOST_PROBLEMS:
            lines.append(f"  … and {len(verdict.problems) - _MOST_PROBLEMS} more")
    return lines


def times(
    report: Mapping[str, Any], elapsed: float, by_wave: Outcome | None, *, compared: bool = True
) -> list[str]:
    """The recovery time, next to what the same plan takes wave by wave. ``elapsed`` is in real seconds.

    ``by_wave`` is None when that could not be computed, or when it was not ``compared``.
    """
    seconds = float(report.get("durationSeconds") or 0)
    took = f"{duration(seconds)} simulated, {duration(elapsed)} here"
    lines = [f"recovery time: {took}, with launchOrder {report['launchOrder']}"]
    if not compared:
        return lines
    if by_wave is None:
        lines.append(f"  with BY_WAVE: could not be computed; read {shown(LOG)}")
    else:
        lines.append(f"  with BY_WAVE the same plan takes {duration(by_wave.seconds)} ({by_wave.status})")
    return lines


def payload_problem(payload: int) -> str | None:
    """Why a state payload is too large, or None."""
    if payload >= _PAYLOAD_LIMIT:
        return f"a state payload has {payload:,} bytes, {_PAYLOAD_LIMIT:,} is the limit"
    return None


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
