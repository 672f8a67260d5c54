"""Whether a failover did what the fleet file says it must: by what EC2 and DRS show, not by the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.cli.state import BuiltFleet
from local.demo.observed_state import Evidence
from local.fleet import BuiltServer, Fleet, expected_outcomes
from shared.model.status import ServerStatus


@dataclass(frozen=True, slots=True)
class Verdict:
    """``problems`` is empty when all is as it must be. Counts are of servers.

    ``expected`` had to move (to the recovery side, or back to the origin), ``moved`` did.
    """

    servers: int
    expected: int
    moved: int
    same_instance: int
    same_address: int
    problems: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not self.problems


def judge(
    fleet: Fleet, built: BuiltFleet, before: Evidence, after: Evidence, report: Mapping[str, Any]
) -> Verdict:
    """Compare what was expected with what EC2 and DRS show now, and with what ``report`` says."""
    expected = expected_outcomes(fleet)
    must_move = [server for server in built.servers if expected[server.name] is ServerStatus.RECOVERED]
    moved = [server for server in built.servers if _moved(server, before, after)]
    return Verdict(
        servers=len(built.servers),
        expected=len(must_move),
        moved=len(moved),
        same_instance=sum(_same_instance(server, after) for server in moved),
        same_address=sum(_same_address(server, before, after) for server in moved),
        problems=(
            *(problem for server in must_move for problem in _missed(server, before, after)),
            *(
                problem
                for server in built.servers
                if server not in must_move
                for problem in _disturbed(server, expected[server.name], before, after)
            ),
            *strangers(before, after),
            *misreported(expected, report),
        ),
    )


def _moved(server: BuiltServer, before: Evidence, after: Evidence) -> bool:
    """Whether a target of the server runs now, on volumes it did not have before."""
    return any(
        after.instances[target].state == "running"
        and after.instances[target].volumes != before.instances[target].volumes
        for target in server.target_instance_ids
        if target in after.instances
    )


def _same_instance(server: BuiltServer, after: Evidence) -> bool:
    """Whether DRS itself says that it recovered the server into its own target."""
    return after.recovered_into.get(server.source_server_id) in server.target_instance_ids


def _same_address(server: BuiltServer, before: Evidence, after: Evidence) -> bool:
    return all(
        after.instances[target].private_ip == before.instances[target].private_ip
        for target in server.target_instance_ids
        if target in after.instances
    )


def _missed(server: BuiltServer, before: Evidence, after: Evidence) -> Iterator[str]:
    """What is wrong with a server that had to move."""
    if not _moved(server, before, after):
        states = [
            after.instances[target].state if target in after.instances else "not found"
            for target in server.target_instance_ids
        ]
        yield f"{server.name} did not move: its target is {' and '.join(states) or 'not there'}"
        return
    if not _same_instance(server, after):
        found = after.recovered_into.get(server.source_server_id, "nothing")
        yield f"{server.name} was recovered into {found}, not into {server.target_instance_ids[0]}"
    if not _same_address(server, before, after):
        yield f"{server.name} does not have the private address of before"


def _disturbed(
    server: BuiltServer, expected: ServerStatus, before: Evidence, after: Evidence
) -> Iterator[str]:
    """What was done to a server that had to stay: a blocked one untouched, any other at least not started."""
    for target in server.target_instance_ids:
        was, now = before.instances[target], after.instances.get(target)
        if now is None or now.state in ("terminated", "shutting-down"):
            yield f"{server.name}: its target {target} no longer exists"
        elif now.state == "running" and was.state != "running":
            yield f"{server.name} moved and should not have: {target} runs"
        elif expected is ServerStatus.BLOCKED and (now.volumes, now.state) != (was.volumes, was.state):
            yield f"{server.name} is blocked, but its target {target} was touched"


def strangers(before: Evidence, after: Evidence) -> Iterator[str]:
    """Instances that no step asked for."""
    for instance_id in sorted(after.instances.keys() - before.instances.keys()):
        yield f"instance {instance_id} is new: nothing but launches into targets was asked for"


def misreported(expected: Mapping[str, ServerStatus], report: Mapping[str, Any]) -> Iterator[str]:
    """Where the report is wrong about a server."""
    reported = {server["name"]: server for server in report.get("servers", ())}
    for name, outcome in expected.items():
        server = reported.get(name)
        if server is None:
            yield f"{name} is not in the report"
        elif outcome is ServerStatus.RECOVERED:
            if server["status"] != "RECOVERED" or not server["verifiedAt"]:
                yield f"{name} is {server['status']} in the report: {server['reason'] or 'no reason given'}"
        elif server["status"] == "RECOVERED":
            yield f"{name} is RECOVERED in the report and cannot be"
        elif not (server["reason"] and server["remedy"]):
            yield f"{name} is {server['status']} in the report without reason and remedy"
