"""The DRS gateway: pages, chunks, and what comes out of what DRS says."""

from __future__ import annotations

import json

import pytest

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.drs_responses import duration_seconds, platform_of
from shared.aws.errors import AwsCallError, OutcomeUnknownError, ThrottledError
from shared.model.drs import LaunchSettings
from tests.handlers.estate import ORIGIN, RECOVERY, Estate
from tests.handlers.wire import Wire, lost_answer


@pytest.fixture
def drs(estate: Estate) -> DrsClient:
    return DrsClient(MemberAccounts("drs-orchestrator-query", "an-external-id"), RECOVERY)


def test_all_source_servers_are_read_page_by_page(estate: Estate, drs: DrsClient, wire: Wire) -> None:
    ids = estate.add_servers(*(f"web-{number}" for number in range(450)))
    wire.clear()
    assert sorted(server.source_server_id for server in drs.source_servers("main")) == sorted(ids)
    assert len(wire.of("DescribeSourceServers")) == 3


def test_a_source_server_is_what_drs_says_of_it(estate: Estate, drs: DrsClient) -> None:
    [server_id] = estate.add_servers(
        "web-1",
        platform="windows",
        lagSeconds=90,
        awsInstanceID="i-00000000000000001",
        stagingAccountID=RECOVERY.account,
        disks=[{"deviceName": "/dev/sda1", "bytes": 10}],
    )
    [server] = drs.source_servers("main")
    assert (server.source_server_id, server.name, server.site) == (server_id, "web-1", "main")
    assert (server.origin_account, server.origin_region) == (ORIGIN.account, ORIGIN.region)
    assert (server.platform, server.lag_seconds) == ("windows", 90.0)
    assert server.original_instance_id == "i-00000000000000001"
    assert [(disk.device, disk.size) for disk in server.disks] == [("/dev/sda1", 10)]
    assert server.tags["dr:enabled"] == "true"


def test_ids_are_asked_for_by_two_hundred(estate: Estate, drs: DrsClient, wire: Wire) -> None:
    estate.add_servers("web-1")
    wire.clear()
    assert drs.recovery_instances([f"s-{number:017d}" for number in range(401)]) == []
    sizes = [
        len(json.loads(call.body)["filters"]["sourceServerIDs"])
        for call in wire.of("DescribeRecoveryInstances")
    ]
    assert sizes == [200, 200, 1]


def test_asking_for_nothing_is_no_call(drs: DrsClient, wire: Wire) -> None:
    wire.clear()
    assert (drs.recovery_instances([]), drs.jobs([])) == ([], [])
    assert not wire.calls


def test_launch_settings_are_read_and_written_in_the_words_of_the_api(estate: Estate, drs: DrsClient) -> None:
    [server] = estate.add_servers("web-1")
    drs.update_launch_settings(server, {"launchDisposition": "STOPPED", "copyTags": True})
    settings = drs.launch_settings(server)
    assert isinstance(settings, LaunchSettings)
    assert (settings.launch_disposition, settings.copy_tags) == ("STOPPED", True)
    assert settings.launch_into_instance_id is None


def test_a_server_without_a_snapshot_has_no_recovery_point(estate: Estate, drs: DrsClient) -> None:
    ready, new = (
        estate.add_servers("ready")[0],
        estate.add_servers("new", dataReplicationState="INITIATING")[0],
    )
    assert drs.has_recovery_point(ready)
    assert not drs.has_recovery_point(new)


def test_a_recovery_leaves_a_job_a_log_and_a_recovery_instance(estate: Estate, drs: DrsClient) -> None:
    server, target = estate.add_pairs("web-1")["web-1"]
    drs.update_launch_settings(server, {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": target}})
    started = drs.start_recovery([server], drill=False, tags={"a": "b"})
    assert (started.status, started.tags) == ("PENDING", {"a": "b"})
    assert started.job_id in {job.job_id for job in drs.jobs_since("2025-12-31T00:00:00+00:00")}
    assert drs.jobs_since("2026-02-01T00:00:00Z") == []
    estate.clock.advance(7200)
    [job] = drs.jobs([started.job_id])
    assert (job.status, [s.launch_status for s in job.servers]) == ("COMPLETED", ["LAUNCHED"])
    log = drs.job_log(started.job_id)
    assert (log[0].event, log[-1].event) == ("JOB_START", "JOB_END")
    assert {item.source_server_id for item in log} == {None, server}
    [instance] = drs.recovery_instances([server])
    assert (instance.ec2_instance_id, instance.is_drill, instance.job_id) == (target, False, job.job_id)


def test_a_refusal_names_the_server_and_a_lost_start_is_not_repeated(
    estate: Estate, drs: DrsClient, wire: Wire
) -> None:
    [server] = estate.add_servers("web-1")
    with pytest.raises(AwsCallError, match="s-00000000000000009") as caught:
        drs.launch_settings("s-00000000000000009")
    assert caught.value.code == "ResourceNotFoundException"
    wire.on("drs", "StartRecovery", lost_answer(wire))
    with pytest.raises(OutcomeUnknownError):
        drs.start_recovery([server], drill=False, tags={})
    assert len(wire.of("StartRecovery")) == 1
    assert len(drs.jobs_since("2025-12-31T00:00:00Z")) == 1


def test_throttled_reads_are_repeated_for_a_time_and_then_given_up(
    estate: Estate, drs: DrsClient, wire: Wire
) -> None:
    estate.add_servers("web-1")
    estate.fault("THROTTLED", operation="DescribeSourceServers", times=3)
    assert len(drs.source_servers("main")) == 1
    estate.fault("THROTTLED", operation="DescribeSourceServers")
    wire.clear()
    with pytest.raises(ThrottledError):
        drs.source_servers("main")
    assert len(wire.calls) == 6


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("P0D", 0.0),
        ("PT1M30S", 90.0),
        ("P2DT1H32M12.5S", 2 * 86400 + 5532.5),
        ("P1D", 86400.0),
        (None, None),
        ("", None),
        ("soon", None),
    ],
)
def test_durations_are_seconds(text: str | None, seconds: float | None) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("Microsoft Windows Server 2022", "windows"),
        ("windows", "windows"),
        ("Ubuntu 24.04", "linux"),
        ("", "linux"),
    ],
)
def test_the_platform_is_one_of_two(text: str, platform: str) -> None:
    assert platform_of(text) == platform
