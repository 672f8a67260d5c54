"""Runs that together make every function do everything it can do to AWS, rare calls included."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from drs_emulator import Settings
from local.fleet import BuiltServer, Fleet, load, plan_document
from local.fleet.network import PROFILE
from local.fleet.virtual import virtual_fleet
from shared.model.ec2 import TARGET_TAG_KEY
from tests.policies import ORIGIN, RECOVERY
from tests.workflows.control_messages import taker
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
  - {{name: data, onFailure: CONTINUE}}
  - {{name: web, dependsOn: [data], onFailure: CONTINUE}}
policies:
  {{onBlocked: CONTINUE, whenTargetRuns: STOP, retries: 1, verifyTimeoutSeconds: 300, failback: {failback}}}
"""
_CAREFUL = """{
    approval: REQUIRED, tagOriginals: true, onReplicationTimeout: SKIP, replicationDeadlineSeconds: 7200,
    quiesce: [{document: AWS-RunShellScript, parameters: {commands: [sync]}, timeoutSeconds: 60},
              {document: drs-orchestrator-stop-shop, timeoutSeconds: 60}]}"""
_TERMINATING = "{recoveryInstanceDisposition: TERMINATE, whenOriginalRuns: STOP}"
_HEALTHY = "[{name: 'db-{n}', count: 2, wave: data}, {name: web, wave: web}]"
_TROUBLED = """
  - {name: "db-{n}", count: 6, wave: data, issue: [
      {kind: conversionFails, servers: [db-1], times: 1},
      {kind: notReplicating, servers: [db-2], state: STALLED, error: AGENT_NOT_SEEN},
      {kind: targetRunning, servers: [db-3]},
      {kind: similarName, servers: [db-4], target: "{name}x"},
      {kind: noTarget, servers: [db-5]}]}
  - {name: web, wave: web}
"""
_HOMESICK = """
  - {name: "db-{n}", count: 3, wave: data, issue: [
      {kind: originalUntagged, servers: [db-1]},
      {kind: replicationStalls, servers: [db-2], error: SNAPSHOTS_FAILURE, seconds: 3600},
      {kind: agentNeverChecksIn, servers: [db-3]}]}
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

    def start(self, machine: str, name: str, plan: str = "erp", **request: Any) -> str:
        """Start an execution of the plan under this name; its ARN."""
        return self.cloud.start(machine, {"plan": self.plan(plan), **request}, name=name)

    def started(self, function: str, times: int = 1) -> None:
        """Wait until a function was called so often, and has done its work."""
        self.cloud.wait_until(lambda: self.cloud.functions.invocations(function) >= times)
        self.cloud.advance(0.5)

    def end(self, arn: str) -> None:
        """Stop an execution, and report it as EventBridge does."""
        self.cloud.stop(arn, "Operator", "not today")
        record = self.cloud.states.record(arn)
        moment = int(self.cloud.clock.now().timestamp() * 1000)
        detail = {
            "executionArn": arn,
            "stateMachineArn": self.cloud.states.arn_of(record.machine),
            "name": record.execution.name,
            "status": "ABORTED",
            "startDate": moment - 9000,
            "stopDate": moment,
            "input": record.execution.input_json,
        }
        self.call("CloseAbortedExecutionFunction", {"source": "aws.states", "detail": detail})

    def outcomes(self) -> dict[str, str]:
        """How every recorded execution ended: its status, and the codes that blocked servers of it."""
        names = self.cloud.functions.environment()
        items = self.cloud.client("dynamodb").scan(TableName=names["EXECUTIONS_TABLE"])["Items"]
        statuses, codes = {}, defaultdict[str, set[str]](set)
        for item in items:
            execution = re.sub(r"-\d{8}T\d{6}$", "", item["pk"]["S"].split("#")[1])  # named by the time
            if item["sk"]["S"] == "EXECUTION":
                error = re.match(r"\w+(?=: )", item.get("reason", {}).get("S", ""))
                statuses[execution] = item["status"]["S"] + (f" {error.group()}" if error else "")
            elif item["sk"]["S"].startswith("SERVER#") and item["status"]["S"] == "BLOCKED":
                found = [finding["M"] for finding in item["findings"]["L"]]
                codes[execution] |= {one["code"]["S"] for one in found if one["severity"]["S"] == "CRITICAL"}
        return {one: " ".join([status, *sorted(codes[one])]) for one, status in statuses.items()}


Scenario = Callable[[Stage], None]


@contextmanager
def stage(folder: Path, servers: str, failback: str = "{}") -> Iterator[Stage]:
    """The cloud of one scenario. Functions take a second each, so that executions overlap."""
    file = folder / "fleet.yaml"
    file.write_text(_FLEET.format(servers=servers, failback=failback))
    fleet = load(file)
    settings = Settings(replication_time_factor=0.2)
    with virtual_fleet(fleet, RecordingCloud, drs_settings=settings) as (cloud, servers_built):
        cloud.functions.seconds = 1.0
        yield Stage(cloud, fleet, servers_built)


def _reached(asked: list[str], count: int) -> bool:
    return len(asked) == count


def _send(at: Stage, action: str, execution: str, **fields: Any) -> None:
    """A message of an operator."""
    now = at.cloud.clock.now().isoformat()
    who = {"by": "an operator", "reason": "a test", "now": now}
    at.call(taker(action), {"executionId": execution, "action": action, **who, **fields})


def declared_by_event_with_issue(at: Stage) -> None:
    """A stored plan, an event, an approval, and most of what can be wrong."""
    at.call("StorePlanFunction", {"plan": at.plan("erp")})
    detail = {"plan": "erp", "reason": "us-east-1 is lost"}
    envelope = {"source": "drs-orchestrator.dr", "detail-type": "Disaster Declared", "id": "e-1"}
    asked: list[str] = []
    at.cloud.on_function("RequestApprovalFunction", lambda event: asked.append(event["executionId"]))
    at.call("StartFromEventFunction", {**envelope, "detail": detail})
    at.cloud.wait_until(lambda: at.cloud.functions.invocations("RequestApprovalFunction") > 0)
    at.cloud.advance(60)
    _send(at, "APPROVE", asked[0])
    _refuse_first_recovery(at)
    [arn] = [arn for arn in at.cloud.states.records if ":failover:" in arn]
    result = at.cloud.wait(arn)
    assert result.output["totals"]["recovered"] >= 4, result.output


def declared_and_superseded(at: Stage) -> None:
    """An event waits for an approval; an operator rejects another one's, and starts the plan by hand."""
    at.call("StorePlanFunction", {"plan": at.plan("erp")})
    asked: list[str] = []
    at.cloud.on_function("RequestApprovalFunction", lambda event: asked.append(event["executionId"]))
    envelope = {"source": "drs-orchestrator.dr", "detail-type": "Disaster Declared"}
    detail = {"plan": "erp", "reason": "us-east-1 is lost"}
    for number, event_id in enumerate(("e-3", "e-4"), 1):
        at.call("StartFromEventFunction", {**envelope, "id": event_id, "detail": detail})
        at.cloud.wait_until(partial(_reached, asked, number))
        at.cloud.advance(30)
        if number == 1:
            _send(at, "REJECT", asked[0])
            at.cloud.advance(60)
    at.cloud.wait(at.start("failover", "by-hand"))
    for arn in list(at.cloud.states.records):
        at.cloud.wait(arn)


def plan_unknown(at: Stage) -> None:
    """A request for a plan that is not stored learns which ones are, in an event too; one has a typo."""
    detail = {"plan": "nowhere", "mode": "FAILBACK", "reason": "us-east-1 is back"}
    envelope = {"source": "drs-orchestrator.dr", "detail-type": "Disaster Declared", "id": "e-2"}
    at.call("StartFromEventFunction", {**envelope, "detail": detail})
    at.call("StartFromEventFunction", {**envelope, "detail": {**detail, "mode": "FAILBAK"}})
    assert "NOT started" in at.cloud.notifications[-1]["subject"]
    at.cloud.start("failover", {"plan": "nowhere"}, name="unknown")
    for arn in list(at.cloud.states.records):
        assert "PlanNotFoundError: No plan 'nowhere' is stored" in str(at.cloud.wait(arn).cause)
    assert len(at.cloud.states.records) == 2


def permission_missing(at: Stage) -> None:
    """The simulation says that the execution role lacks something: a finding about the scope."""
    at.cloud.denied_actions.add("drs:StartRecovery")
    at.cloud.run("failover", {"plan": at.plan("erp")}, name="denied")


def two_executions_of_one_plan(at: Stage) -> None:
    """The second asks Step Functions whether the first is over. A plan runs once at a time.

    While the first converts, its launch settings are changed: the operators are warned.
    """
    polls: list[str] = []

    def clear(event: dict[str, Any]) -> None:
        polls.append(event["executionId"])
        if len(polls) > 1:  # its job has read them by then
            into = {"launchIntoEC2InstanceID": ""}
            for server in at.servers:
                client = at.cloud.client("drs", "444455556666", "us-east-2")
                client.update_launch_configuration(
                    sourceServerID=server.source_server_id, launchIntoInstanceProperties=into
                )

    at.cloud.on_function("WatchJobsFunction", clear)
    first = at.cloud.start("failover", {"plan": at.plan("erp")}, name="first")
    at.cloud.advance(30)
    assert at.cloud.run("failover", {"plan": at.plan("erp")}, name="second").status == "FAILED"
    at.cloud.wait(first)
    assert any("changed while DRS launches" in one["subject"] for one in at.cloud.notifications)


def two_plans_for_the_same_servers(at: Stage) -> None:
    """The second passes its checks before the first takes the servers, and a third comes after that."""
    first = at.cloud.start("failover", {"plan": at.plan("erp")}, name="first")
    at.cloud.advance(0.5)
    second = at.cloud.start("failover", {"plan": at.plan("crm")}, name="second")
    at.cloud.advance(60)
    _fault(at, {"kind": "NATIVE_PLAN_RUNS", "server": at.servers[0].source_server_id})
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
    arn = at.start("failover", "stopped")
    at.started("ConfigureLaunchFunction")
    at.end(arn)


def stopped_in_the_midst_of_a_wave(at: Stage) -> None:
    """One server of the wave runs already, the other does not pass its checks."""
    [ill] = [server for server in at.servers if server.name == "db-2"]
    at.cloud.ec2.add_faults([{"kind": "STATUS_CHECK_FAILS", "instance": ill.target_instance_ids[0]}])
    arn = at.start("failover", "stopped")
    at.started("VerifyInstancesFunction", 15)
    at.end(arn)


def stopped_drill(at: Stage) -> None:
    """No other execution gets the servers of a drill that is cleaned up; a stopped clean-up goes on."""
    slow = at.start("failover", "slow", plan="crm")
    at.cloud.functions.takes("PlanWavesFunction", 200)
    at.started("PlanWavesFunction")
    at.cloud.functions.takes("PlanWavesFunction", 1)
    drill = at.start("failover", "drill", mode="DRILL")
    at.started("WatchJobsFunction")
    at.end(drill)
    at.started("CleanUpDrillFunction")
    at.start("failover", "same-plan")
    others = [
        at.start("failover", "same-servers", plan="hr"),
        at.start("failback", "failback-route", plan="bi", mode="FAILBACK"),
    ]
    for arn in (slow, *others):
        at.cloud.wait(arn)
    [clean_up] = [arn for arn in at.cloud.states.records if ":drill-cleanup:" in arn]
    at.end(clean_up)
    at.started("CloseExecutionFunction")
    at.cloud.advance(3600)


def failover_during_a_drill(at: Stage) -> None:
    """The real thing stops the drill, which cleans up after itself."""
    drill = at.start("failover", "drill", mode="DRILL")
    at.started("VerifyInstancesFunction")
    real = at.start("failover", "real", cancelDrill=True)
    at.started("CancelDrillsFunction")
    at.end(drill)
    assert at.cloud.wait(real).status == "SUCCEEDED"


def there_and_back(at: Stage) -> None:
    """A fleet comes back, one server after a stall; one cannot leave, and one has to go back."""
    failover = at.start("failover", "out")
    at.started("CloseWaveFunction")
    early = at.start("failback", "early", plan="crm", mode="FAILBACK")
    at.cloud.wait(early)
    at.cloud.wait(failover)
    asked: list[str] = []
    at.cloud.on_function("RequestApprovalFunction", lambda event: asked.append(event["executionId"]))
    for action in ("FREEZE", "RELEASE"):
        switch = {"action": action, "plan": "erp", "by": "ana", "reason": "a test"}
        payload, failed = at.cloud.functions.invoke("FreezePlanFunction", json.dumps(switch).encode())
        assert not failed, payload
    back = at.start("failback", "back", mode="FAILBACK", approval="REQUIRED", removeDetachedVolumes=True)
    [web] = [server for server in at.servers if server.name == "web"]
    at.cloud.ec2.add_faults([{"kind": "STATUS_CHECK_FAILS", "instance": web.original_instance_id}])
    for _ in ("start", "cutover"):
        at.cloud.wait_until(lambda: bool(asked))
        at.cloud.advance(60)
        _send(at, "APPROVE", asked.pop())
    result = at.cloud.wait(back)
    assert result.output["totals"]["recovered"] == 2, result.output
    origin = at.cloud.client("ec2", ORIGIN, "us-east-1")
    volumes = origin.describe_volumes()["Volumes"]
    left = [volume["VolumeId"] for volume in volumes if not volume["Attachments"]]
    at.cloud.wait(at.start("failback", "named", mode="FAILBACK", removeVolumes=left))
    now = {volume["VolumeId"] for volume in origin.describe_volumes()["Volumes"]}
    assert len(set(left) & now) == 1, "of the server that failed; those of both others are deleted"


def two_failbacks(at: Stage) -> None:
    """Failbacks of several plans for the same servers; one is stopped, and the next goes on where it was."""
    at.cloud.wait(at.start("failover", "out"))
    first = at.start("failback", "first", mode="FAILBACK")
    at.cloud.advance(0.5)
    second = at.start("failback", "second", plan="crm", mode="FAILBACK")
    at.cloud.wait(second)
    ids = [*at.targets, "i-00000000000000000"]
    at.cloud.wait(at.start("failback", "third", plan="hr", mode="FAILBACK", recoveryInstanceIds=ids))
    at.cloud.wait(at.start("failover", "out-again", plan="bi"))
    at.cloud.wait(at.start("failback", "same-plan", mode="FAILBACK"))
    at.started("WatchJobsFunction", at.cloud.functions.invocations("WatchJobsFunction") + 1)
    at.cloud.wait(at.start("failback", "fourth", plan="crm", mode="FAILBACK"))
    at.end(first)
    assert at.cloud.wait(at.start("failback", "goes-on", mode="FAILBACK")).status == "SUCCEEDED"


def left_over(at: Stage) -> None:
    """A failback is stopped before it retires the recovery side; the next drill does that first."""
    at.cloud.wait(at.start("failover", "out"))
    back = at.start("failback", "back", mode="FAILBACK")
    at.started("WatchReprotectionFunction")
    at.end(back)
    at.cloud.advance(1800)
    retirements = at.cloud.functions.invocations("RetireRecoveryFunction")
    at.cloud.wait(at.start("failover", "drill", mode="DRILL"))
    assert at.cloud.functions.invocations("RetireRecoveryFunction") > retirements


def started_and_stopped(at: Stage) -> None:
    """Executions are stopped when they have started instances and recorded nothing of it."""
    out = at.start("failover", "out")
    at.started("StartInstancesFunction", 2)
    at.end(out)
    at.cloud.wait(at.start("failover", "out-again"))
    started = at.cloud.functions.invocations("StartInstancesFunction")
    back = at.start("failback", "back", mode="FAILBACK")
    at.started("StartInstancesFunction", started + 2)
    at.end(back)
    at.cloud.wait(at.start("failback", "back-again", mode="FAILBACK"))


def closed_late(at: Stage) -> None:
    """An execution is closed when another execution has moved its servers, and its functions run late."""
    event = {"executionId": "out", "startedAt": at.cloud.clock.now().isoformat()}
    out = at.start("failover", "out")
    at.started("CloseWaveFunction")
    _move_pairs(at)
    at.end(out)
    _move_pairs(at)
    at.call("CloseWaveFunction", {**event, "wave": "data"})
    at.call("CloseExecutionFunction", event)


def called_late(at: Stage) -> None:
    """The first functions of an execution run, or run again, when it has ended."""
    begun = at.cloud.clock.now().isoformat()
    request = {"plan": at.plan("erp")}
    out = at.cloud.start("failover", request, name="out")
    at.cloud.on_function("ReserveServersFunction", lambda event: _say_ended(at, "out"))
    at.cloud.wait(out)
    late = {"executionId": "out", "executionArn": out, "startedAt": begun}
    at.call("OpenExecutionFunction", {**late, "request": request})


def no_slot_at_first(at: Stage) -> None:
    """Batches of two waves wait for a slot. The first that gets one resumes the next. A pause has ended."""
    _fill(at)
    arn = at.start("failover", "crowded")
    at.started("AwaitJobSlotFunction", 2)
    at.cloud.wait(at.start("failover", "closes", plan="crm"))  # and resumes who waits
    stopped = at.start("failover", "stopped", plan="hr")
    at.started("DiscoverServersFunction", 3)
    at.end(stopped)
    batch = {"executionId": "crowded", "wave": "data", "batch": 1, "scope": f"{RECOVERY}/{RECOVERY_REGION}"}
    at.call("AwaitJobSlotFunction", {**batch, "paused": True, "taskToken": "a-token-that-is-void"})
    assert at.cloud.wait(arn).status == "SUCCEEDED"


def failed_over_by_hand(at: Stage) -> None:
    """An operator fails a server of a drill over, into an instance that DRS makes and may terminate."""
    [server] = [server for server in at.servers if server.name == "web"]
    drs = at.cloud.client("drs", RECOVERY, RECOVERY_REGION)
    _fault(at, {"kind": "JOB_STUCK", "phase": "CONVERSION", "server": "db-1", "seconds": 7200})
    drill = at.start("failover", "drill", mode="DRILL", launchOrder="BY_WAVE")
    at.started("WatchJobsFunction")
    drs.start_recovery(sourceServers=[{"sourceServerID": server.source_server_id}])
    at.cloud.advance(3600)
    at.end(drill)
    found = drs.describe_recovery_instances(filters={"sourceServerIDs": [server.source_server_id]})
    [instance] = found["items"]
    at.ec2.associate_iam_instance_profile(
        InstanceId=instance["ec2InstanceID"], IamInstanceProfile={"Name": PROFILE}
    )
    ids = {
        "recoveryInstanceId": instance["ec2InstanceID"],
        "originalInstanceId": server.original_instance_id,
    }
    endpoints = {"check": "ROUTE_MISSING", "reason": "VPC endpoints lead there"}
    request: dict[str, Any] = {"mode": "FAILBACK", "confirmOriginals": [ids], "overrides": [endpoints]}
    request["terminateInstances"] = [instance["ec2InstanceID"]]
    at.cloud.wait(at.start("failback", "too-early", plan="crm", **request))
    [clean_up] = [arn for arn in at.cloud.states.records if ":drill-cleanup:" in arn]
    at.cloud.wait(clean_up)
    result = at.cloud.wait(at.start("failback", "back", **request))
    assert result.output["totals"]["recovered"] == 1, result.output
    assert at.cloud.calls["ec2", "TerminateInstances"] == 1


def prepared_and_undone(at: Stage) -> None:
    """Prepared since it was stored; a second one is refused meanwhile, a third fails; all is put back."""
    asking = at.plan("erp")
    asking["policies"] = {**asking.get("policies", {}), "prepareWhenStored": True}
    at.call("StorePlanFunction", {"plan": asking})
    at.started("DiscoverServersFunction")
    assert at.cloud.run("prepare", {"plan": "erp"}, name="second").status == "FAILED"
    at.started("ClosePreparationFunction", 2)
    _fault(
        at,
        {
            "kind": "ERROR",
            "operation": "DescribeRecoveryInstances",
            "code": "AccessDeniedException",
            "times": 9,
        },
    )
    assert at.cloud.run("prepare", {"plan": "erp"}, name="third").status == "FAILED"
    at.cloud.drs.admin("DELETE", "/faults", None)
    accepts = {"plan": "erp", "acceptPairs": [at.servers[0].name]}
    assert at.cloud.run("prepare", accepts, name="fourth").status == "SUCCEEDED"
    undone = at.cloud.run("prepare", {"plan": "erp", "undo": True}, name="undo")
    assert undone.output["totals"]["undone"] >= 4, undone.output
    [late] = [arn for arn in at.cloud.states.records if arn.endswith(":undo")]
    begun = at.cloud.clock.now().isoformat()
    event = {"executionId": "undo", "executionArn": late, "startedAt": begun, "request": {"plan": "erp"}}
    at.call("OpenPreparationFunction", event)


def _assert_completed(at: Stage, arn: str) -> None:
    """A retry that fails before it reads anything would prove nothing of its permissions."""
    result = at.cloud.wait(arn)
    assert result.output is not None, f"{arn} {result.status}: {result.error}: {result.cause}"
    assert result.output["status"] == "COMPLETED"


def controlled(at: Stage) -> None:
    """An operator pauses, approves, cancels and retries, there and back."""

    def send(action: str, execution: str = "controlled", **fields: Any) -> None:
        _send(at, action, execution, **fields)

    arn = at.start("failover", "controlled", approval="REQUIRED")
    at.started("RequestApprovalFunction")
    at.cloud.advance(30)
    send("APPROVE")
    at.started("ConfigureLaunchFunction")
    send("PAUSE")
    send("SKIP", servers=["web"])
    send("RETRY")
    at.cloud.advance(1200)
    send("RESUME")
    send("PAUSE", when="NEXT_WAVE")
    at.cloud.advance(3600)
    send("RESUME")
    assert at.cloud.wait(arn).status == "SUCCEEDED"
    send("RETRY")
    [retry] = [arn for arn in at.cloud.states.records if arn.endswith(":controlled-retry")]
    at.started("RequestApprovalFunction", 2)
    at.cloud.advance(30)
    send("APPROVE", "controlled-retry")
    _assert_completed(at, retry)
    early = at.start("failback", "early", mode="FAILBACK", approval="REQUIRED")
    at.started("RequestApprovalFunction", 3)
    at.cloud.advance(30)
    send("CANCEL", "early")
    at.cloud.wait(early)
    back = at.start("failback", "back", mode="FAILBACK")
    at.started("ReverseReplicationFunction")
    send("RETRY", "back")
    send("CANCEL", "back")
    at.cloud.wait(back)
    send("RETRY", "back")
    [retry] = [arn for arn in at.cloud.states.records if arn.endswith(":back-retry")]
    at.started("ReverseReplicationFunction", 2)
    send("PAUSE", "back-retry")
    at.cloud.advance(3600)
    send("RESUME", "back-retry")
    _assert_completed(at, retry)
    drill = at.start("failover", "drill", mode="DRILL", plan="crm")
    at.started("DiscoverServersFunction", at.cloud.functions.invocations("DiscoverServersFunction") + 1)
    at.end(drill)
    send("RETRY", "drill")
    at.cloud.advance(3600)


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario, where it plays, and how each of its executions is to end: else it proves nothing."""

    scenario: Scenario
    outcomes: dict[str, str]
    servers: str = _HEALTHY
    failback: str = "{}"


SCENARIOS: tuple[Played, ...] = (
    Played(declared_by_event_with_issue, {"event-e-1": "COMPLETED_WITH_FAILURES TARGET_MISSING"}, _TROUBLED),
    Played(
        declared_and_superseded,
        {
            "by-hand": "COMPLETED",
            "event-e-3": "CANCELLED ApprovalRejected",
            "event-e-4": "CANCELLED ExecutionSuperseded",
        },
    ),
    Played(plan_unknown, {}),
    Played(
        controlled,
        {
            "drill": "CANCELLED ExecutionAborted",
            "early": "CANCELLED ExecutionCancelled",
            "back": "CANCELLED ExecutionCancelled",
            "back-retry": "COMPLETED",
            "controlled": "COMPLETED_WITH_FAILURES",
            "controlled-retry": "COMPLETED",
        },
    ),
    Played(permission_missing, {"denied": "BLOCKED ACTIONS_DENIED"}),
    Played(two_executions_of_one_plan, {"first": "COMPLETED", "second": "FAILED ExecutionInProgressError"}),
    Played(
        two_plans_for_the_same_servers,
        {
            "first": "COMPLETED",
            "second": "BLOCKED LOCKED_BY_EXECUTION",
            "third": "BLOCKED NATIVE_PLAN_RUNS SERVER_BUSY SERVER_LOCKED",
        },
    ),
    Played(tags_lost_after_the_checks, {"tags": "FAILED"}),
    Played(stopped_before_the_launch, {"stopped": "CANCELLED ExecutionAborted"}),
    Played(stopped_in_the_midst_of_a_wave, {"stopped": "CANCELLED ExecutionAborted"}),
    Played(
        stopped_drill,
        {
            "drill": "CANCELLED ExecutionAborted",
            "slow": "BLOCKED LOCKED_BY_EXECUTION",
            "same-plan": "FAILED ExecutionInProgressError",
            "same-servers": "BLOCKED SERVER_BUSY SERVER_LOCKED",
            "failback-route": "BLOCKED NOT_FAILED_OVER",
        },
    ),
    Played(failover_during_a_drill, {"drill": "CANCELLED ExecutionAborted", "real": "COMPLETED"}),
    Played(
        there_and_back,
        {
            "early": "BLOCKED ORIGINAL_UNCONFIRMED SERVER_LOCKED",
            "back": "COMPLETED_WITH_FAILURES",
            "named": "COMPLETED_WITH_FAILURES",
            "out": "COMPLETED",
        },
        _HOMESICK,
        _CAREFUL,
    ),
    Played(
        two_failbacks,
        {
            "first": "CANCELLED ExecutionAborted",
            "fourth": "BLOCKED SERVER_BUSY SERVER_LOCKED",
            "goes-on": "COMPLETED",
            "out": "COMPLETED",
            "out-again": "BLOCKED SERVER_LOCKED TARGET_IN_USE",
            "same-plan": "FAILED ExecutionInProgressError",
            "second": "BLOCKED LOCKED_BY_EXECUTION",
            "third": "BLOCKED SERVER_LOCKED",
        },
    ),
    Played(left_over, {"back": "CANCELLED ExecutionAborted", "drill": "COMPLETED", "out": "COMPLETED"}),
    Played(
        started_and_stopped,
        {
            "back": "CANCELLED ExecutionAborted",
            "back-again": "COMPLETED",
            "out": "CANCELLED ExecutionAborted",
            "out-again": "COMPLETED",
        },
    ),
    Played(closed_late, {"out": "CANCELLED ExecutionAborted"}),
    Played(called_late, {"out": "CANCELLED"}),
    Played(
        no_slot_at_first,
        {"closes": "BLOCKED SERVER_LOCKED", "crowded": "COMPLETED", "stopped": "CANCELLED ExecutionAborted"},
    ),
    Played(
        failed_over_by_hand,
        {
            "drill": "CANCELLED ExecutionAborted",
            "back": "COMPLETED_WITH_FAILURES NOT_FAILED_OVER",
            "too-early": "BLOCKED DRILL_INSTANCE NOT_FAILED_OVER ORIGINAL_UNCONFIRMED SERVER_LOCKED",
        },
        _HEALTHY,
        _TERMINATING,
    ),
    Played(
        prepared_and_undone,
        {
            "erp-stored": "COMPLETED_WITH_FAILURES TARGET_MISSING",
            "fourth": "COMPLETED_WITH_FAILURES TARGET_MISSING",
            "second": "FAILED PreparationInProgressError",
            "third": "FAILED AccessDeniedError TARGET_MISSING",
            "undo": "COMPLETED",
        },
        _TROUBLED,
    ),
)


def _fill(at: Stage) -> None:
    """Other jobs hold all places in the recovery scope for some minutes."""
    others = [{"hostname": f"other-{number}"} for number in range(20)]
    scope = {"account": RECOVERY, "region": RECOVERY_REGION}
    _, seeded = at.cloud.drs.admin("POST", "/source-servers", {**scope, "servers": others})
    for server in seeded["sourceServerIDs"]:
        _fault(at, {"kind": "SERVER_BUSY", "server": server, "seconds": 400})


def _refuse_first_recovery(at: Stage) -> None:
    _fault(at, {"kind": "ERROR", "operation": "StartRecovery", "code": "ConflictException", "times": 1})


def _say_ended(at: Stage, execution_id: str) -> None:
    """The record of an execution says that it has ended."""
    at.cloud.client("dynamodb").update_item(
        TableName=at.cloud.functions.environment()["EXECUTIONS_TABLE"],
        Key={"pk": {"S": f"EXECUTION#{execution_id}"}, "sk": {"S": "EXECUTION"}},
        UpdateExpression="SET #status = :ended",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":ended": {"S": "CANCELLED"}},
    )


def _move_pairs(at: Stage) -> None:
    """The pairs of the first wave say that another execution has moved them."""
    pairs = at.cloud.client("dynamodb")
    for server in at.servers:
        if server.name != "web":
            pairs.update_item(
                TableName=at.cloud.functions.environment()["INSTANCE_PAIRS_TABLE"],
                Key={"sourceServerId": {"S": server.source_server_id}},
                UpdateExpression="SET movedBy = :another",
                ConditionExpression="attribute_exists(movedBy)",
                ExpressionAttributeValues={":another": {"S": "another-execution"}},
            )


def _fault(at: Stage, fault: dict[str, Any]) -> None:
    status, answer = at.cloud.drs.admin("POST", "/faults", {"faults": [fault]})
    assert status == 200, answer
