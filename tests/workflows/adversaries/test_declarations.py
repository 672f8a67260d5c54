"""A disaster is declared twice, wrongly, or during a drill: operators know what to do, and nothing stops."""

from __future__ import annotations

import json
import os
from typing import Any

from shared.model.approval import ApprovalAnswer, Subject
from shared.store import execution_store
from tests.workflows.control_messages import event, refused, send
from tests.workflows.stage import Stage, stage

NOT_REQUIRED = {"approval": "NOT_REQUIRED"}


def declare(here: Stage, event_id: str, **detail: Any) -> None:
    here.call(
        "StartFromEventFunction",
        {
            "id": event_id,
            "source": "drs-orchestrator.dr",
            "detail-type": "Disaster Declared",
            "time": here.cloud.clock.now().isoformat(),
            "detail": {"plan": "shop", "reason": "us-east-1 is unavailable", **detail},
        },
    )


def arn_of(here: Stage, name: str) -> str:
    [arn] = [arn for arn in here.cloud.states.records if arn.endswith(f":{name}")]
    return arn


def test_a_second_declaration_names_the_first_and_gives_no_command_that_stops_it() -> None:
    with stage(policies=NOT_REQUIRED) as here:
        here.store_plan()
        declare(here, "one")
        here.cloud.advance(30)
        declare(here, "two")
        here.cloud.wait(arn_of(here, "event-two"))
        message = here.cloud.notifications[-1]
        first = here.wait(arn_of(here, "event-one"))

        assert message["subject"] == "shop: failover refused, another execution is under way"
        assert "The failover event-one of plan 'shop' has been under way since" in message["message"]
        assert "aws " not in message["message"]
        assert (first.status, set(first.outcomes.values())) == ("COMPLETED", {"RECOVERED"})


def test_a_declaration_with_a_typo_is_put_again_as_its_message_says() -> None:
    with stage(policies=NOT_REQUIRED) as here:
        here.store_plan()
        declare(here, "one", mode="FAILOVR")

        assert here.cloud.states.records == {}
        [message] = here.cloud.notifications
        assert "detail.mode" in message["message"]
        declare(here, "two", mode="FAILOVER")
        assert here.wait(arn_of(here, "event-two")).status == "COMPLETED"


def test_a_failover_that_a_drill_refuses_succeeds_as_the_refusal_says() -> None:
    with stage() as here:
        drill = here.start("drill", mode="DRILL")
        here.cloud.advance(60)
        refused = here.run("refused")

        assert refused.status == "FAILED"
        assert 'Start this failover again with "cancelDrill": true' in refused.report["reason"]
        real = here.start("real", cancelDrill=True)
        here.cloud.wait_until(lambda: here.cloud.states.record(drill).execution.stop_date is not None)
        here.close_aborted(drill)
        assert here.wait(real).status == "COMPLETED"


def test_an_event_that_no_operator_has_approved_leaves_the_plan_to_an_operator() -> None:
    with stage() as here:
        here.store_plan()
        declare(here, "one")
        here.cloud.wait_until(lambda: "shop: approval needed" in here.subjects())
        run = here.run("by-hand")
        assert (run.status, set(run.outcomes.values())) == ("COMPLETED", {"RECOVERED"})
        assert "An operator started by-hand" in refused(here, "APPROVE", "event-one")
        event = here.wait(arn_of(here, "event-one"))
        assert (event.status, event.report["servers"]) == ("CANCELLED", [])
        assert event.report["reason"].startswith("ExecutionSuperseded: An operator started by-hand")
        assert here.locks() == {}
        assert set(here.cloud.calls) & {("drs", "StartRecovery")}
        assert here.cloud.calls["drs", "StartRecovery"] == 1


def test_an_event_that_an_operator_has_approved_keeps_the_plan() -> None:
    with stage() as here:
        here.store_plan()
        declare(here, "one")
        here.cloud.wait_until(lambda: "shop: approval needed" in here.subjects())
        send(here, "APPROVE", "event-one")
        late = here.cloud.wait(here.start("by-hand"))
        assert (late.status, late.error) == ("FAILED", "ExecutionFailed")
        assert "ExecutionInProgressError" in str(late.cause)
        assert here.wait(arn_of(here, "event-one")).status == "COMPLETED"


def test_an_event_that_needs_no_approval_keeps_the_plan() -> None:
    with stage(policies=NOT_REQUIRED) as here:
        here.store_plan()
        declare(here, "one")
        here.cloud.wait_until(lambda: here.cloud.functions.invocations("StartRecoveryFunction") > 0)
        late = here.cloud.wait(here.start("by-hand"))
        assert "ExecutionInProgressError" in str(late.cause)
        assert here.locks()["PLAN#shop"] == "event-one"
        assert here.wait(arn_of(here, "event-one")).status == "COMPLETED"


def test_an_approval_that_comes_while_an_operator_takes_the_plan_leaves_one_that_recovers() -> None:
    """The approval is recorded right after the operator's execution has found none."""
    with stage() as here:
        here.store_plan()
        declare(here, "one")
        here.cloud.wait_until(lambda: "shop: approval needed" in here.subjects())
        answer = here.cloud.routes.answer
        sent: list[Any] = []

        def approving(call: Any) -> Any:
            if not sent and b"supersededBy" in call.body:
                sent.append(call)
                store = execution_store(os.environ["EXECUTIONS_TABLE"])
                said = ApprovalAnswer(Subject.START, True, "ana", "agreed", "2030-01-01T00:05:00Z")
                assert store.put_answer("event-one", said)
            return answer(call)

        here.cloud.routes.answer = approving  # type: ignore[method-assign]
        by_hand = here.wait(here.start("by-hand"))
        assert sent
        event = here.wait(arn_of(here, "event-one"))
        assert (by_hand.status, event.status) == ("COMPLETED", "CANCELLED")


def test_neither_another_event_nor_a_drill_takes_the_plan_from_a_declared_disaster() -> None:
    with stage() as here:
        here.store_plan()
        declare(here, "one")
        here.cloud.wait_until(lambda: "shop: approval needed" in here.subjects())
        declare(here, "two")
        assert "ExecutionInProgressError" in str(here.cloud.wait(arn_of(here, "event-two")).cause)
        assert "ExecutionInProgressError" in str(here.cloud.wait(here.start("d", mode="DRILL")).cause)
        send(here, "APPROVE", "event-one")
        assert here.wait(arn_of(here, "event-one")).status == "COMPLETED"


def test_the_same_event_again_starts_nothing() -> None:
    """EventBridge delivers at least once, and a replay of its archive delivers again."""
    with stage(policies=NOT_REQUIRED) as here:
        here.store_plan()
        declare(here, "one")
        assert here.wait(arn_of(here, "event-one")).status == "COMPLETED"
        before = here.world()
        declare(here, "one")
        here.cloud.advance(3600)
        assert [arn for arn in here.cloud.states.records if ":failover:" in arn] == [
            arn_of(here, "event-one")
        ]
        assert here.world() == before


def test_a_replayed_declaration_waits_for_an_approval_whatever_the_plan_says() -> None:
    with stage(policies=NOT_REQUIRED) as here:
        here.store_plan()
        here.call(
            "StartFromEventFunction",
            {
                "id": "old",
                "source": "drs-orchestrator.dr",
                "detail-type": "Disaster Declared",
                "replay-name": "after-the-repair",
                "time": here.cloud.clock.now().isoformat(),
                "detail": {"plan": "shop", "reason": "us-east-1 was unavailable"},
            },
        )
        here.cloud.wait_until(lambda: "shop: approval needed" in here.subjects())
        send(here, "REJECT", "event-old")
        assert here.wait(arn_of(here, "event-old")).status == "CANCELLED"


def test_an_event_cancels_until_the_servers_are_reserved_and_not_after() -> None:
    with stage() as here:
        arn = here.start()
        here.cloud.wait_until(lambda: here.cloud.functions.invocations("ConfigureLaunchFunction") > 0)
        cancel = {"executionId": "run", "action": "CANCEL", "by": "a monitor", "reason": "all is well"}
        sent = json.dumps(event(cancel)).encode()
        payload, failed = here.cloud.functions.invoke("ControlExecutionFunction", sent)
        assert failed
        assert "no event cancels it any more" in json.loads(payload)["errorMessage"]
        assert here.wait(arn).status == "COMPLETED"
