"""No server is missing from a report: not one whose record is deleted, nor one that cannot be read."""

from __future__ import annotations

import os

import pytest

from shared.store.execution_items import shard_of
from tests.workflows.adversaries.test_decided_pairs import once, tamper
from tests.workflows.stage import Stage, group, stage

CONTINUE = {"onBlocked": "CONTINUE"}


def delete(here: Stage, name: str) -> None:
    """The server's record is deleted from the Executions table."""
    server = here.source(name)
    here.cloud.client("dynamodb").delete_item(
        TableName=os.environ["EXECUTIONS_TABLE"],
        Key={"pk": {"S": shard_of("run", server)}, "sk": {"S": f"SERVER#all#{server}"}},
        ConditionExpression="attribute_exists(pk)",
    )


@pytest.mark.parametrize("function", ["ConfigureLaunch", "StartRecovery", "StartInstances", "CloseExecution"])
def test_a_record_that_is_deleted_is_a_failed_server(function: str) -> None:
    with stage(group("app"), group("other")) as here:
        done = once(here, function, lambda: delete(here, "app"))
        run = here.run(**CONTINUE)
        assert done
        assert run.outcomes == {"app": "FAILED", "other": "RECOVERED"}
        assert run.status == "COMPLETED_WITH_FAILURES"
        lost = run.server("app")
        assert "record is missing" in lost["reason"]
        assert here.target("app") in lost["remedy"]


@pytest.mark.parametrize("function", ["PlanWaves", "StartRecovery", "StartInstances", "CloseExecution"])
@pytest.mark.parametrize("field", ["status", "volumesBefore", "findings"])
def test_a_record_that_cannot_be_read_is_a_failed_server(function: str, field: str) -> None:
    with stage(group("app"), group("other")) as here:
        done = once(here, function, lambda: tamper(here, "app", **{field: "nonsense"}))
        run = here.run(**CONTINUE)
        assert done
        assert run.outcomes == {"app": "FAILED", "other": "RECOVERED"}
        assert "cannot be read" in run.server("app")["reason"]
        assert run.server("app")["remedy"]
