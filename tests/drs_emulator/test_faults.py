"""Faults on demand, the admin API, settings, and the rules that hold whatever goes wrong."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from drs_emulator import DrsEmulator, Hooks, NoEvents, Settings
from drs_emulator.clock import ManualClock
from drs_emulator.errors import LockedError
from drs_emulator.small_ec2 import SmallEc2
from drs_emulator.state import StateLock
from tests.drs_emulator.world import World

BUSY = "currently being processed by a Job"


def statuses(job: dict[str, Any]) -> list[str]:
    return [part["launchStatus"] for part in job["participatingServers"]]


# --- each kind of fault ---


@pytest.mark.parametrize(
    ("phase", "event"),
    [
        ("SNAPSHOT", "SNAPSHOT_FAIL"),
        ("CONVERSION", "CONVERSION_FAIL"),
        ("LAUNCH", "LAUNCH_FAILED"),
    ],
)
def test_a_phase_fails_for_one_server_as_often_as_asked(phase: str, event: str) -> None:
    world = World()
    bad, target = world.pair("bad")
    good, _ = world.pair("good")
    world.fault("PHASE_FAILS", server="bad", phase=phase, times=1, message="disk on fire")
    job_id = world.start(bad, good)
    job = world.finish(job_id)
    assert statuses(job) == ["FAILED", "LAUNCHED"]
    last = world.log(job_id, bad)[-1]
    assert (last["event"], last["eventData"]["rawError"]) == (event, "disk on fire")
    assert len(world.instance(target)["BlockDeviceMappings"]) == 1
    assert world.recovery_instances(bad) == []
    assert statuses(world.finish(world.start(bad))) == ["LAUNCHED"]


def test_a_failing_clean_up_fails_the_server() -> None:
    world = World()
    server = world.server()
    world.finish(world.start(server))
    world.fault("PHASE_FAILS", server=server, phase="CLEANUP")
    job_id = world.start(server)
    assert statuses(world.finish(job_id)) == ["FAILED"]
    assert world.events_of(job_id, server) == ["CLEANUP_START", "CLEANUP_FAIL"]


def test_a_busy_server_refuses_calls_for_a_while() -> None:
    world = World()
    server = world.server()
    world.fault("SERVER_BUSY", server="web-1", seconds=120)
    [foreign] = world.client.describe_jobs()["items"]
    assert (foreign["status"], foreign["initiatedBy"]) == ("STARTED", "DIAGNOSTIC")
    assert foreign["participatingServers"][0]["sourceServerID"] == server
    with pytest.raises(world.client.exceptions.ConflictException, match=BUSY):
        world.start(server)
    world.clock.advance(120)
    world.start(server)


def test_a_busy_server_is_free_when_the_fault_is_deleted() -> None:
    world = World()
    server = world.server()
    world.fault("SERVER_BUSY", server=server)
    world.clock.advance(86400)
    with pytest.raises(world.client.exceptions.ConflictException, match=BUSY):
        world.start(server)
    world.admin("DELETE", "/faults")
    world.start(server)


def test_throttling_says_when_to_come_back() -> None:
    world = World()
    world.client.initialize_service()
    world.fault("THROTTLED", operation="DescribeJobs", times=2, seconds=7)
    for _ in range(2):
        with pytest.raises(world.client.exceptions.ThrottlingException) as refusal:
            world.client.describe_jobs()
        headers = refusal.value.response["ResponseMetadata"]["HTTPHeaders"]
        assert headers["retry-after"] == "7"
    world.client.describe_source_servers()
    world.client.describe_jobs()


def test_throttling_by_chance_repeats_with_the_seed() -> None:
    def run(seed: int) -> list[bool]:
        world = World(seed=seed)
        world.client.initialize_service()
        world.fault("THROTTLED", probability=0.5)
        answers = []
        for _ in range(20):
            try:
                world.client.describe_jobs()
            except world.client.exceptions.ThrottlingException:
                answers.append(False)
            else:
                answers.append(True)
        return answers

    assert run(1) == run(1) != run(2)
    assert {True, False} == set(run(1))


def test_an_accepted_call_whose_answer_is_lost_took_effect() -> None:
    world = World()
    server = world.server()
    world.fault("ACCEPTED_BUT_TIMES_OUT", operation="StartRecovery", times=1)
    with pytest.raises(ClientError) as refusal:
        world.start(server)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 504
    (job,) = world.client.describe_jobs()["items"]
    assert [part["sourceServerID"] for part in job["participatingServers"]] == [server]
    with pytest.raises(world.client.exceptions.ConflictException, match=BUSY):
        world.start(server)


def test_a_refused_call_does_not_use_up_a_lost_answer() -> None:
    world = World()
    world.fault("ACCEPTED_BUT_TIMES_OUT", operation="StartRecovery", times=1)
    server = world.server(dataReplicationState="STOPPED")
    with pytest.raises(world.client.exceptions.ConflictException):
        world.start(server)
    assert world.admin("GET", "/faults")["faults"][0]["timesLeft"] == 1


@pytest.mark.parametrize("phase", ["SNAPSHOT", "CONVERSION", "LAUNCH"])
def test_a_stuck_job_goes_on_when_the_fault_is_deleted(phase: str) -> None:
    world = World()
    server, _ = world.pair()
    world.fault("JOB_STUCK", phase=phase, server=server)
    job_id = world.start(server)
    world.clock.advance(86400)
    assert world.job(job_id)["status"] == "STARTED"
    world.admin("DELETE", "/faults")
    assert statuses(world.finish(job_id)) == ["LAUNCHED"]


def test_a_job_stuck_for_a_time_is_that_much_longer() -> None:
    def run(stuck: bool) -> float:
        world = World()
        server, _ = world.pair()
        if stuck:
            world.fault("JOB_STUCK", phase="CONVERSION", seconds=5000)
        before = world.clock.now()
        world.finish(world.start(server))
        return (world.clock.now() - before).total_seconds()

    assert 4900 < run(True) - run(False) < 5100


def test_replication_can_be_made_to_appear_otherwise_and_reports_it() -> None:
    world = World()
    server = world.server()
    world.fault("REPLICATION", server="web-1", state="STALLED", lagSeconds=5400, error="NOT_CONVERGING")
    info = world.source_server(server)["dataReplicationInfo"]
    assert (info["dataReplicationState"], info["lagDuration"]) == ("STALLED", "PT1H30M")
    assert info["dataReplicationError"] == {"error": "NOT_CONVERGING"}
    world.admin("DELETE", "/faults")
    assert world.source_server(server)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    kind = "DRS Source Server Data Replication Stalled Change"
    states = [item["detail"]["state"] for item in world.events.events if item["detail-type"] == kind]
    assert states == ["STALLED", "NOT_STALLED"]


def test_a_stall_that_ends_by_itself_is_announced_too() -> None:
    world = World()
    server = world.server()
    world.fault("REPLICATION", server=server, state="STALLED", seconds=300)
    world.clock.advance(301)
    assert [item["detail"]["state"] for item in world.events.events] == ["STALLED", "NOT_STALLED"]


# --- the admin API ---


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"kind": "METEORITE"}, "METEORITE"),
        ({}, "None"),
        ("THROTTLED", "JSON object"),
        ({"kind": "PHASE_FAILS"}, "phase"),
        ({"kind": "PHASE_FAILS", "phase": "LUNCH"}, "LUNCH"),
        ({"kind": "PHASE_FAILS", "phase": "LAUNCH", "operation": "StartRecovery"}, "operation"),
        ({"kind": "THROTTLED", "operation": "MakeCoffee"}, "MakeCoffee"),
        ({"kind": "THROTTLED", "times": 0}, "times"),
        ({"kind": "THROTTLED", "probability": 2}, "probability"),
        ({"kind": "SERVER_BUSY", "server": "a", "seconds": "long"}, "seconds"),
        ({"kind": "SERVER_BUSY", "server": 5}, "server"),
        ({"kind": "ERROR", "operation": "DescribeJobs", "code": "Oops"}, "Oops"),
        ({"kind": "REPLICATION", "server": "a", "state": "TIRED"}, "TIRED"),
        ({"kind": "REPLICATION", "server": "a", "error": "TIRED"}, "TIRED"),
    ],
)
def test_a_fault_that_is_not_known_is_refused_by_name(fault: Any, named: str) -> None:
    world = World()
    status, answer = world.drs.admin("POST", "/faults", {"faults": [{"kind": "THROTTLED"}, fault]})
    assert status == 400
    assert named in answer["message"]
    assert world.admin("GET", "/faults") == {"faults": []}, "none of the list is in force"


@pytest.mark.parametrize(
    ("server", "named"),
    [
        ("web", "hostname"),
        ({}, "hostname"),
        ({"hostname": "a", "colour": "blue"}, "colour"),
        ({"hostname": "a", "platform": "beos"}, "beos"),
        ({"hostname": "a", "dataReplicationState": "TIRED"}, "TIRED"),
        ({"hostname": "a", "disks": [{"deviceName": "x"}]}, "deviceName"),
        ({"hostname": "a", "awsInstanceID": "web-1"}, "awsInstanceID"),
        ({"hostname": "a", "sourceServerID": "s-1"}, "sourceServerID"),
        ({"hostname": "a", "launchConfiguration": {"launchDisposition": "MAYBE"}}, "launchDisposition"),
    ],
)
def test_a_source_server_that_is_not_right_is_refused_by_name(server: Any, named: str) -> None:
    body = {"account": "222222222222", "region": "us-east-2", "servers": [server]}
    status, answer = World().drs.admin("POST", "/source-servers", body)
    assert status == 400
    assert named in answer["message"]


def test_seeding_keeps_a_given_id_and_refuses_it_twice() -> None:
    world = World()
    given_id = "s-0123456789abcdef0"
    assert world.server(sourceServerID=given_id) == given_id
    body = {"account": "222222222222", "region": "us-east-2"}
    servers = [{"hostname": "b", "sourceServerID": given_id}]
    assert world.drs.admin("POST", "/source-servers", {**body, "servers": servers})[0] == 409


def test_an_unknown_route_names_those_there_are() -> None:
    status, answer = World().drs.admin("GET", "/coffee", None)
    assert status == 404
    assert "POST /faults" in answer["message"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": "blue"}, "colour"),
        ({"running_target": "MAYBE"}, "MAYBE"),
        ({"time_factor": "fast"}, "time_factor"),
        ({"jobs_in_progress": 1.5}, "jobs_in_progress"),
        ({"jobs_in_progress": -1}, "jobs_in_progress"),
        ({"api_latency": 1}, "api_latency"),
        ({"conversion_linux": [1]}, "conversion_linux"),
    ],
)
def test_a_setting_that_is_not_known_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    world = World()
    status, answer = world.drs.admin("PATCH", "/settings", changes)
    assert status == 400
    assert named in answer["message"]
    assert world.drs.settings == Settings()


def test_settings_are_changed_at_run_time() -> None:
    world = World()
    answer = world.admin("PATCH", "/settings", {"conversion_linux": [1, 2], "jobs_in_progress": 3})
    assert world.admin("GET", "/settings") == answer == dataclasses.asdict(world.drs.settings)
    assert world.drs.settings == Settings(conversion_linux=(1.0, 2.0), jobs_in_progress=3)


def test_the_state_shows_everything_and_counts_guesses() -> None:
    world = World()
    server, target = world.pair()
    world.finish(world.start(server))
    state = world.admin("GET", "/state")
    (scope,) = state["scopes"]
    assert [item["sourceServerID"] for item in scope["sourceServers"]] == [server]
    assert [item["recoveryInstanceID"] for item in scope["recoveryInstances"]] == [target]
    assert scope["jobs"][0]["log"][0]["event"] == "JOB_START"
    assert state["guesses"]["extra_data_volumes"] == 1


def test_a_reset_forgets_and_stops_what_was_planned() -> None:
    world = World()
    server, target = world.pair()
    world.start(server)
    world.admin("POST", "/reset")
    world.clock.advance(3600)
    assert world.admin("GET", "/state")["scopes"] == []
    assert world.instance(target)["State"]["Name"] == "stopped"
    assert world.events.events == []


# --- rules that always hold ---


def test_nothing_outside_is_called_with_the_lock_taken() -> None:
    lock = StateLock()
    lock.check_free("EC2")
    with lock, lock, pytest.raises(LockedError):
        lock.check_free("EC2")
    lock.check_free("EC2")


FAULTS = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("PHASE_FAILS"),
            "phase": st.sampled_from(["CLEANUP", "SNAPSHOT", "CONVERSION", "LAUNCH"]),
            "probability": st.sampled_from([0.2, 1.0]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("JOB_STUCK"),
            "phase": st.sampled_from(["SNAPSHOT", "CONVERSION", "LAUNCH"]),
            "seconds": st.sampled_from([10, 1000]),
        }
    ),
    st.fixed_dictionaries({"kind": st.just("SERVER_BUSY"), "server": st.just("s0"), "seconds": st.just(100)}),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["THROTTLED", "ACCEPTED_BUT_TIMES_OUT"]),
            "operation": st.sampled_from(["StartRecovery", "TerminateRecoveryInstances"]),
            "probability": st.just(0.5),
        }
    ),
    st.just({"kind": "IGNORES_DISPOSITION"}),
    st.just({"kind": "REPLICATION", "server": "s1", "state": "STALLED"}),
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.sets(st.integers(0, 5), min_size=1)),
        st.tuples(st.just("terminate"), st.sets(st.integers(0, 5), min_size=1)),
        st.tuples(st.just("wait"), st.sampled_from([1, 60, 400, 2000])),
        st.tuples(st.just("stop"), st.integers(0, 5)),
        st.tuples(st.just("deny"), st.sampled_from(["ec2:AttachVolume", "ec2:TerminateInstances"])),
    ),
    max_size=12,
)
SMALL = Settings(servers_per_job=4, jobs_in_progress=2, servers_in_all_jobs=5)


REFUSALS = {
    "ConflictException",
    "ServiceQuotaExceededException",
    "ThrottlingException",
    "ValidationException",
    "GatewayTimeoutException",
}


def take(world: World, pairs: list[tuple[str, str]], action: tuple[str, Any]) -> str | None:
    """One action of an unruly operator; the code of its refusal, if any."""
    name, value = action
    try:
        if name == "start":
            world.start(*(pairs[number][0] for number in sorted(value)))
        elif name == "terminate":
            ids = [item["recoveryInstanceID"] for item in world.recovery_instances()]
            world.client.terminate_recovery_instances(recoveryInstanceIDs=ids[: len(value)])
        elif name == "stop":
            world.ec2.client("222222222222", "us-east-2", None).stop_instances(InstanceIds=[pairs[value][1]])
        elif name == "deny":
            world.ec2.denied.add(value)
        else:
            world.clock.advance(value)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def check_rules(world: World) -> None:
    """At most one job per server, and never more than the quotas allow."""
    active = [job for job in world.client.describe_jobs()["items"] if job["status"] != "COMPLETED"]
    servers = [part["sourceServerID"] for job in active for part in job["participatingServers"]]
    assert len(servers) == len(set(servers)) <= SMALL.servers_in_all_jobs
    assert len(active) <= SMALL.jobs_in_progress
    assert all(len(job["participatingServers"]) <= SMALL.servers_per_job for job in active)


@given(faults=st.lists(FAULTS, max_size=4), actions=ACTIONS, seed=st.integers(0, 5))
@settings(max_examples=40)
def test_whatever_goes_wrong_jobs_end_and_rules_stand(
    faults: list[dict[str, Any]], actions: list[tuple[str, Any]], seed: int
) -> None:
    world = World(SMALL, seed=seed)
    pairs = [world.pair(f"s{number}") for number in range(4)]
    pairs += [(world.server(f"s{number}"), world.target()) for number in (4, 5)]  # plain launches
    world.admin("POST", "/faults", {"faults": faults})
    for action in actions:
        assert take(world, pairs, action) in {None, *REFUSALS}
        check_rules(world)
    world.clock.advance(20_000)
    for job in world.client.describe_jobs()["items"]:
        assert job["status"] == "COMPLETED"
        final = {"LAUNCHED", "FAILED"} if job["type"] == "LAUNCH" else {"TERMINATED", "FAILED"}
        assert set(statuses(job)) <= final
        events = world.events_of(job["jobID"])
        assert (events[0], events[-1], events.count("JOB_END")) == ("JOB_START", "JOB_END", 1)


def test_work_aside_comes_to_the_same_end() -> None:
    """EC2 work may run elsewhere, later: here in a queue that is worked off between two steps of time."""
    clock = ManualClock()
    queue: list[Any] = []
    world = World()
    world.clock = clock
    world.ec2 = SmallEc2(clock)
    world.drs = DrsEmulator(clock, world.ec2, NoEvents(), hooks=Hooks(run_aside=queue.append))
    servers = [world.pair(f"web-{number}")[0] for number in range(3)]
    job_id = world.start(*servers)
    for _ in range(200):
        clock.advance(10)
        while queue:
            queue.pop()()
    assert world.job(job_id)["status"] == "COMPLETED"
    assert statuses(world.job(job_id)) == ["LAUNCHED"] * 3


class EagerClock(ManualClock):
    """A clock on which everything is due at once; it keeps what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        self.waits.append(seconds)
        action()


def test_answers_take_their_time_if_the_settings_ask() -> None:
    world = World()
    clock = EagerClock()
    world.drs = DrsEmulator(clock, world.ec2, NoEvents(), Settings(api_latency=True))
    with pytest.raises(world.client.exceptions.UninitializedAccountException):
        world.start("s-00000000000000000", "s-00000000000000001")
    with pytest.raises(world.client.exceptions.UninitializedAccountException):
        world.client.describe_jobs()
    assert clock.waits == [1.6, 0.2]


def test_a_call_that_waits_for_ec2_or_time_is_not_answered_at_once() -> None:
    world = World()
    assert world.drs.answers_at_once("GetLaunchConfiguration")
    for operation in ("StartRecovery", "UpdateLaunchConfiguration", "Unknown"):
        assert not world.drs.answers_at_once(operation)
    slow = DrsEmulator(EagerClock(), world.ec2, NoEvents(), Settings(api_latency=True))
    assert not slow.answers_at_once("GetLaunchConfiguration")


def test_of_many_calls_at_the_same_moment_one_gets_the_server() -> None:
    world = World()
    server, _ = world.pair()
    together = threading.Barrier(8)

    def start(_: int) -> str:
        together.wait(10)
        try:
            return world.start(server)
        except world.client.exceptions.ConflictException as refusal:
            return str(refusal.response["Error"]["Message"])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(start, range(8)))
    assert len([answer for answer in answers if answer.startswith("drsjob-")]) == 1
    assert len([answer for answer in answers if BUSY in answer]) == 7
    assert len(world.client.describe_jobs()["items"]) == 1
