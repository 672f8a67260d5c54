"""Jobs: their phases and times, their quotas, plain launches, clean-up, termination."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from drs_emulator import Settings
from tests.drs_emulator.world import ACCOUNT, REGION, World

BUSY = "One or more of the Source Servers included in API call are currently being processed by a Job"
NO_SERVER = "s-00000000000000000"
NO_INSTANCE = "i-00000000000000000"
PHASES = [
    "SNAPSHOT_START",
    "SNAPSHOT_END",
    "CONVERSION_START",
    "CONVERSION_END",
    "LAUNCH_START",
    "LAUNCH_END",
]


def seconds(job: dict[str, Any]) -> float:
    start, end = (datetime.fromisoformat(job[key]) for key in ("creationDateTime", "endDateTime"))
    return (end - start).total_seconds()


def statuses(job: dict[str, Any]) -> list[str | None]:
    return [part.get("launchStatus") for part in job["participatingServers"]]


# --- phases ---


def test_every_server_passes_through_the_phases_in_order() -> None:
    world = World()
    servers = [world.pair(f"web-{number}")[0] for number in range(3)]
    job_id = world.start(*servers)
    world.finish(job_id)
    for server in servers:
        assert world.events_of(job_id, server) == PHASES
    log = world.log(job_id)
    assert (log[0]["event"], log[0]["eventData"]) == ("JOB_START", {})
    assert (log[-1]["event"], log[-1]["eventData"]) == ("JOB_END", {})
    times = [item["logDateTime"] for item in log]
    assert times == sorted(times)
    converters = {item["eventData"]["conversionServerID"] for item in log if "CONVERSION" in item["event"]}
    assert len(converters) == 3


def test_a_job_is_pending_then_started_then_completed_and_shows_its_servers_on_the_way() -> None:
    world = World()
    server, target = world.pair()
    answer = world.client.start_recovery(sourceServers=[{"sourceServerID": server}], tags={"wave": "1"})
    job = answer["job"]
    assert (job["status"], job["type"], job["initiatedBy"]) == ("PENDING", "LAUNCH", "START_RECOVERY")
    assert (job["tags"], job["participatingServers"]) == (
        {"wave": "1"},
        [{"sourceServerID": server, "launchStatus": "PENDING"}],
    )
    seen: list[tuple[str, str | None]] = []
    launches: list[str] = []
    while (job := world.job(job["jobID"]))["status"] != "COMPLETED":
        if not seen or seen[-1] != (job["status"], statuses(job)[0]):
            seen.append((job["status"], statuses(job)[0]))
            launches.append(world.source_server(server)["lifeCycle"]["lastLaunch"]["status"])
        world.clock.advance(0.5)
    assert seen == [
        ("PENDING", "PENDING"),
        ("STARTED", "PENDING"),
        ("STARTED", "IN_PROGRESS"),
        ("STARTED", "LAUNCHED"),
    ]
    assert launches == ["PENDING", "PENDING", "IN_PROGRESS", "LAUNCHED"]
    assert "recoveryInstanceID" not in job["participatingServers"][0]
    item = world.source_server(server)
    assert item["lastLaunchResult"] == "SUCCEEDED"
    assert item["lifeCycle"]["lastLaunch"]["initiated"]["jobID"] == job["jobID"]
    assert item["lifeCycle"]["lastLaunch"]["initiated"]["type"] == "RECOVERY"
    assert target == item["recoveryInstanceId"]


def test_what_a_job_shows_of_its_servers_is_a_setting() -> None:
    world = World(Settings(launch_status_before_launch="ABSENT", recovery_instance_id_in_job=True))
    server, target = world.pair()
    job_id = world.start(server)
    assert world.job(job_id)["participatingServers"] == [{"sourceServerID": server}]
    job = world.finish(job_id)
    assert job["participatingServers"][0]["recoveryInstanceID"] == target


def test_a_plain_linux_drill_takes_about_as_long_as_the_published_one() -> None:
    world = World()
    jobs = [
        world.finish(world.start(world.server(f"a{number}"), world.server(f"b{number}"), isDrill=True))
        for number in range(12)
    ]
    typical = sorted(map(seconds, jobs))[len(jobs) // 2]
    assert 460 < typical < 660  # published: 533 and 539
    assert jobs[0]["initiatedBy"] == "START_DRILL"


def test_a_hundred_servers_take_longer_but_stay_under_half_an_hour() -> None:
    def makespan(count: int) -> float:
        world = World()
        servers = [world.pair(f"web-{number}")[0] for number in range(count)]
        return seconds(world.finish(world.start(*servers)))

    small, large = makespan(5), makespan(100)
    assert small < large < 1800


def test_durations_repeat_with_the_seed_and_differ_without() -> None:
    def run(seed: int) -> float:
        world = World(seed=seed)
        return seconds(world.finish(world.start(world.pair()[0])))

    assert run(1) == run(1) != run(2)


def test_time_factor_stretches_the_phases() -> None:
    def run(factor: float) -> float:
        world = World(Settings(time_factor=factor))
        return seconds(world.finish(world.start(world.pair()[0])))

    assert run(2.0) > 1.8 * run(1.0)


def test_fast_recovery_has_no_conversion() -> None:
    world = World()
    server, _ = world.pair(recoveryMode="FAST")
    job_id = world.start(server)
    world.finish(job_id)
    assert world.events_of(job_id, server) == [item for item in PHASES if "CONVERSION" not in item]


def test_a_pinned_point_in_time_replaces_the_snapshot() -> None:
    world = World()
    server, _ = world.pair()
    point = world.client.describe_recovery_snapshots(sourceServerID=server)["items"][3]
    answer = world.client.start_recovery(
        sourceServers=[{"sourceServerID": server, "recoverySnapshotID": point["snapshotID"]}]
    )
    job_id = answer["job"]["jobID"]
    world.finish(job_id)
    assert world.events_of(job_id, server)[:2] == ["USING_PREVIOUS_SNAPSHOT", "CONVERSION_START"]
    assert world.recovery_instances(server)[0]["pointInTimeSnapshotDateTime"] == point["timestamp"]


def test_launch_results_are_announced_per_server() -> None:
    world = World()
    good, _ = world.pair("good")
    bad, _ = world.pair("bad")
    world.fault("PHASE_FAILS", server="bad", phase="CONVERSION")
    job_id = world.start(good, bad, isDrill=True)
    world.finish(job_id)
    found = {event["resources"][0]: event for event in world.events.events}
    arn = f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/"
    assert set(found) == {arn + good, arn + bad}
    event = found[arn + good]
    assert (event["source"], event["detail-type"]) == ("aws.drs", "DRS Source Server Launch Result")
    assert (event["account"], event["region"]) == (ACCOUNT, REGION)
    assert event["detail"] == {
        "state": "RECOVERY_LAUNCH_SUCCEEDED",
        "job-id": job_id,
        "is-drill": "TRUE",
    }
    assert found[arn + bad]["detail"]["state"] == "RECOVERY_LAUNCH_FAILED"


# --- plain launches and what becomes of them ---


def test_a_plain_launch_makes_a_new_instance() -> None:
    world = World()
    server = world.server(tags={"Name": "web-1", "tier": "web"})
    world.client.update_launch_configuration(sourceServerID=server, copyTags=True)
    job_id = world.start(server)
    world.finish(job_id)
    (item,) = world.recovery_instances(server)
    instance = world.instance(item["ec2InstanceID"])
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert (tags["Name"], tags["tier"]) == ("web-1", "web")
    assert "AWSElasticDisasterRecoveryManaged" in tags
    assert instance["State"]["Name"] == "running"
    assert world.events_of(job_id, server) == PHASES


def test_a_plain_windows_launch_puts_its_root_where_the_image_has_it() -> None:
    world = World()
    server = world.server(platform="windows")
    assert statuses(world.finish(world.start(server))) == ["LAUNCHED"]
    (item,) = world.recovery_instances(server)
    instance = world.instance(item["ec2InstanceID"])
    assert (instance["Platform"], instance["RootDeviceName"]) == ("windows", "/dev/sda1")
    (disk,) = item["recoveryInstanceProperties"]["disks"]
    assert disk["internalDeviceName"] == "/dev/sda1"


def test_a_plain_launch_takes_the_private_address_along_if_asked() -> None:
    world = World()
    server = world.server(privateIpAddress="10.9.8.7")
    world.client.update_launch_configuration(sourceServerID=server, copyPrivateIp=True)
    world.finish(world.start(server))
    (item,) = world.recovery_instances(server)
    assert world.instance(item["ec2InstanceID"])["PrivateIpAddress"] == "10.9.8.7"


def test_a_plain_launch_with_disposition_stopped_ends_stopped() -> None:
    world = World()
    server = world.server()
    world.client.update_launch_configuration(sourceServerID=server, launchDisposition="STOPPED")
    world.finish(world.start(server))
    world.clock.advance(60)
    assert world.recovery_instances(server)[0]["ec2InstanceState"] == "STOPPED"


def test_a_plain_launch_without_permission_to_run_fails() -> None:
    world = World()
    server = world.server()
    world.ec2.denied.add("ec2:RunInstances")
    assert statuses(world.finish(world.start(server))) == ["FAILED"]


@pytest.mark.parametrize("delete_record", [False, True])
def test_the_next_launch_terminates_the_previous_instance_even_if_its_record_is_deleted(
    delete_record: bool,
) -> None:
    world = World()
    server = world.server()
    world.finish(world.start(server))
    first = world.recovery_instances(server)[0]["ec2InstanceID"]
    if delete_record:
        world.client.disconnect_recovery_instance(recoveryInstanceID=first)
        world.client.delete_recovery_instance(recoveryInstanceID=first)
    job_id = world.start(server)
    world.finish(job_id)
    assert world.events_of(job_id, server)[:2] == ["CLEANUP_START", "CLEANUP_END"]
    assert world.instance(first)["State"]["Name"] == "terminated"
    assert len(world.recovery_instances(server)) == 1


def test_termination_protection_survives_the_clean_up() -> None:
    world = World()
    server = world.server()
    world.finish(world.start(server))
    first = world.recovery_instances(server)[0]["ec2InstanceID"]
    world.ec2.change(ACCOUNT, REGION, first, protected=True)
    job_id = world.start(server)
    assert statuses(world.finish(job_id)) == ["LAUNCHED"]
    assert "CLEANUP_FAIL" in world.events_of(job_id, server)
    assert world.instance(first)["State"]["Name"] == "running"


# --- refusals of StartRecovery ---


def test_one_busy_server_refuses_the_whole_call() -> None:
    world = World()
    busy, free = world.server("busy"), world.server("free")
    world.start(busy)
    with pytest.raises(world.client.exceptions.ConflictException) as refusal:
        world.start(free, busy)
    assert refusal.value.response["Error"]["Message"] == BUSY
    assert len(world.client.describe_jobs()["items"]) == 1


def test_a_server_is_free_again_after_its_job_or_a_while_later() -> None:
    world = World()
    server = world.server()
    world.finish(world.start(server))
    world.finish(world.start(server))
    world = World(Settings(busy_after_job_seconds=60))
    server = world.server()
    world.finish(world.start(server))
    with pytest.raises(world.client.exceptions.ConflictException):
        world.start(server)
    world.clock.advance(90)
    world.finish(world.start(server))


def test_a_server_cannot_be_listed_twice() -> None:
    world = World()
    server = world.server()
    with pytest.raises(world.client.exceptions.ConflictException, match="twice"):
        world.start(server, server)


@pytest.mark.parametrize("state", ["INITIATING", "INITIAL_SYNC", "STOPPED", "DISCONNECTED"])
def test_a_server_without_a_point_in_time_cannot_be_launched(state: str) -> None:
    world = World()
    server = world.server(dataReplicationState=state)
    with pytest.raises(world.client.exceptions.ConflictException, match=state):
        world.start(server)
    world.drs.admin("PATCH", "/settings", {"not_launchable": "ValidationException"})
    with pytest.raises(world.client.exceptions.ValidationException):
        world.start(server)


@pytest.mark.parametrize("state", ["BACKLOG", "RESCAN", "STALLED"])
def test_a_server_that_lags_or_stalls_can_be_launched(state: str) -> None:
    world = World()
    server = world.server(dataReplicationState=state, lagSeconds=900)
    assert statuses(world.finish(world.start(server))) == ["LAUNCHED"]


def test_a_pinned_point_that_does_not_exist() -> None:
    world = World()
    wanted = {"sourceServerID": world.server(), "recoverySnapshotID": "pit-00000000000000000"}
    with pytest.raises(world.client.exceptions.ConflictException, match="pit-0"):
        world.client.start_recovery(sourceServers=[wanted])


@pytest.mark.parametrize("code", ["ConflictException", "ResourceNotFoundException", "ValidationException"])
def test_the_answer_to_an_unknown_id_where_none_is_modelled_is_a_setting(code: Any) -> None:
    world = World(Settings(unknown_id=code))
    world.client.initialize_service()
    calls = (
        lambda: world.start(NO_SERVER),
        lambda: world.client.terminate_recovery_instances(recoveryInstanceIDs=[NO_INSTANCE]),
        lambda: world.client.delete_recovery_instance(recoveryInstanceID=NO_INSTANCE),
    )
    for call in calls:
        with pytest.raises(getattr(world.client.exceptions, code), match="not found"):
            call()


# --- quotas ---


def test_a_job_takes_100_servers_and_not_101() -> None:
    world = World()
    servers = world.seed(*({"hostname": f"web-{number}"} for number in range(101)))
    with pytest.raises(world.client.exceptions.ServiceQuotaExceededException) as refusal:
        world.start(*servers)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert refusal.value.response["quotaCode"] == "L-B827C881"
    world.start(*servers[:100])


def test_the_request_shape_ends_at_200() -> None:
    world = World()
    servers = world.seed(*({"hostname": f"web-{number}"} for number in range(201)))
    with pytest.raises(world.client.exceptions.ValidationException, match="less than or equal to 200"):
        world.start(*servers)


def test_twenty_jobs_at_once_and_not_one_more() -> None:
    world = World()
    servers = world.seed(*({"hostname": f"web-{number}"} for number in range(21)))
    jobs = [world.start(server) for server in servers[:20]]
    with pytest.raises(world.client.exceptions.ServiceQuotaExceededException) as refusal:
        world.start(servers[20])
    assert refusal.value.response["quotaCode"] == "L-D88FAC3A"
    world.finish(jobs[0])
    for job in jobs:
        world.finish(job)
    world.start(servers[20])


def test_five_hundred_servers_in_all_jobs_and_not_one_more() -> None:
    world = World()
    servers = world.seed(*({"hostname": f"web-{number}"} for number in range(501)))
    for start in range(0, 500, 100):
        world.start(*servers[start : start + 100])
    with pytest.raises(world.client.exceptions.ServiceQuotaExceededException) as refusal:
        world.start(servers[500])
    assert refusal.value.response["quotaCode"] == "L-05AFA8C6"


def test_quotas_count_per_region() -> None:
    world = World(Settings(jobs_in_progress=1))
    world.start(world.server())
    answer = world.admin(
        "POST",
        "/source-servers",
        {"account": ACCOUNT, "region": "us-west-2", "servers": [{"hostname": "b"}]},
    )
    elsewhere = world.make_client(region="us-west-2")
    elsewhere.start_recovery(sourceServers=[{"sourceServerID": answer["sourceServerIDs"][0]}])


# --- reading and deleting jobs ---


def test_jobs_are_listed_newest_first_and_filtered() -> None:
    world = World()
    jobs = []
    for number in range(3):
        jobs.append(world.start(world.server(f"web-{number}")))
        world.clock.advance(60)
    pages = world.client.get_paginator("describe_jobs").paginate(PaginationConfig={"PageSize": 2})
    assert [job["jobID"] for page in pages for job in page["items"]] == jobs[::-1]
    describe = world.client.describe_jobs
    assert [job["jobID"] for job in describe(filters={"jobIDs": jobs[:1]})["items"]] == jobs[:1]
    since = describe(filters={"fromDate": "2026-01-01T00:00:30Z"})["items"]
    assert [job["jobID"] for job in since] == [jobs[2], jobs[1]]
    until = describe(filters={"toDate": "2026-01-01T00:00:30Z"})["items"]
    assert [job["jobID"] for job in until] == jobs[:1]


def test_pages_of_jobs_stay_whole_when_new_ones_start() -> None:
    world = World()
    jobs = [world.start(world.server(f"web-{number}")) for number in range(3)]
    first = world.client.describe_jobs(maxResults=1)
    world.start(world.server("late"))
    second = world.client.describe_jobs(maxResults=5, nextToken=first["nextToken"])
    assert [job["jobID"] for job in first["items"] + second["items"]] == jobs[::-1]


def test_a_job_can_be_deleted_once_it_has_ended() -> None:
    world = World()
    job_id = world.start(world.server())
    with pytest.raises(world.client.exceptions.ConflictException):
        world.client.delete_job(jobID=job_id)
    world.finish(job_id)
    world.client.delete_job(jobID=job_id)
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.client.delete_job(jobID=job_id)
    with pytest.raises(world.client.exceptions.ValidationException):
        world.client.describe_job_log_items(jobID=job_id)


# --- recovery instances ---


def test_a_terminate_job_ends_the_instance_and_its_record() -> None:
    world = World()
    server = world.server()
    world.finish(world.start(server))
    instance = world.recovery_instances(server)[0]["recoveryInstanceID"]
    job = world.client.terminate_recovery_instances(recoveryInstanceIDs=[instance])["job"]
    assert (job["type"], job["initiatedBy"]) == ("TERMINATE", "TERMINATE_RECOVERY_INSTANCES")
    assert job["participatingServers"][0]["recoveryInstanceID"] == instance
    with pytest.raises(world.client.exceptions.ConflictException, match="processed by a Job"):
        world.start(server)
    with pytest.raises(world.client.exceptions.ConflictException, match="processed by a Job"):
        world.client.terminate_recovery_instances(recoveryInstanceIDs=[instance])
    assert statuses(world.finish(job["jobID"])) == ["TERMINATED"]
    assert world.events_of(job["jobID"]) == ["JOB_START", "CLEANUP_START", "CLEANUP_END", "JOB_END"]
    assert world.instance(instance)["State"]["Name"] == "terminated"
    assert [item["ec2InstanceState"] for item in world.recovery_instances(server)] == ["TERMINATED"]
    assert world.source_server(server)["lifeCycle"]["lastLaunch"]["status"] == "TERMINATED"
    world.clock.advance(3600)
    assert world.recovery_instances(server) == []
    world.client.disconnect_source_server(sourceServerID=server)


def test_a_terminate_job_may_hide_the_instance_id() -> None:
    world = World(Settings(recovery_instance_id_in_terminate_job=False))
    server, target = world.pair()
    world.finish(world.start(server))
    job = world.client.terminate_recovery_instances(recoveryInstanceIDs=[target])["job"]
    assert job["participatingServers"] == [{"sourceServerID": server, "launchStatus": "PENDING"}]


def test_an_instance_cannot_be_terminated_twice_in_one_call() -> None:
    world = World()
    server, target = world.pair()
    world.finish(world.start(server))
    with pytest.raises(world.client.exceptions.ConflictException, match="twice"):
        world.client.terminate_recovery_instances(recoveryInstanceIDs=[target, target])


def test_a_recovery_instance_leaves_drs_in_two_steps_and_ec2_keeps_it() -> None:
    world = World()
    server, target = world.pair()
    world.finish(world.start(server))
    with pytest.raises(world.client.exceptions.ConflictException, match="disconnected"):
        world.client.delete_recovery_instance(recoveryInstanceID=target)
    world.client.disconnect_recovery_instance(recoveryInstanceID=target)
    (item,) = world.recovery_instances(server)
    assert item["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
    world.client.delete_recovery_instance(recoveryInstanceID=target)
    assert world.recovery_instances(server) == []
    assert world.instance(target)["State"]["Name"] == "running"
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.client.disconnect_recovery_instance(recoveryInstanceID=target)


def test_a_recovery_instance_in_a_job_is_left_alone() -> None:
    world = World()
    server, target = world.pair(launchDisposition="STOPPED")
    world.finish(world.start(server))
    world.start(server)
    for call in (world.client.disconnect_recovery_instance, world.client.delete_recovery_instance):
        with pytest.raises(world.client.exceptions.ConflictException, match="processed by a Job"):
            call(recoveryInstanceID=target)


def test_recovery_instances_show_the_state_that_ec2_shows() -> None:
    world = World()
    server, target = world.pair()
    world.finish(world.start(server))
    world.clock.advance(60)
    shown = []
    for state in ("running", "stopping", "stopped", "shutting-down"):
        world.ec2.change(ACCOUNT, REGION, target, state=state)
        shown.append(world.recovery_instances(server)[0]["ec2InstanceState"])
    world.ec2.forget(ACCOUNT, REGION, target)
    shown.append(world.recovery_instances(server)[0]["ec2InstanceState"])
    assert shown == ["RUNNING", "STOPPING", "STOPPED", "SHUTTING-DOWN", "NOT_FOUND"]


def test_recovery_instances_are_filtered_and_paged() -> None:
    world = World()
    pairs = [world.pair(f"web-{number}") for number in range(3)]
    world.finish(world.start(*(server for server, _ in pairs)))
    pages = world.client.get_paginator("describe_recovery_instances").paginate(
        PaginationConfig={"PageSize": 2}
    )
    assert {item["recoveryInstanceID"] for page in pages for item in page["items"]} == {
        target for _, target in pairs
    }
    found = world.client.describe_recovery_instances(filters={"recoveryInstanceIDs": [pairs[1][1]]})
    assert [item["sourceServerID"] for item in found["items"]] == [pairs[1][0]]


# --- what durations depend on ---


def fixed(**more: Any) -> Settings:
    """Settings without chance: every phase takes exactly its median, unless ``more`` says otherwise."""
    same = dict.fromkeys(
        (
            "conversion_linux",
            "conversion_windows",
            "launch_linux",
            "launch_windows",
            "launch_into_linux",
            "launch_into_windows",
            "terminate_seconds",
            "cleanup_seconds",
        ),
        (100.0, 100.0),
    )
    return Settings().changed({**same, "wait_before_conversion": 50, **more})


def duration(settings: Settings, *, platform: str = "linux", into: bool = False, servers: int = 1) -> float:
    world = World(settings)
    made = [world.server(f"web-{number}", platform=platform) for number in range(servers)]
    if into:
        for server in made:
            target = world.target(platform=platform)
            world.client.update_launch_configuration(
                sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}
            )
    return seconds(world.finish(world.start(*made)))


@pytest.mark.parametrize(
    ("setting", "platform", "into"),
    [
        ("conversion_linux", "linux", False),
        ("conversion_windows", "windows", False),
        ("launch_linux", "linux", False),
        ("launch_windows", "windows", False),
        ("launch_into_linux", "linux", True),
        ("launch_into_windows", "windows", True),
    ],
)
def test_each_phase_has_its_own_setting(setting: str, platform: str, into: bool) -> None:
    before = duration(fixed(), platform=platform, into=into)
    after = duration(fixed(**{setting: (700, 700)}), platform=platform, into=into)
    assert after - before == pytest.approx(600, abs=0.01)


def test_the_wait_before_the_conversion_is_a_setting() -> None:
    assert duration(fixed(wait_before_conversion=650)) - duration(fixed()) == pytest.approx(600, abs=0.01)


def test_the_tail_of_a_big_job_grows_from_a_number_on() -> None:
    spread = {"conversion_linux": (100, 200), "contention_seconds": 50}
    small = duration(fixed(**spread, contention_from=20), servers=10)
    big = duration(fixed(**spread, contention_from=2), servers=10)
    assert big > small + 30


def test_terminating_and_cleaning_up_take_what_the_settings_say() -> None:
    world = World(fixed(terminate_seconds=(500, 500), cleanup_seconds=(300, 300)))
    server = world.server()
    first = seconds(world.finish(world.start(server)))
    second = seconds(world.finish(world.start(server)))
    assert second - first == pytest.approx(300, abs=6)
    instance = world.recovery_instances(server)[0]["recoveryInstanceID"]
    job = world.client.terminate_recovery_instances(recoveryInstanceIDs=[instance])["job"]
    assert seconds(world.finish(job["jobID"])) == pytest.approx(502, abs=1)


def test_a_pinned_point_that_expires_before_its_turn_fails_the_server() -> None:
    world = World(Settings(time_factor=1000))
    server, _ = world.pair()
    world.clock.advance(86_400 - 100)
    oldest = world.client.describe_recovery_snapshots(sourceServerID=server, order="ASC")["items"][0]
    wanted = {"sourceServerID": server, "recoverySnapshotID": oldest["snapshotID"]}
    job_id = world.client.start_recovery(sourceServers=[wanted])["job"]["jobID"]
    world.finish(job_id)
    assert world.events_of(job_id, server) == ["USING_PREVIOUS_SNAPSHOT_FAILED", "SNAPSHOT_FAIL"]


def test_terminated_records_linger_for_as_long_as_the_settings_say() -> None:
    world = World(Settings(terminated_records_seconds=0))
    server, target = world.pair()
    world.finish(world.start(server))
    job = world.client.terminate_recovery_instances(recoveryInstanceIDs=[target])["job"]
    world.finish(job["jobID"])
    assert world.recovery_instances(server) == []
