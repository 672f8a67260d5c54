"""A tag editor makes a pre-provisioned target look as if DRS had created it: it is never terminated."""

from __future__ import annotations

import pytest

from tests.workflows.failback_stage import away
from tests.workflows.stage import Stage, group

MANAGED = {"Key": "AWSElasticDisasterRecoveryManaged", "Value": "drs.amazonaws.com"}
TERMINATING = {"failback": {"recoveryInstanceDisposition": "TERMINATE"}}


def disguise(here: Stage, instance_id: str) -> None:
    here.ec2().delete_tags(Resources=[instance_id], Tags=[{"Key": "AWSDRS"}])
    here.ec2().create_tags(Resources=[instance_id], Tags=[MANAGED])


def forget_pair(here: Stage) -> None:
    """Our record is lost as well: the job that launched it still carries our tags."""
    table = here.cloud.functions.environment()["INSTANCE_PAIRS_TABLE"]
    key = {"sourceServerId": {"S": here.source("app")}}
    here.cloud.client("dynamodb").delete_item(TableName=table, Key=key)


@pytest.mark.parametrize("record_lost", [False, True])
def test_a_target_in_disguise_is_kept_though_plan_and_request_ask_to_terminate_it(record_lost: bool) -> None:
    with away(group("app"), policies=TERMINATING) as (here, _):
        target = here.target("app")
        disguise(here, target)
        ids = {"recoveryInstanceId": target, "originalInstanceId": here.servers["app"].original_instance_id}
        if record_lost:
            forget_pair(here)
        arn = here.start("back", mode="FAILBACK", confirmOriginals=[ids], terminateInstances=[target])
        here.cloud.wait(arn)

        assert here.cloud.calls["drs", "TerminateRecoveryInstances"] == 0
        assert here.terminated() == set()
