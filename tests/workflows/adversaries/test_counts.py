"""No server is missing from a report: not one whose record is deleted, nor one that cannot be read."""

from __future__ import annotations

import os

import pytest

from shared.store.execution_items import shard_of
from tests.local.simulation.world import RECOVERY
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


def move(here: Stage, name: str) -> None:
    """The tag of a server's wave is changed, to a wave that the plan does not have."""
    source = here.source(name)
    arn = f"arn:aws:drs:{RECOVERY['region']}:{RECOVERY['account']}:source-server/{source}"
    here.drs().tag_resource(resourceArn=arn, tags={"dr:wave": "unknown"})


def find_again(here: Stage, name: str, wave: str) -> None:
    """A second finding of a server, in another wave: of a site that is read twice meanwhile, or forged."""
    client, table = here.cloud.client("dynamodb"), os.environ["FINDINGS_TABLE"]
    key = {"pk": {"S": shard_of("run", here.source(name))}, "sk": {"S": f"SERVER#all#{here.source(name)}"}}
    item = client.get_item(TableName=table, Key=key)["Item"]
    second = {"sk": {"S": f"SERVER#{wave}#{here.source(name)}"}, "status": {"S": "DISCOVERED"}}
    client.put_item(TableName=table, Item={**item, **second, "wave": {"S": wave}})


@pytest.mark.parametrize("function", ["MatchInstances", "CheckPrerequisites", "DecidePairs"])
def test_a_server_that_leaves_its_wave_before_the_decision_is_counted_once(function: str) -> None:
    """It had two records, BLOCKED and LEFT_OUT, and DynamoDB refuses a key that is read twice: no report."""
    with stage(group("app"), group("other")) as here:
        done = once(here, function, lambda: move(here, "app"))
        run = here.run(**CONTINUE)
        assert done
        assert run.outcomes == {"app": "BLOCKED", "other": "RECOVERED"}
        assert run.report["totals"]["servers"] == 2


@pytest.mark.parametrize("wave", ["a-wave", "the-wave"])
@pytest.mark.parametrize("function", ["MatchInstances", "DecidePairs", "CloseExecution"])
def test_a_server_with_a_second_finding_is_counted_once(function: str, wave: str) -> None:
    with stage(group("app"), group("other")) as here:
        done = once(here, function, lambda: find_again(here, "app", wave))
        run = here.run(**CONTINUE)
        assert done
        assert run.outcomes["other"] == "RECOVERED"
        assert set(run.outcomes) == {"app", "other"}
        assert run.report["totals"]["servers"] == 2
