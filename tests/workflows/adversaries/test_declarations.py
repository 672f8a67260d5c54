"""A disaster is declared twice, wrongly, or during a drill: operators know what to do, and nothing stops."""

from __future__ import annotations

from typing import Any

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
