"""CleanUpDrill: step by step and against every obstacle."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.configuration import restore_launch_settings
from functions.execution.retire import clean_up_drill
from shared.aws.step_functions import arn_of, clean_up_machine, clean_up_name
from shared.model.policies import Mode
from shared.model.status import ServerStatus
from shared.store import server_lock
from tests import makers
from tests.handlers.drill import clean, drilled, volumes
from tests.handlers.estate import Estate, plan_document
from tests.handlers.wire import refused

ARN = "arn:aws:states:us-east-1:999988887777:execution:drs-orchestrator-failover:one"


def issue(estate: Estate) -> str:
    return estate.servers()["web-1"].drill.clean_up_issue or ""


def test_everything_is_put_back_and_repeating_it_is_harmless(estate: Estate) -> None:
    server, target, before = drilled(estate)
    assert volumes(estate, target) != before
    assert clean(estate) == {"pending": 0, "cleaned": 1, "failed": 0, "waitSeconds": 15}
    assert estate.instance(target)["State"]["Name"] == "stopped"
    assert volumes(estate, target) == before
    assert (
        estate.drs_client().describe_recovery_instances(filters={"sourceServerIDs": [server]})["items"] == []
    )
    done = len(estate.wire.calls)
    assert clean(estate)["cleaned"] == 1
    changing = ("Stop", "Start", "Detach", "Attach", "Disconnect", "Delete", "Terminate")
    assert not [c for c in estate.wire.calls[done:] if c.operation.startswith(changing)]
    assert estate.call(restore_launch_settings) == {"restored": 1, "failed": 0, "undo": True}
    assert estate.launch_configuration(server)["launchDisposition"] == "STARTED"


def test_a_job_is_waited_for_even_if_no_record_of_it_was_written(estate: Estate) -> None:
    server, target, before = drilled(estate, "CONFIGURED")
    [record] = estate.servers().values()
    assert record.job_id is None
    tags = {"drs-orchestrator:execution": "execution-1"}
    estate.drs_client().start_recovery(sourceServers=[{"sourceServerID": server}], isDrill=True, tags=tags)
    assert estate.call(clean_up_drill) == {"pending": 1, "cleaned": 0, "failed": 0, "waitSeconds": 60}
    assert estate.call(restore_launch_settings) == {"restored": 0, "failed": 1, "undo": True}, (
        "the job needs them"
    )
    assert clean(estate, rounds=40)["cleaned"] == 1
    assert volumes(estate, target) == before
    assert estate.call(restore_launch_settings) == {"restored": 1, "failed": 0, "undo": True}


def test_a_server_that_was_never_launched_is_left_alone(estate: Estate) -> None:
    drilled(estate, "CONFIGURED")
    assert estate.call(clean_up_drill) == {"pending": 0, "cleaned": 0, "failed": 0, "waitSeconds": 15}


def test_a_server_that_another_execution_has_locked_is_left_to_it(estate: Estate) -> None:
    server, target, _ = drilled(estate)
    lock = server_lock(server)
    estate.locks.take([lock], "execution-2", lambda holder: True)
    assert clean(estate) == {"pending": 0, "cleaned": 0, "failed": 1, "waitSeconds": 15}
    assert "execution-2 has taken the server over" in issue(estate)
    assert estate.instance(target)["State"]["Name"] == "running"
    assert estate.call(restore_launch_settings) == {"restored": 0, "failed": 0, "undo": True}
    assert estate.launch_configuration(server)["launchDisposition"] == "STOPPED"


@pytest.mark.parametrize(
    ("service", "operation", "step"),
    [
        ("ec2", "StopInstances", "STOP_INSTANCE"),
        ("ec2", "DetachVolume", "DETACH_VOLUMES"),
        ("ec2", "AttachVolume", "ATTACH_VOLUMES"),
        ("drs", "DisconnectRecoveryInstance", "DISCONNECT"),
        ("drs", "DeleteRecoveryInstance", "DELETE"),
    ],
)
def test_a_step_that_is_refused_is_tried_for_an_hour_and_then_reported(
    estate: Estate, service: str, operation: str, step: str
) -> None:
    _, target, _ = drilled(estate)
    if service == "drs":
        estate.fault("ERROR", operation=operation, code="ConflictException", times=100)
    else:
        estate.wire.on(service, operation, refused("IncorrectState"))
    answer = clean(estate)
    assert answer["pending"] == 1
    estate.clock.advance(timedelta(hours=1).total_seconds())
    assert clean(estate) == {"pending": 0, "cleaned": 0, "failed": 1, "waitSeconds": 15}
    assert step in issue(estate)
    assert operation in issue(estate)
    assert f"stop-instances --force --instance-ids {target} --region" in issue(estate)
    assert "never terminate" in issue(estate)


def test_a_job_that_does_not_end_is_reported(estate: Estate) -> None:
    server, _, _ = drilled(estate, "CONFIGURED", launchTimeoutSeconds=600)
    estate.fault("JOB_STUCK", phase="SNAPSHOT", server=server, seconds=100_000)
    estate.launch("web")
    assert estate.call(clean_up_drill)["pending"] == 1
    estate.clock.advance(5000)
    assert clean(estate)["failed"] == 1
    assert "does not end" in issue(estate)


def test_a_launch_of_a_blocked_server_is_nobodys_to_clean_up(estate: Estate) -> None:
    drilled(estate)
    [record] = estate.servers().values()
    change = makers.changed(record, {"status": ServerStatus.BLOCKED})
    assert estate.store.change_servers("execution-1", [change])
    assert estate.call(clean_up_drill)["cleaned"] == 0


def test_clean_ups_have_names_of_their_own() -> None:
    assert clean_up_name("one") == "one-cleanup-after-stop"
    assert clean_up_name("one", 2) == "one-cleanup-after-stop-2"
    long = ["x" * 79 + end for end in "ab"]
    names = {clean_up_name(name, attempt) for name in long for attempt in (1, 2)}
    assert len(names) == 4
    assert {len(name) <= 80 for name in names} == {True}
    machine = "arn:aws:states:us-east-1:999988887777:stateMachine:drs-orchestrator-drill-cleanup"
    assert clean_up_machine(ARN) == machine
    cleaning = ARN.replace("failover:one", "drill-cleanup:one-cleanup")
    assert arn_of("one", Mode.DRILL, cleaning) == ARN


def test_what_a_real_failover_launched_is_never_cleaned_up(estate: Estate) -> None:
    _, target = estate.add_pairs("web-1")["web-1"]
    estate.reach("STARTING", plan_document(), mode="FAILOVER")
    now = estate.instance(target)["State"]["Name"], volumes(estate, target)
    with pytest.raises(clean_up_drill.NoDrillError, match="execution-1 is a failover, not a drill"):
        estate.call(clean_up_drill)
    assert (estate.instance(target)["State"]["Name"], volumes(estate, target)) == now
