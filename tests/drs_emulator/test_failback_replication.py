"""Replication as a process on the clock: bytes, lag, throughput, stalls, and what a thousand servers cost."""

from __future__ import annotations

import dataclasses
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from drs_emulator import Settings
from drs_emulator.contract import Metric
from drs_emulator.wire.service_model import values_of
from tests.drs_emulator.failback_world import ORIGIN_ACCOUNT, ORIGIN_REGION, QUICK, FailbackWorld
from tests.drs_emulator.world import ACCOUNT, GIB, REGION, World

STALLED_EVENT = "DRS Source Server Data Replication Stalled Change"
FAILBACK_EVENT = "DRS Recovery Instance Failback State Change"
SLOW = dataclasses.replace(QUICK, initial_sync_bytes_per_second=GIB / 20)
ERRORS = values_of("DataReplicationErrorString")
SYNC = ["INITIATING", "INITIAL_SYNC", "CREATING_SNAPSHOT", "CONTINUOUS"]


def until(world: FailbackWorld, server: str, state: str, step: float = 2) -> dict[str, Any]:
    """Let time pass until a server is in ``state``; its dataReplicationInfo then."""
    for _ in range(2000):
        info = world.info(server)
        if info["dataReplicationState"] == state:
            return info
        world.clock.advance(step)
    raise AssertionError(f"{server} never gets to {state}")


def bytes_of(info: dict[str, Any]) -> int:
    return int(sum(disk["replicatedStorageBytes"] for disk in info["replicatedDisks"]))


# --- the initial sync of a reversed server ---


def test_an_initial_sync_passes_through_its_states_with_bytes_and_an_end_in_sight() -> None:
    world = FailbackWorld(SLOW)
    disks = [{"deviceName": "/dev/xvda", "bytes": 8 * GIB}, {"deviceName": "/dev/sdf", "bytes": 4 * GIB}]
    _, _, target = world.failed_over(disks=disks)
    server = world.reverse(target)
    infos = []
    for _ in range(160):
        infos.append((world.clock.now(), world.info(server)))
        world.clock.advance(5)
    states = [info["dataReplicationState"] for _, info in infos]
    assert list(dict.fromkeys(states)) == SYNC
    moved = [bytes_of(info) for _, info in infos]
    assert moved == sorted(moved)
    assert moved[-1] == 12 * GIB
    syncing = [(when, info) for when, info in infos if info["dataReplicationState"] == "INITIAL_SYNC"]
    assert len({bytes_of(info) for _, info in syncing}) == len(syncing) > 20
    for _, info in syncing:
        assert "lagDuration" not in info, "there is no consistent point yet"
        waiting = sum(disk["backloggedStorageBytes"] for disk in info["replicatedDisks"])
        assert abs(waiting + bytes_of(info) - 12 * GIB) <= 4
    ends = [datetime.fromisoformat(info["etaDateTime"]) for _, info in syncing]
    assert max(ends) - min(ends) < timedelta(seconds=1), "the estimate holds"
    last = infos[-1][1]
    assert last["lagDuration"] == "P0D"
    assert "etaDateTime" not in last


def test_the_steps_of_initiation_succeed_one_after_the_other() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    server = world.reverse(target)
    seen: list[list[str]] = []
    while world.state(server) == "INITIATING":
        steps = world.info(server)["dataReplicationInitiation"]["steps"]
        seen.append([step["status"] for step in steps])
        world.clock.advance(5)
    assert steps[0]["name"] == "WAIT"
    assert seen[0][0] == "IN_PROGRESS"
    done = [statuses.count("SUCCEEDED") for statuses in seen]
    assert done == sorted(done)
    assert len(set(done)) > 5
    steps = world.info(server)["dataReplicationInitiation"]["steps"]
    assert {step["status"] for step in steps} == {"SUCCEEDED"}


def test_a_launch_from_a_reversed_server_needs_a_consistent_point() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    server = world.reverse(target)
    for _ in range(400):
        if world.state(server) == "CONTINUOUS":
            break
        with pytest.raises(world.origin.exceptions.ConflictException, match="no consistent point"):
            world.origin.start_recovery(sourceServers=[{"sourceServerID": server}])
        world.clock.advance(5)
    world.origin.start_recovery(sourceServers=[{"sourceServerID": server}])


def sync_times(order: list[str], settings: Settings) -> dict[str, float]:
    """Seconds from reversal to CONTINUOUS of each, reversed in this order at the same moment."""
    world = FailbackWorld(settings)
    # Sorted, so that each gets the same ids in every run: what may differ is the order of the reversals.
    targets = {name: world.failed_over(name)[2] for name in sorted(order)}
    world.clock.advance(420)
    started = world.clock.now()
    servers = {}
    for name in order:
        answer = world.client.reverse_replication(recoveryInstanceID=targets[name])
        servers[name] = answer["reversedDirectionSourceServerArn"].rpartition("/")[2]
    found: dict[str, float] = {}
    while len(found) < len(order):
        world.clock.advance(5)
        for name, server in servers.items():
            if name not in found and world.state(server) == "CONTINUOUS":
                found[name] = (world.clock.now() - started).total_seconds()
    return found


def test_durations_do_not_depend_on_the_order_of_the_calls() -> None:
    names = ["app-1", "db-1", "web-1"]
    assert sync_times(names, QUICK) == sync_times(names[::-1], QUICK)


def test_syncs_into_one_region_share_its_line() -> None:
    names = ["app-1", "db-1", "web-1", "web-2"]
    wide = dataclasses.replace(SLOW, scope_sync_bytes_per_second=GIB)
    narrow = dataclasses.replace(SLOW, scope_sync_bytes_per_second=GIB / 20)
    alone, together = sync_times(names, wide), sync_times(names, narrow)
    # 8 GiB each at GIB/20 per second take 160 s alone; four of them 640 s through one line.
    assert all(together[name] >= alone[name] for name in names)
    assert 400 < max(together.values()) - max(alone.values()) < 500


def test_the_line_and_the_pace_are_settings() -> None:
    factor = dataclasses.replace(QUICK, replication_time_factor=0.01, agent_check_in_seconds=(100.0, 100.0))
    world = FailbackWorld(factor)
    _, _, target = world.failed_over()
    arn = world.client.reverse_replication(recoveryInstanceID=target)["reversedDirectionSourceServerArn"]
    world.clock.advance(4)
    assert world.state(arn.rpartition("/")[2]) == "CONTINUOUS"


def test_a_thousand_syncs_cost_little() -> None:
    world = World(dataclasses.replace(QUICK, max_page_size=1000, default_page_size=1000))
    servers = world.seed(*({"hostname": f"web-{number}"} for number in range(1000)))
    for server in servers:
        world.client.stop_replication(sourceServerID=server)
        world.client.start_replication(sourceServerID=server)
    before = time.process_time()
    world.clock.advance(7200)
    assert time.process_time() - before < 5
    items = world.client.describe_source_servers()["items"]
    assert {item["dataReplicationInfo"]["dataReplicationState"] for item in items} == {"CONTINUOUS"}


# --- the instance of the agent ---


def test_a_reversed_server_stalls_while_its_instance_does_not_run_and_can_still_be_launched() -> None:
    world = FailbackWorld()
    original, _, target, server = world.reversed_pair()
    ec2 = world.ec2.client(ACCOUNT, REGION, None)
    ec2.stop_instances(InstanceIds=[target])
    world.clock.advance(120)
    info = world.info(server)
    assert info["dataReplicationState"] == "STALLED"
    assert info["dataReplicationError"] == {"error": "AGENT_NOT_SEEN"}
    world.clock.advance(600)
    assert world.info(server)["lagDuration"] == "PT10M"
    assert world.recovery_instance(target)["failback"]["state"] == "FAILBACK_READY_FOR_LAUNCH"
    world.fail_back(original, server)
    ec2.start_instances(InstanceIds=[target])
    world.clock.advance(120)
    info = world.info(server)
    assert (info["dataReplicationState"], info["lagDuration"]) == ("CONTINUOUS", "P0D")
    world.clock.advance(1)
    reported = [state for who, state in world.reported(STALLED_EVENT) if who == server]
    assert reported == ["STALLED", "NOT_STALLED"]


def test_a_sync_stands_still_while_its_instance_does_not_run() -> None:
    world = FailbackWorld(dataclasses.replace(SLOW, agent_heartbeat_seconds=0))
    _, _, target = world.failed_over()
    server = world.reverse(target)
    until(world, server, "INITIAL_SYNC")
    world.clock.advance(60)
    world.ec2.change(ACCOUNT, REGION, target, state="stopped")
    before = world.info(server)
    world.clock.advance(3600)
    after = world.info(server)
    assert before["dataReplicationState"] == after["dataReplicationState"] == "STALLED"
    assert 0 < bytes_of(before) == bytes_of(after) < 8 * GIB
    assert world.recovery_instance(target)["failback"]["state"] == "FAILBACK_ERROR"
    world.ec2.change(ACCOUNT, REGION, target, state="running")
    assert world.states(server, 400) == ["INITIAL_SYNC", "CREATING_SNAPSHOT", "CONTINUOUS"]
    assert [state for _, state in world.reported(FAILBACK_EVENT)] == [
        "FAILBACK_IN_PROGRESS",
        "FAILBACK_ERROR",
        "FAILBACK_IN_PROGRESS",
    ]


def test_ec2_is_not_asked_at_every_poll() -> None:
    world = FailbackWorld()
    *_, server = world.reversed_pair()
    world.info(server)
    before = len(world.ec2.calls)
    for _ in range(5):
        world.info(server)
        world.clock.advance(10)
    assert len(world.ec2.calls) == before


@pytest.mark.parametrize(("stalls", "state"), [(False, "CONTINUOUS"), (True, "STALLED")])
def test_a_protected_server_stalls_with_its_original_only_if_asked_to(stalls: bool, state: str) -> None:
    world = FailbackWorld(dataclasses.replace(QUICK, stalls_when_origin_stops=stalls))
    original, server, _ = world.protected()
    assert world.state(server) == "CONTINUOUS"
    world.ec2.change(ORIGIN_ACCOUNT, ORIGIN_REGION, original, state="stopped")
    world.clock.advance(120)
    assert world.state(server) == state


@pytest.mark.parametrize("stalls", [False, True])
def test_a_launch_into_the_original_kills_its_server_until_it_is_re_pointed(stalls: bool) -> None:
    world = FailbackWorld(dataclasses.replace(QUICK, stalls_when_origin_stops=stalls))
    original, server, _, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    back_at = world.clock.now()
    world.clock.advance(3600)
    info = world.info(server)
    assert info["dataReplicationState"] == "STALLED"
    assert info["dataReplicationError"] == {"error": "AGENT_NOT_SEEN"}
    points = world.client.describe_recovery_snapshots(sourceServerID=server)["items"]
    assert points, "the earlier ones stay"
    assert max(point["expectedTimestamp"] for point in points) < back_at.isoformat()
    seen = world.client.describe_source_servers(filters={"sourceServerIDs": [server]})["items"][0]
    assert seen["lifeCycle"]["lastSeenByServiceDateTime"] < back_at.isoformat()
    world.reprotect(original)
    assert world.states(server, 1200)[-1] == "CONTINUOUS"


def test_a_dead_server_stays_dead_when_its_replication_is_started_again() -> None:
    world = FailbackWorld()
    original, server, _, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    world.client.stop_replication(sourceServerID=server)
    world.client.start_replication(sourceServerID=server)
    world.clock.advance(3600)
    assert world.state(server) == "STALLED"


# --- faults ---


@pytest.mark.parametrize("error", ERRORS)
def test_every_documented_error_can_stall_a_reversed_server_alone(error: str) -> None:
    world = FailbackWorld(SLOW)
    _, first, target = world.failed_over()
    world.fault("STALLS", server="web-1", error=error, direction="FAILBACK", state="INITIAL_SYNC")
    server = world.reverse(target)
    assert world.state(server) == "INITIATING"
    info = until(world, server, "STALLED")
    assert info["dataReplicationError"] == {"error": error}
    assert "etaDateTime" not in info
    world.clock.advance(3600)
    assert world.state(server) == "STALLED"
    assert world.state(first) == "CONTINUOUS"
    ri = world.recovery_instance(target)
    assert ri["dataReplicationInfo"]["dataReplicationError"] == {"error": error}
    world.admin("DELETE", "/faults")
    assert world.states(server, 400) == ["INITIAL_SYNC", "CREATING_SNAPSHOT", "CONTINUOUS"]
    reported = [state for who, state in world.reported(STALLED_EVENT) if who == server]
    assert reported == ["STALLED", "NOT_STALLED"]


def test_a_stall_may_end_by_itself_and_does_not_come_back() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    world.fault("STALLS", server="web-1", error="UNSTABLE_NETWORK", direction="FAILBACK", seconds=300)
    server = world.reverse(target)
    assert world.state(server) == "STALLED", "at once, since no state was named"
    world.clock.advance(299)
    assert world.state(server) == "STALLED"
    assert world.states(server, 400, step=4) == ["STALLED", *SYNC]


def test_the_step_that_failed_shows() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    error = "FAILED_TO_AUTHENTICATE_WITH_SERVICE"
    world.fault("STALLS", error=error, direction="FAILBACK", state="INITIATING")
    steps = world.info(world.reverse(target))["dataReplicationInitiation"]["steps"]
    assert {"name": "AUTHENTICATE_WITH_SERVICE", "status": "FAILED"} in steps


def test_a_stall_of_a_protected_server_lets_its_lag_grow() -> None:
    world = FailbackWorld()
    _, server, _ = world.protected()
    world.fault("STALLS", server=server, error="SNAPSHOTS_FAILURE")
    world.clock.advance(900)
    info = world.info(server)
    assert (info["dataReplicationState"], info["lagDuration"]) == ("STALLED", "PT15M")
    world.admin("DELETE", "/faults")
    info = world.info(server)
    assert (info["dataReplicationState"], info["lagDuration"]) == ("CONTINUOUS", "P0D")


def test_a_stall_can_hit_the_rescan_of_re_protection() -> None:
    world = FailbackWorld(dataclasses.replace(QUICK, rescan_bytes_per_second=GIB / 20))
    original, server, _, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    world.fault("STALLS", server="web-1", error="NOT_CONVERGING", state="RESCAN", seconds=600)
    world.reprotect(original)
    errors = []
    for _ in range(120):
        info = world.info(server)
        errors.append(info.get("dataReplicationError", {}).get("error"))
        world.clock.advance(10)
    assert list(dict.fromkeys(errors)) == ["AGENT_NOT_SEEN", "NOT_CONVERGING", None]
    assert world.state(server) == "CONTINUOUS"


def test_a_sync_that_does_not_converge_never_ends_and_is_no_stall() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    world.fault("NOT_CONVERGING", server="web-1", direction="FAILBACK")
    server = world.reverse(target)
    world.clock.advance(24 * 3600)
    info = world.info(server)
    assert info["dataReplicationState"] == "INITIAL_SYNC"
    assert bytes_of(info) < 8 * GIB
    assert info["replicatedDisks"][0]["backloggedStorageBytes"] > 0
    assert "etaDateTime" not in info
    world.admin("DELETE", "/faults")
    assert world.states(server, 200)[-1] == "CONTINUOUS"


def test_a_rescan_that_does_not_converge_ends_with_the_fault() -> None:
    world = FailbackWorld()
    original, server, _, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    world.fault("NOT_CONVERGING", server=server, seconds=3600)
    world.reprotect(original)
    world.clock.advance(2000)
    info = world.info(server)
    assert info["dataReplicationState"] == "RESCAN"
    assert info["replicatedDisks"][0]["rescannedStorageBytes"] < 8 * GIB
    world.clock.advance(1600)
    assert world.state(server) == "CONTINUOUS"


def test_a_server_that_does_not_converge_falls_behind() -> None:
    world = FailbackWorld()
    _, server, _ = world.protected()
    world.fault("NOT_CONVERGING", server="web-1")
    world.clock.advance(600)
    info = world.info(server)
    assert (info["dataReplicationState"], info["lagDuration"]) == ("BACKLOG", "PT10M")
    assert info["replicatedDisks"][0]["backloggedStorageBytes"] > 0


@pytest.mark.parametrize("named", ["web-1", "id", None])
def test_an_agent_that_never_checks_in_refuses_every_reversal(named: str | None) -> None:
    world = FailbackWorld()
    _, server, target = world.failed_over()
    about = {} if named is None else {"server": server if named == "id" else named}
    world.fault("AGENT_NEVER_CHECKS_IN", **about)
    world.clock.advance(24 * 3600)
    with pytest.raises(world.client.exceptions.ConflictException, match="agent is not connected"):
        world.client.reverse_replication(recoveryInstanceID=target)
    world.admin("DELETE", "/faults")
    world.client.reverse_replication(recoveryInstanceID=target)


def test_an_agent_may_fail_to_check_in_on_the_failback_alone() -> None:
    world = FailbackWorld()
    original, server, _ = world.protected()
    world.fault("AGENT_NEVER_CHECKS_IN", server=server, direction="FAILBACK")
    world.fail_over(original, server)
    target = world.source_server(server)["recoveryInstanceId"]
    reversed_server = world.reverse(target)
    world.clock.advance(3600)
    world.fail_back(original, reversed_server)
    with pytest.raises(world.origin.exceptions.ConflictException, match="agent is not connected"):
        world.reprotect(original)


def test_the_staging_account_of_a_reversed_server_can_be_wrong() -> None:
    world = FailbackWorld()
    world.fault("WRONG_STAGING_ACCOUNT", server="web-1", account="333333333333")
    *_, first = world.reversed_pair()
    *_, second = world.reversed_pair("db-1")
    assert world.at_origin(first)["stagingArea"]["stagingAccountID"] == "333333333333"
    assert world.at_origin(second)["stagingArea"]["stagingAccountID"] == ORIGIN_ACCOUNT


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"kind": "STALLS"}, "error"),
        ({"kind": "STALLS", "error": "TIRED"}, "TIRED"),
        ({"kind": "STALLS", "error": "AGENT_NOT_SEEN", "direction": "SIDEWAYS"}, "SIDEWAYS"),
        ({"kind": "WRONG_STAGING_ACCOUNT"}, "account"),
        ({"kind": "WRONG_STAGING_ACCOUNT", "account": "mine"}, "mine"),
    ],
)
def test_a_fault_of_failback_that_is_not_right_is_refused_by_name(fault: Any, named: str) -> None:
    world = FailbackWorld()
    status, answer = world.drs.admin("POST", "/faults", {"faults": [fault]})
    assert status == 400
    assert named in answer["message"]


def test_a_fault_in_the_name_of_the_first_server_hits_the_launch_at_origin() -> None:
    world = FailbackWorld()
    original, server, _, reversed_server = world.reversed_pair()
    world.fault("PHASE_FAILS", server=server, phase="CONVERSION", direction="FAILBACK", times=1)
    job = world.origin.start_recovery(sourceServers=[{"sourceServerID": reversed_server}])["job"]["jobID"]
    world.clock.advance(3600)
    item = world.origin.describe_jobs(filters={"jobIDs": [job]})["items"][0]
    assert item["participatingServers"][0]["launchStatus"] == "FAILED"
    assert world.state_of(ORIGIN_ACCOUNT, ORIGIN_REGION, original) == "stopped"


def test_the_admin_state_shows_the_pair() -> None:
    world = FailbackWorld()
    _, server, target, reversed_server = world.reversed_pair()
    scopes = {scope["account"]: scope for scope in world.admin("GET", "/state")["scopes"]}
    (first,), (second,) = scopes[ACCOUNT]["sourceServers"], scopes[ORIGIN_ACCOUNT]["sourceServers"]
    assert (first["counterpart"], second["counterpart"]) == (reversed_server, server)
    (item,) = scopes[ACCOUNT]["recoveryInstances"]
    assert (item["recoveryInstanceID"], item["reversedTo"]) == (target, reversed_server)
    assert item["failbackState"] == "FAILBACK_READY_FOR_LAUNCH"


# --- metrics ---


class Gauges:
    """A metric sink that keeps what it gets."""

    def __init__(self) -> None:
        self.points: list[tuple[str, str, Metric]] = []

    def put(self, account: str, region: str, at: datetime, metrics: Any) -> None:
        self.points += [(account, region, metric) for metric in metrics]

    def values(self, name: str, server: str | None = None) -> list[float]:
        here = {"SourceServerID": server} if server else {}
        return [
            metric.value
            for _, _, metric in self.points
            if metric.name == name and dict(metric.dimensions) == here
        ]


def test_metrics_are_put_when_something_changes() -> None:
    gauges = Gauges()
    world = FailbackWorld(SLOW, metrics=gauges)
    *_, reversed_server = world.reversed_pair()
    assert {place[:2] for place in gauges.points} == {(ACCOUNT, REGION), (ORIGIN_ACCOUNT, ORIGIN_REGION)}
    first = world.client.describe_source_servers()["items"][0]["sourceServerID"]
    assert gauges.values("DurationSinceLastSuccessfulRecoveryLaunch", first) == [0], "put at the launch"
    assert gauges.values("Backlog", reversed_server)[-1] == 0
    assert max(gauges.values("Backlog", reversed_server)) == 8 * GIB
    assert gauges.values("LagDuration", reversed_server) == [0]
    elapsed = gauges.values("ElapsedReplicationDuration", reversed_server)
    assert elapsed == sorted(elapsed)
    assert elapsed[-1] > 160
    for name in ("TotalSourceServerCount", "ActiveSourceServerCount", "ProtectedSourceServerCount"):
        assert gauges.values(name)[-1] == 1
    world.origin.stop_replication(sourceServerID=reversed_server)
    world.clock.advance(1)
    assert gauges.values("ProtectedSourceServerCount")[-1] == 0
    assert gauges.values("ActiveSourceServerCount")[-1] == 1
