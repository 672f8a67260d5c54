"""What cannot be done at the cutover is found before the workload is stopped: it goes on where it was."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from local.wire import Answer
from tests.local.simulation.world import ORIGIN
from tests.workflows.control_messages import on
from tests.workflows.failback_stage import TAG, away, fail_back, original, sides
from tests.workflows.stage import Run, Stage

REFUSALS = {
    "stop protection": ("OperationNotPermitted", 400),
    "a permission": ("UnauthorizedOperation", 403),
    "another change is under way": ("IncorrectInstanceState", 400),
    "a spot request": ("UnsupportedOperation", 400),
    "a placement that EC2 does not stop": ("InvalidParameterCombination", 400),
}


def started(here: Stage, server: str) -> datetime:
    """When its instance on the recovery side was last started."""
    [reservation] = here.ec2().describe_instances(InstanceIds=[here.target(server)])["Reservations"]
    moment: datetime = reservation["Instances"][0]["LaunchTime"]
    return moment


def refuse(here: Stage, operation: str, instance: str, code: str, status: int) -> None:
    """From now on EC2 refuses functions' calls of this kind that concern the instance."""
    answer = here.cloud.routes.answer

    def refusing(call: Any) -> Any:
        asked = call.service == "ec2" and call.operation == operation and instance.encode() in call.body
        if asked and here.cloud.functions.calling() is not None:
            error = f"<Error><Code>{code}</Code><Message>refused by the test</Message></Error>"
            body = f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
            return Answer(status, {"content-type": "text/xml"}, body.encode())
        return answer(call)

    here.cloud.routes.answer = refusing  # type: ignore[method-assign]


def went_on(here: Stage, run: Run, before: datetime) -> None:
    """app-1 failed back; app-2 runs where it was, and was never stopped."""
    assert run.outcomes == {"app-1": "RECOVERED", "app-2": "FAILED"}, run.summary
    assert run.status == "COMPLETED_WITH_FAILURES"
    assert sides(here, "app-2")[1] == "running"
    assert started(here, "app-2") == before
    assert run.server("app-2")["remedy"]


def test_an_original_with_stop_protection_is_found_by_the_checks() -> None:
    with away() as (here, _):
        here.ec2(ORIGIN).modify_instance_attribute(
            InstanceId=original(here, "app-2"), DisableApiStop={"Value": True}
        )
        before = started(here, "app-2")
        check = fail_back(here, "check", checkOnly=True)
        assert "STOP_PROTECTED" in check.codes("app-2")
        assert "STOP_PROTECTED" not in check.codes("app-1")
        run = fail_back(here, "home")
        assert run.outcomes["app-2"] == "BLOCKED"
        assert (sides(here, "app-2"), started(here, "app-2")) == (("running", "running"), before)
        findings = run.server("app-2")["findings"]
        [command] = [f["remedy"] for f in findings if f["code"] == "STOP_PROTECTED"]
        assert "modify-instance-attribute" in command
        here.ec2(ORIGIN).modify_instance_attribute(
            InstanceId=original(here, "app-2"), DisableApiStop={"Value": False}
        )
        assert fail_back(here, "again").outcomes["app-2"] == "RECOVERED"


def test_a_workload_with_stop_protection_is_found_by_the_checks() -> None:
    with away() as (here, _):
        here.ec2().modify_instance_attribute(InstanceId=here.target("app-2"), DisableApiStop={"Value": True})
        run = fail_back(here, "home")
        assert "STOP_PROTECTED" in run.codes("app-2")
        assert run.outcomes == {"app-1": "SKIPPED", "app-2": "BLOCKED"}, "onBlocked: ABORT"
        assert sides(here, "app-2")[1] == "running"


@pytest.mark.parametrize("function", ["WatchReplication", "ConfigureLaunch", "StopTargets"])
def test_stop_protection_after_the_checks_leaves_the_workload_where_it_runs(function: str) -> None:
    with away() as (here, _):
        before = started(here, "app-2")
        protected = {"InstanceId": original(here, "app-2"), "DisableApiStop": {"Value": True}}
        on(here, function, lambda: here.ec2(ORIGIN).modify_instance_attribute(**protected))
        went_on(here, fail_back(here, "home"), before)
        assert sides(here, "app-2") == ("running", "running")


@pytest.mark.parametrize("why", sorted(REFUSALS))
def test_whatever_ec2_refuses_at_the_original_leaves_the_workload_where_it_runs(why: str) -> None:
    with away() as (here, _):
        before = started(here, "app-2")
        refuse(here, "StopInstances", original(here, "app-2"), *REFUSALS[why])
        went_on(here, fail_back(here, "home"), before)


def test_an_original_that_hangs_in_stopping_leaves_the_workload_where_it_runs() -> None:
    with away() as (here, _):
        before = started(here, "app-2")
        here.cloud.ec2.add_faults([{"kind": "STOP_HANGS", "instance": original(here, "app-2")}])
        run = fail_back(here, "home")
        went_on(here, run, before)
        assert "--force" in run.server("app-2")["remedy"]


def test_an_original_that_loses_its_tag_at_the_cutover_leaves_the_workload_where_it_runs() -> None:
    with away() as (here, _):
        before = started(here, "app-2")
        ids = [original(here, "app-2")]
        on(
            here,
            "StopTargets",
            lambda: here.ec2(ORIGIN).delete_tags(Resources=ids, Tags=[{"Key": TAG[0]}]),
        )
        went_on(here, fail_back(here, "home"), before)


def test_a_workload_that_refuses_to_stop_goes_on_and_its_original_is_not_launched_into() -> None:
    with away() as (here, _):
        before = started(here, "app-2")
        refuse(here, "StopInstances", here.target("app-2"), *REFUSALS["stop protection"])
        went_on(here, fail_back(here, "home"), before)
        assert sides(here, "app-2") == ("stopped", "running")
