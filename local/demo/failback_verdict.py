"""Whether a failback did what the fleet file says it must: by what EC2 and DRS show, not by the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.cli.state import BuiltFleet
from local.demo.observed_state import Evidence
from local.demo.verdict import Verdict, misreported, strangers
from local.fleet import BuiltServer, Fleet, expected_failback
from shared.model.pair import PairRecord
from shared.model.status import ServerStatus

_ENDED = ("terminated", "shutting-down")


@dataclass(frozen=True, slots=True)
class Journey:
    """A fleet at its three stations: before the failover, after it, and after the failback."""

    start: Evidence
    away: Evidence
    back: Evidence


def judge_failback(
    fleet: Fleet,
    built: BuiltFleet,
    journey: Journey,
    pairs: Mapping[str, PairRecord],
    report: Mapping[str, Any],
) -> Verdict:
    """Compare what was expected with what EC2 and DRS show, with the recorded pairs, and with ``report``."""
    expected = expected_failback(fleet)
    must_return = [server for server in built.servers if expected.get(server.name) is ServerStatus.RECOVERED]
    returned = [server for server in built.servers if _returned(server, journey)]
    away = [
        server
        for server in built.servers
        if server.name in expected and expected[server.name] is not ServerStatus.RECOVERED
    ]
    return Verdict(
        servers=len(built.servers),
        expected=len(must_return),
        moved=len(returned),
        same_instance=sum(_same_instance(server, journey.back) for server in returned),
        same_address=sum(_same_address(server, journey) for server in returned),
        problems=(
            *(problem for server in must_return for problem in _not_failed_back(server, journey)),
            *(problem for server in must_return for problem in _not_as_before(server, journey, pairs)),
            *(problem for server in away for problem in _not_kept(server, journey)),
            *(
                problem
                for server in built.servers
                if server.name not in expected
                for problem in _touched(server, journey)
            ),
            *strangers(journey.start, journey.back),
            *_left_over(away, journey),
            *misreported(expected, report),
        ),
    )


def _returned(server: BuiltServer, journey: Journey) -> bool:
    """Whether the original runs now, on volumes it did not have while the server was away."""
    now = journey.back.instances.get(server.original_instance_id)
    was = journey.away.instances.get(server.original_instance_id)
    return now is not None and now.state == "running" and was is not None and now.volumes != was.volumes


def _same_instance(server: BuiltServer, now: Evidence) -> bool:
    """Whether DRS itself says that the server runs in its original."""
    found = now.runs_at(server.source_server_id)
    return found is not None and found.instance_id == server.original_instance_id


def _same_address(server: BuiltServer, journey: Journey) -> bool:
    was, now = (
        station.instances.get(server.original_instance_id) for station in (journey.start, journey.back)
    )
    return was is not None and now is not None and was.private_ip == now.private_ip


def _not_failed_back(server: BuiltServer, journey: Journey) -> Iterator[str]:
    if not _returned(server, journey):
        now = journey.back.instances.get(server.original_instance_id)
        yield f"{server.name} did not fail back: its original is {now.state if now else 'not found'}"
        return
    if not _same_instance(server, journey.back):
        found = journey.back.runs_at(server.source_server_id)
        where = found.instance_id if found else "nowhere"
        yield f"{server.name} is {where} for DRS, not {server.original_instance_id}"
    if not _same_address(server, journey):
        yield f"{server.name} does not have the private address of the start"


def _not_as_before(server: BuiltServer, journey: Journey, pairs: Mapping[str, PairRecord]) -> Iterator[str]:
    """What keeps the next failover of a server that failed back from starting as the first did."""
    back = journey.back
    replica = back.replicas.get(server.source_server_id)
    if replica is None:
        yield f"{server.name} is not protected: its source server does not exist"
    elif (replica.direction, replica.state) != ("FAILOVER", "CONTINUOUS"):
        yield f"{server.name} is not protected: replication is {replica.direction} {replica.state}"
    if server.source_server_id in back.recovered_into:
        yield f"{server.name} still has the recovery instance {back.recovered_into[server.source_server_id]}"
    for instance_id in server.target_instance_ids:
        target = back.instances.get(instance_id)
        state = target.state if target else "not found"
        if target is None or state != "stopped":
            yield f"{server.name}: its target {instance_id} is {state}, not stopped"
        elif not target.tagged:
            yield f"{server.name}: its target {instance_id} has lost its tag"
    pair = pairs.get(server.source_server_id)
    recorded = (pair.pair_instance_id, pair.original_instance_id, pair.workload_side) if pair else None
    if recorded != (server.target_instance_ids[0], server.original_instance_id, "ORIGIN"):
        yield f"{server.name}: its pair is recorded as {recorded}"


def _not_kept(server: BuiltServer, journey: Journey) -> Iterator[str]:
    """What is wrong with a server that could not fail back: it must run on where it was."""
    for instance_id in server.target_instance_ids:
        target = journey.back.instances.get(instance_id)
        if target is None or target.state != "running":
            state = target.state if target else "not found"
            yield f"{server.name} could not fail back, and its target is {state}"
    original = journey.back.instances.get(server.original_instance_id)
    if original is None or original.state in _ENDED:
        yield f"{server.name}: its original {server.original_instance_id} no longer exists"
    if _returned(server, journey):
        yield f"{server.name} runs in its original as well"


def _touched(server: BuiltServer, journey: Journey) -> Iterator[str]:
    """What was done to a server that had not been failed over."""
    for instance_id in (server.original_instance_id, *server.target_instance_ids):
        was, now = (station.instances.get(instance_id) for station in (journey.away, journey.back))
        if was != now:
            yield f"{server.name} was not away, but its instance {instance_id} was touched"


def _left_over(away: list[BuiltServer], journey: Journey) -> Iterator[str]:
    """Records of DRS that belong to no server that is still away."""
    there = {instance_id for server in away for instance_id in server.target_instance_ids}
    reversed_ = {
        replica.source_server_id: replica
        for replica in journey.back.replicas.values()
        if replica.direction == "FAILBACK"
    }
    for server_id, replica in reversed_.items():
        if replica.protects not in there:
            yield f"the reversed server {server_id} in {replica.scope} is left ({replica.state})"
    for server_id, instance_id in journey.back.recovered_into.items():
        if server_id not in journey.back.replicas or server_id in reversed_:
            yield f"the recovery instance {instance_id} of {server_id} is left"
