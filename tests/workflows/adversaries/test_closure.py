"""Closing does all that it can: what one service refuses takes nothing else with it."""

from __future__ import annotations

import json
import shlex

import pytest

from local.simulation.call_faults import CallFault, CallFaultKind
from tests.workflows.stage import stage


def invoked_by(command: str) -> dict[str, str]:
    """The event of a pasted ``aws lambda invoke … <<< '…'``."""
    event: dict[str, str] = json.loads(shlex.split(command)[-1])
    return event


@pytest.mark.parametrize("kind", [CallFaultKind.DENIED, CallFaultKind.THROTTLED])
def test_a_report_that_cannot_be_written_is_written_later_by_the_command_in_the_message(
    kind: CallFaultKind,
) -> None:
    with stage() as here:
        here.cloud.fault(CallFault(kind, ("s3",)))
        result = here.cloud.wait(here.start())

        assert here.cloud.routes.faults.struck[kind, "s3", "PutObject"] > 0
        assert (result.status, result.output["status"]) == ("SUCCEEDED", "COMPLETED")
        assert result.output["report"] == "could not be written"
        assert here.locks() == {}
        message = here.cloud.notifications[-1]
        assert message["subject"] == "shop: failover completed"
        assert "app-1" in message["message"]
        assert "The report could not be written" in message["message"]

        here.cloud.heal()
        command = message["message"].splitlines()[-1]
        assert "--function-name virtual-close-execution " in command
        here.call("CloseExecutionFunction", invoked_by(command))
        run = here.wait(result.execution_arn)
        assert (run.status, set(run.outcomes.values())) == ("COMPLETED", {"RECOVERED"})


def test_a_topic_that_takes_no_message_costs_no_report_and_no_lock() -> None:
    with stage() as here:
        here.cloud.fault(CallFault(CallFaultKind.DENIED, ("sns",)))
        run = here.run()

        assert here.cloud.routes.faults.struck[CallFaultKind.DENIED, "sns", "Publish"] > 0
        assert here.cloud.notifications == []
        assert (run.status, here.locks()) == ("COMPLETED", {})


def test_a_preparation_without_a_report_frees_the_plan_and_says_what_to_do() -> None:
    with stage() as here:
        here.store_plan()
        here.cloud.fault(CallFault(CallFaultKind.DENIED, ("s3",)))
        result = here.cloud.run("prepare", {"plan": "shop"}, name="prepare")

        assert (result.status, result.output["report"]) == ("SUCCEEDED", "could not be written")
        message = here.cloud.notifications[-1]
        assert message["subject"] == "shop: preparation: its report is not written"
        assert "Start the preparation again" in message["message"]
        here.cloud.heal()
        again = here.cloud.run("prepare", {"plan": "shop"}, name="again")
        assert again.output["report"].endswith("/shop/again/report.json")
