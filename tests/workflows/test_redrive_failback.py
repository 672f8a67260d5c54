"""A failback whose child ended too early is redriven: a new child adopts what is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.states.runtime import current
from tests.workflows.control_messages import decide
from tests.workflows.failback_stage import away, back, launches_at_origin, reversals
from tests.workflows.killing import CHILDREN, reach
from tests.workflows.stage import Stage, group
from tests.workflows.test_failback_happy import QUIESCE
from tests.workflows.test_redrive import attempt, redrive

FIRST_TASK = {"replicate-back": "WatchReplication", "quiesce": "QuiesceWorkloads", "reprotect": "Reprotect"}
ENDINGS = ("FAILED", "TIMED_OUT", "ABORTED", "States.Runtime")
REQUIRED = {"approval": "REQUIRED"}


@contextmanager
def failed_over() -> Iterator[tuple[Stage, dict[str, Any], list[str]]]:
    """A server on the recovery side, the world before, and what was asked for approval, and approved."""
    with away(group("app"), policies={"failback": {**REQUIRED, "quiesce": QUIESCE}}) as (here, before):
        asked: list[str] = []

        def ask(event: dict[str, Any]) -> None:
            asked.append(event.get("subject", "START"))
            here.cloud.clock.call_later(10, lambda: decide(here, event))

        here.cloud.on_function("RequestApprovalFunction", ask)
        yield here, before, asked


def child_of(here: Stage, machine: str, name: str = "back") -> dict[str, Any]:
    """A child as DescribeExecution shows it."""
    execution = here.cloud.states.record(arn_of(here, machine, name)).execution
    return {"status": execution.status, "error": execution.error}


def arn_of(here: Stage, machine: str, name: str = "back") -> str:
    arns = here.cloud.states.records
    return next(arn for arn in arns if arn.endswith(f":execution:{machine}:{name}"))


def end(here: Stage, machine: str, how: str) -> None:
    """Has the child end like that as soon as its first function has run."""
    if how == "FAILED":
        here.cloud.fail_function(f"{FIRST_TASK[machine]}Function", error="Boom")
    elif how == "TIMED_OUT":
        definition = json.loads(here.cloud.definition(machine))
        here.cloud.add_machine(machine, {**definition, "TimeoutSeconds": 5})
        reach(here, machine, FIRST_TASK[machine])
        here.cloud.add_machine(machine, definition)
    elif how == "ABORTED":
        here.cloud.stop(reach(here, machine, FIRST_TASK[machine]), cause="Wrong plan.")
    else:
        fill_history(here, machine)


class FullOnce(int):
    """A quota that the next execution to enter a state has reached, and no other one."""

    def __new__(cls, quota: int) -> FullOnce:
        made = super().__new__(cls, quota)
        made.full = True
        return made

    full: bool

    def __le__(self, events: int) -> bool:
        self.full, full = False, self.full
        return full or int(self) <= events


def fill_history(here: Stage, machine: str) -> None:
    """Step Functions ends an execution at 25,000 events; no Catch of its own sees that."""
    reach(here, machine, FIRST_TASK[machine])
    current().history_quota = FullOnce(current().history_quota)


@pytest.mark.parametrize("how", ENDINGS)
@pytest.mark.parametrize("machine", CHILDREN)
def test_a_redriven_failback_goes_on_with_a_new_child(machine: str, how: str) -> None:
    with failed_over() as (here, before, asked):
        arn = here.start("back", mode="FAILBACK", approval="REQUIRED")
        end(here, machine, how)
        first = here.wait(arn)
        assert first.status == "FAILED"
        status, error = ("FAILED", how) if how == "States.Runtime" else (how, None)
        ended = child_of(here, machine)
        assert ended["status"] == status
        assert error in (None, ended["error"])
        assert here.close_aborted(arn, status="FAILED") == {"status": "CLOSED"}
        redrive(here, arn)
        back(here, before, attempt(here, arn, 1))
        assert child_of(here, machine, "back-redrive-1")["status"] == "SUCCEEDED"
        assert asked == ["START", "CUTOVER"], "no approval is asked twice"
        assert reversals(here, "app") == 1
        assert sum(launches_at_origin(here).values()) == 1


@pytest.mark.parametrize("machine", CHILDREN)
def test_a_stopped_failback_that_is_redriven_at_once_goes_on_in_its_child(machine: str) -> None:
    """Under its first record: it was not closed yet, and holds its locks."""
    with failed_over() as (here, before, asked):
        arn = here.start("back", mode="FAILBACK")
        reach(here, machine, FIRST_TASK[machine])
        here.cloud.stop(arn)
        late = here.end_event(arn)
        assert child_of(here, machine)["status"] == "ABORTED"
        redrive(here, arn)
        assert here.call("CloseAbortedExecutionFunction", late) == {"status": "CLOSED"}
        back(here, before, here.read(here.cloud.wait(arn)))
        assert child_of(here, machine, "back-redrive-1")["status"] == "SUCCEEDED"
        assert asked == ["CUTOVER"]
        assert reversals(here, "app") == 1
        assert sum(launches_at_origin(here).values()) == 1


def test_the_name_of_a_child_is_short_enough_and_its_own() -> None:
    """Step Functions takes 80 characters; two failbacks may share all but the last of theirs."""
    with failed_over() as (here, _before, _):
        names = [f"{'n' * 79}{last}" for last in "ab"]
        for name in names:
            here.cloud.fail_function("WatchReplicationFunction", error="Boom")
            arn = here.start(name, mode="FAILBACK")
            here.wait(arn)
            redrive(here, arn)
            here.cloud.wait(arn)
        children = [arn.rsplit(":", 1)[-1] for arn in here.cloud.states.records if ":replicate-back:" in arn]
        assert len(set(children)) == len(children) >= 2
        assert all(len(name) <= 80 for name in children)
