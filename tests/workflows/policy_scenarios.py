"""Runs that together make every function do everything it can do to AWS, rare calls included."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.deploy import create_member_stacks
from local.fleet import BuiltServer, Fleet, build, load, plan_document
from shared.model import TARGET_TAG_KEY
from tests.policies import HOME, RECOVERY, REGION
from tests.workflows.recorded_calls import RecordingCloud

RECOVERY_REGION = "us-east-2"
_FLEET = """
name: policies
sites:
  - name: east
    origin: {{account: "111122223333", region: us-east-1, subnets: {{all: 10.1.0.0/24}}}}
    recovery: {{account: "444455556666", region: us-east-2, subnets: {{all: 10.2.0.0/24}}}}
servers: {servers}
waves:
  - {{name: data, onFailure: GO_ON}}
  - {{name: web, dependsOn: [data], onFailure: GO_ON}}
policies: {{onBlocked: GO_ON, whenTargetRuns: STOP, retries: 1}}
"""
_HEALTHY = "[{name: 'db-{n}', count: 2, wave: data}, {name: web, wave: web}]"
_TROUBLED = """
  - {name: "db-{n}", count: 6, wave: data, trouble: [
      {kind: conversionFails, servers: [db-1], times: 1},
      {kind: notReplicating, servers: [db-2], state: STALLED, error: AGENT_NOT_SEEN},
      {kind: targetRunning, servers: [db-3]},
      {kind: spelling, servers: [db-4], target: "{name}x"},
      {kind: noTarget, servers: [db-5]}]}
  - {name: web, wave: web}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A cloud with a fleet in it."""

    cloud: RecordingCloud
    fleet: Fleet
    servers: tuple[BuiltServer, ...]

    def call(self, function: str, event: dict[str, Any]) -> Any:
        """Invoke a function by hand."""
        return self.cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())

    def plan(self, name: str) -> dict[str, Any]:
        """The fleet's plan under another name."""
        return {**plan_document(self.fleet), "name": name}

    @property
    def ec2(self) -> Any:
        """EC2 where the targets are."""
        return self.cloud.client("ec2", RECOVERY, RECOVERY_REGION)

    @property
    def targets(self) -> list[str]:
        """Every target instance."""
        return [target for server in self.servers for target in server.target_instance_ids]


Scenario = Callable[[Stage], None]


@contextmanager
def stage(folder: Path, servers: str) -> Iterator[Stage]:
    """The cloud of one scenario. Functions take a second each, so that executions overlap."""
    file = folder / "fleet.yaml"
    file.write_text(_FLEET.format(servers=servers))
    fleet = load(file)
    with RecordingCloud(account=HOME, region=REGION, parameters={"ExternalId": fleet.external_id}) as cloud:
        create_member_stacks(fleet, cloud.client)
        servers_built = build(
            fleet,
            cloud.client,
            cloud.drs.admin,
            ec2=cloud.ec2.admin,
            pause=lambda: cloud.advance(5),
            workers=1,
        )
        cloud.functions.seconds = 1.0
        yield Stage(cloud, fleet, servers_built)


def declared_by_event_with_trouble(at: Stage) -> None:
    """A stored plan, an event, an approval, and most of what can be wrong."""
    at.call("StorePlanFunction", {"plan": at.plan("erp")})
    detail = {"plan": "erp", "reason": "us-east-1 is gone"}
    envelope = {"source": "drs-orchestrator.dr", "detail-type": "Disaster Declared", "id": "e-1"}
    tokens: list[str] = []
    at.cloud.on_function("RequestApprovalFunction", lambda event: tokens.append(event["taskToken"]))
    at.call("StartFromEventFunction", {**envelope, "detail": detail})
    at.cloud.wait_until(lambda: at.cloud.functions.invocations("RequestApprovalFunction") > 0)
    at.cloud.advance(60)
    at.cloud.send_task_success(tokens[0], {"approvedBy": "an operator"})
    _refuse_first_recovery(at)
    [arn] = [arn for arn in at.cloud.states.records if ":failover:" in arn]
    result = at.cloud.wait(arn)
    assert result.output["totals"]["recovered"] >= 4, result.output


def plan_unknown(at: Stage) -> None:
    """A request for a plan that is not stored is told which ones are."""
    assert at.cloud.run("failover", {"plan": "nowhere"}, name="unknown").error == "ExecutionFailed"


def permission_missing(at: Stage) -> None:
    """The simulation says that the execution role lacks something: a finding about the scope."""
    at.cloud.denied_actions.add("drs:StartRecovery")
    at.cloud.run("failover", {"plan": at.plan("erp")}, name="denied")


def two_executions_of_one_plan(at: Stage) -> None:
    """The second asks Step Functions whether the first is over. A plan runs once at a time."""
    first = at.cloud.start("failover", {"plan": at.plan("erp")}, name="first")
    at.cloud.advance(30)
    assert at.cloud.run("failover", {"plan": at.plan("erp")}, name="second").status == "FAILED"
    at.cloud.wait(first)


def two_plans_for_the_same_servers(at: Stage) -> None:
    """The second passes its checks before the first takes the servers, and a third comes after that."""
    first = at.cloud.start("failover", {"plan": at.plan("erp")}, name="first")
    at.cloud.advance(0.5)
    second = at.cloud.start("failover", {"plan": at.plan("crm")}, name="second")
    at.cloud.advance(60)
    third = at.cloud.start("failover", {"plan": at.plan("hr")}, name="third")
    for arn in (second, third, first):
        at.cloud.wait(arn)


def tags_lost_after_the_checks(at: Stage) -> None:
    """Nothing can be launched any more: the launch settings go back to what they were."""

    def lose(event: dict[str, Any]) -> None:
        at.ec2.delete_tags(Resources=at.targets, Tags=[{"Key": TARGET_TAG_KEY}])

    at.cloud.on_function("ReserveServersFunction", lose)
    at.cloud.run("failover", {"plan": at.plan("erp")}, name="tags")


def stopped_before_the_launch(at: Stage) -> None:
    """An execution that an operator stops takes no further state: an event closes it."""
    arn = at.cloud.start("failover", {"plan": at.plan("erp")}, name="stopped")
    at.cloud.wait_until(lambda: at.cloud.functions.invocations("ConfigureLaunchFunction") > 0)
    at.cloud.advance(0.5)
    at.cloud.stop(arn, "Operator", "not today")
    moment = int(at.cloud.clock.now().timestamp() * 1000)
    detail = {"name": "stopped", "status": "ABORTED", "startDate": moment - 9000, "stopDate": moment}
    at.call("CloseAbortedExecutionFunction", {"source": "aws.states", "detail": detail})


SCENARIOS: tuple[tuple[Scenario, str], ...] = (
    (declared_by_event_with_trouble, _TROUBLED),
    (plan_unknown, _HEALTHY),
    (permission_missing, _HEALTHY),
    (two_executions_of_one_plan, _HEALTHY),
    (two_plans_for_the_same_servers, _HEALTHY),
    (tags_lost_after_the_checks, _HEALTHY),
    (stopped_before_the_launch, _HEALTHY),
)


def _refuse_first_recovery(at: Stage) -> None:
    fault = {"kind": "ERROR", "operation": "StartRecovery", "code": "ConflictException", "times": 1}
    status, answer = at.cloud.drs.admin("POST", "/faults", {"faults": [fault]})
    assert status == 200, answer
