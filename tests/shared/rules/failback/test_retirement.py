"""The recovery side is tidied up in the only order that DRS takes, and ends as it was before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import RecoveryInstance
from shared.model.policies import RecoveryInstanceDisposition
from shared.rules.failback.retirement import RetireFacts, RetireStep, may_terminate, next_step, refusal
from tests.makers import instance_id, server_id

RETAIN, TERMINATE = RecoveryInstanceDisposition.RETAIN_STOPPED, RecoveryInstanceDisposition.TERMINATE


def listed(number: int, state: str | None) -> RecoveryInstance:
    own = instance_id(number)
    return RecoveryInstance(own, own, "RUNNING", server_id(number), "drsjob-1", False, state)


B2, A3 = listed(1, "CONTINUOUS"), listed(2, "RESCAN")


def facts(**changes: Any) -> RetireFacts:
    values: dict[str, Any] = {
        "reversed_state": "CONTINUOUS",
        "recovery_instance": B2,
        "failback_instance": A3,
        "workload_state": "stopped",
        "workload_tagged": True,
        "disposition": RETAIN,
        "drs_created": False,
    }
    return RetireFacts(**(values | changes))


class Aws:
    """What DRS and EC2 make of the steps; refuses what the reference says they refuse."""

    def __init__(self, facts: RetireFacts) -> None:
        self.facts = facts
        self.steps: list[RetireStep] = []

    def take(self, step: RetireStep) -> None:
        self.steps.append(step)
        self.facts = replace(self.facts, **self._effect(step))

    def _effect(self, step: RetireStep) -> dict[str, Any]:
        is_stopped = self.facts.reversed_state in (None, "STOPPED", "DISCONNECTED")
        match step:
            case RetireStep.STOP_REPLICATION:
                return {"reversed_state": "STOPPED"}
            case RetireStep.STOP_INSTANCE:
                return {"workload_state": "stopping"}
            case RetireStep.AWAIT_STOPPED:
                return {"workload_state": "stopped"}
            case RetireStep.TERMINATE:
                assert is_stopped, "Recovery instances cannot be terminated during failback"
                return {"terminating": True}
            case RetireStep.AWAIT_TERMINATED:
                return {"workload_state": "terminated", "terminating": False, "recovery_instance": None}
            case RetireStep.DELETE_RECOVERY_INSTANCE:
                assert is_stopped, "the reversed server still replicates"
                return {"recovery_instance": None}
            case RetireStep.DELETE_FAILBACK_INSTANCE:
                return {"failback_instance": None}
            case RetireStep.DISCONNECT_REVERSED:
                assert self.facts.failback_instance is None, "it has a recovery instance"
                return {"reversed_state": "DISCONNECTED"}
            case RetireStep.DELETE_REVERSED:
                assert self.facts.reversed_state == "DISCONNECTED", "it must be disconnected first"
                return {"reversed_state": None}
            case RetireStep.TAG_TARGET:
                return {"workload_tagged": True}


def carried_out(facts: RetireFacts) -> Aws:
    aws = Aws(facts)
    while (step := next_step(aws.facts)) is not None:
        aws.take(step)
        assert len(aws.steps) < 12
    return aws


def test_the_order_of_a_pre_provisioned_target() -> None:
    assert carried_out(facts(workload_state="running")).steps == [
        RetireStep.STOP_REPLICATION,
        RetireStep.STOP_INSTANCE,
        RetireStep.AWAIT_STOPPED,
        RetireStep.DELETE_RECOVERY_INSTANCE,
        RetireStep.DELETE_FAILBACK_INSTANCE,
        RetireStep.DISCONNECT_REVERSED,
        RetireStep.DELETE_REVERSED,
    ]


def test_the_order_of_an_instance_that_drs_created() -> None:
    created = facts(
        drs_created=True, to_end=True, workload_tagged=False, disposition=TERMINATE, workload_state="running"
    )
    assert carried_out(created).steps == [
        RetireStep.STOP_REPLICATION,
        RetireStep.TERMINATE,
        RetireStep.AWAIT_TERMINATED,
        RetireStep.DELETE_FAILBACK_INSTANCE,
        RetireStep.DISCONNECT_REVERSED,
        RetireStep.DELETE_REVERSED,
    ]
    kept = carried_out(replace(created, disposition=RETAIN))
    assert kept.steps[-1] is RetireStep.TAG_TARGET


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"failback_instance": listed(2, "NOT_STARTED")}, "not protected again"),
        ({"recovery_instance": listed(1, "NOT_STARTED")}, "launched anew"),
    ],
)
def test_what_must_be_left_alone_is_refused(changes: dict[str, Any], named: str) -> None:
    issue = refusal(facts(**changes))
    assert issue is not None
    assert named in issue.found
    assert issue.remedy
    with pytest.raises(ValueError, match=named):
        next_step(facts(**changes))


ANY_FACTS = st.builds(
    RetireFacts,
    reversed_state=st.sampled_from([None, "CONTINUOUS", "STALLED", "STOPPED", "DISCONNECTED"]),
    recovery_instance=st.sampled_from([None, B2, listed(1, None)]),
    failback_instance=st.sampled_from([None, A3]),
    workload_state=st.sampled_from([None, "running", "stopping", "stopped", "shutting-down", "terminated"]),
    workload_tagged=st.booleans(),
    disposition=st.sampled_from(RecoveryInstanceDisposition),
    drs_created=st.booleans(),
    to_end=st.booleans(),
    terminating=st.booleans(),
)


@given(ANY_FACTS)
def test_wherever_it_begins_it_ends_without_a_refusal(start: RetireFacts) -> None:
    end = carried_out(start).facts
    assert (end.reversed_state, end.recovery_instance, end.failback_instance) == (None, None, None)
    if end.workload_state not in (None, "terminated", "shutting-down") and not may_terminate(start):
        assert end.workload_state == "stopped"
        assert end.workload_tagged


@given(ANY_FACTS)
def test_an_instance_that_was_launched_into_is_never_terminated(start: RetireFacts) -> None:
    asked = start.disposition is TERMINATE and start.to_end
    if not (asked and start.drs_created and not start.workload_tagged):
        assert RetireStep.TERMINATE not in carried_out(start).steps
