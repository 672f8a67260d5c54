"""A small estate for the handlers: moto's AWS in two accounts, the DRS emulator in front of moto's EC2.

Everything that the handlers call is reached through botocore as in Lambda; nothing of the product is
replaced. ``Wire`` stands between: it counts calls, and can lose, refuse or answer single ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import botocore.handlers
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.models import botocore_stubber
from moto.sns.models import sns_backends

from drs_emulator import Caller, DrsEmulator, NoEvents, Settings
from drs_emulator.clock import ManualClock
from functions.configuration import (
    configure_launch,
    decide_pairs,
    open_execution,
    plan_waves,
    reserve_servers,
    verify_launches,
    watch_jobs,
)
from functions.execution.launch import start_instances, start_recovery
from functions.query import check_prerequisites, discover_servers, match_instances
from local.simulation.template import Template
from shared.aws import cross_account, report_bucket, sns, step_functions
from shared.model.execution import WaveRecord
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.settings import ConfigurationSettings, ExecutionSettings, QuerySettings
from shared.store import (
    ExecutionStore,
    FindingStore,
    LockStore,
    PairStore,
    PlanStore,
    connection,
    execution_store,
    finding_store,
)
from shared.times import iso
from tests.handlers.wire import Wire, simulation

ROOT = Path(__file__).parents[2]
HUB = Scope(DEFAULT_ACCOUNT_ID, "us-east-1")
"""Where the orchestrator lives: moto's own account."""
ORIGIN = Scope("111122223333", "us-east-1")
RECOVERY = Scope("444455556666", "us-east-2")
TARGET_TAGS = {"AWSDRS": "AllowLaunchingIntoThisInstance"}
PARTICIPATES = {"dr:enabled": "true", "dr:recovery-strategy": "drs"}
GIB = 1024**3


def plan_document(**changes: Any) -> dict[str, Any]:
    """A plan with two waves by name: db-* before everything else."""
    place = {"account": ORIGIN.account, "region": ORIGIN.region}
    recovery = {"account": RECOVERY.account, "region": RECOVERY.region}
    values: dict[str, Any] = {
        "name": "erp",
        "sites": [{"name": "main", "origin": place, "recovery": recovery}],
        "waves": [
            {"name": "data", "servers": {"names": ["db-*"]}},
            {"name": "web", "servers": {"names": ["web-*"]}, "dependsOn": ["data"]},
        ],
    }
    return values | changes


@cache
def template() -> Template:
    return Template.read(
        ROOT, HUB.account, HUB.region, {"ExternalId": "an-external-id", "AllowInlinePlans": "true"}
    )


def environment() -> dict[str, str]:
    """What the template gives to the functions, of all functions together."""
    variables: dict[str, str] = {"AWS_DEFAULT_REGION": HUB.region, "AWS_REGION": HUB.region}
    for function in template().functions().values():
        variables |= function.environment
    return variables


def forget_clients() -> None:
    """Let go of what the modules keep for warm invocations, as if every test were a cold start."""
    for settings in (QuerySettings, ConfigurationSettings, ExecutionSettings):
        settings.from_env.cache_clear()
    for kept in (
        execution_store,
        finding_store,
        cross_account.member_accounts,
        connection.dynamodb,
        sns._sns,
        report_bucket._s3,
        step_functions._states,
    ):
        kept.cache_clear()
    boto3.DEFAULT_SESSION = None


class Ec2OfMoto:
    """The emulator's way to EC2. ``denied`` are EC2 actions that the caller of DRS may not do."""

    def __init__(self) -> None:
        self.denied: set[str] = set()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, account: str, region: str, caller: Caller | None) -> Any:
        client = self.of(Scope(account, region))
        return _Denying(client, self.denied) if caller else client

    def of(self, scope: Scope) -> Any:
        """EC2 of any account, by a role that moto makes up."""
        key = (scope.account, scope.region)
        if key not in self._clients:
            sts = boto3.client("sts", region_name=HUB.region)
            role = f"arn:aws:iam::{scope.account}:role/everything"
            keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
            self._clients[key] = boto3.client(
                "ec2",
                region_name=scope.region,
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
            )
        return self._clients[key]


class _Denying:
    def __init__(self, client: Any, denied: set[str]) -> None:
        self._client, self._denied = client, denied

    def __getattr__(self, name: str) -> Any:
        action = "".join(word.capitalize() for word in name.split("_"))
        if action in self._denied:
            text = "You are not authorized to perform this operation."
            raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": text}}, action)
        return getattr(self._client, name)


class Estate:
    """The orchestrator's account and two member accounts. Make one inside ``mock_aws``."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.clock = ManualClock()
        self.ec2_access = Ec2OfMoto()
        self.drs = DrsEmulator(self.clock, self.ec2_access, NoEvents(), Settings())
        wire.drs = self.drs
        wire.on("iam", "SimulatePrincipalPolicy", simulation())
        self._images: dict[Scope, str] = {}
        self._make_tables()
        names = environment()
        self.store: ExecutionStore = execution_store(names["EXECUTIONS_TABLE"])
        self.findings: FindingStore = finding_store(names["FINDINGS_TABLE"], self.store)
        self.locks = LockStore(names["EXECUTIONS_TABLE"])
        self.plans = PlanStore(names["PLANS_TABLE"])
        self.pairs = PairStore(names["INSTANCE_PAIRS_TABLE"])
        self.execution_id = "execution-1"

    @staticmethod
    def _make_tables() -> None:
        dynamodb, s3, sns = boto3.client("dynamodb"), boto3.client("s3"), boto3.client("sns")
        for parameters in template().tables().values():
            dynamodb.create_table(**parameters)
        for bucket in template().buckets():
            s3.create_bucket(Bucket=bucket)
        for topic in template().topics():
            sns.create_topic(Name=topic)

    # --- the estate ---

    def ec2(self, scope: Scope = RECOVERY) -> Any:
        return self.ec2_access.of(scope)

    def admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """An admin call to the DRS emulator that must succeed."""
        status, answer = self.drs.admin(method, path, body)
        assert status == 200, answer
        return answer

    def add_servers(self, *names: str, scope: Scope = RECOVERY, **fields: Any) -> list[str]:
        """Source servers that take part; their ids."""
        servers = [
            {
                "hostname": name,
                "originAccountID": ORIGIN.account,
                "originRegion": ORIGIN.region,
                **fields,
                "tags": {"Name": name, **PARTICIPATES, **fields.get("tags", {})},
            }
            for name in names
        ]
        body = {"account": scope.account, "region": scope.region, "servers": servers}
        ids: list[str] = self.admin("POST", "/source-servers", body)["sourceServerIDs"]
        return ids

    def add_target(
        self,
        name: str,
        *,
        tags: dict[str, str] | None = None,
        state: str = "stopped",
        scope: Scope = RECOVERY,
        **fields: Any,
    ) -> str:
        """An instance, tagged for launching into and stopped by default."""
        labels = {"Name": name, **(TARGET_TAGS if tags is None else tags)}
        ec2 = self.ec2(scope)
        instance = ec2.run_instances(
            ImageId=self._image(scope),
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            **fields,
            TagSpecifications=[
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": key, "Value": value} for key, value in labels.items()],
                }
            ],
        )["Instances"][0]["InstanceId"]
        if state == "stopped":
            ec2.stop_instances(InstanceIds=[instance])
        return str(instance)

    def _image(self, scope: Scope) -> str:
        """An HVM image on EBS, like any of today."""
        if scope not in self._images:
            made = self.ec2(scope).register_image(
                Name="any", Architecture="x86_64", RootDeviceName="/dev/sda1", VirtualizationType="hvm"
            )
            self._images[scope] = str(made["ImageId"])
        return self._images[scope]

    def add_pairs(self, *names: str, **fields: Any) -> dict[str, tuple[str, str]]:
        """Servers with their targets: name → (source server id, instance id)."""
        servers = self.add_servers(*names, **fields)
        return {name: (server, self.add_target(name)) for name, server in zip(names, servers, strict=True)}

    def instance(self, instance_id: str, scope: Scope = RECOVERY) -> dict[str, Any]:
        found = self.ec2(scope).describe_instances(InstanceIds=[instance_id])
        return dict(found["Reservations"][0]["Instances"][0])

    def fault(self, kind: str, **fields: Any) -> None:
        self.admin("POST", "/faults", {"faults": [{"kind": kind, **fields}]})

    def launch_configuration(self, server: str, scope: Scope = RECOVERY) -> dict[str, Any]:
        """GetLaunchConfiguration as the account itself."""
        return dict(self.drs_client(scope).get_launch_configuration(sourceServerID=server))

    def drs_client(self, scope: Scope = RECOVERY) -> Any:
        """DRS as another caller than the orchestrator."""
        return self.wire.drs_client(scope)

    # --- executions ---

    @property
    def now(self) -> str:
        return iso(self.clock.now())

    def call(self, function: ModuleType, **fields: Any) -> Any:
        """Run a function's handler as the workflow does."""
        event = {"executionId": self.execution_id, "now": self.now, **fields}
        return function.handler(event, None)

    def arn(self, execution_id: str = "") -> str:
        machine = f"arn:aws:states:{HUB.region}:{HUB.account}:execution:failover"
        return f"{machine}:{execution_id or self.execution_id}"

    def open(self, plan: dict[str, Any] | None = None, **request: Any) -> dict[str, Any]:
        """OpenExecution of a plan that the request carries."""
        answer: dict[str, Any] = self.call(
            open_execution,
            executionArn=self.arn(),
            startedAt=self.now,
            request={"plan": plan or plan_document(), **request},
        )
        return answer

    def reach(self, phase: str, plan: dict[str, Any] | None = None, **request: Any) -> None:
        """Carry the execution to a phase, by the handlers that the workflow would call, wave after wave.

        Phases: OPEN, DISCOVERED, MATCHED, CHECKED, DECIDED, PLANNED, RESERVED, CONFIGURED, LAUNCHING,
        LAUNCHED, CONFIRMED, STARTING.
        """
        document = plan or plan_document()
        sites = [site["name"] for site in document["sites"]]
        waves = [wave["name"] for wave in document["waves"]]
        steps: dict[str, Callable[[], Any]] = {
            "OPEN": lambda: self.open(document, **request),
            "DISCOVERED": lambda: [self.call(discover_servers, site=site) for site in sites],
            "MATCHED": lambda: self.call(match_instances),
            "CHECKED": lambda: [
                self.call(check_prerequisites, site=site, executionArn=self.arn()) for site in sites
            ],
            "DECIDED": lambda: self.call(decide_pairs, executionArn=self.arn()),
            "PLANNED": lambda: self.call(plan_waves),
            "RESERVED": lambda: self.call(reserve_servers, executionArn=self.arn()),
            "CONFIGURED": lambda: [self.call(configure_launch, wave=wave) for wave in waves],
            "LAUNCHING": lambda: [self.launch(wave) for wave in waves],
            "LAUNCHED": lambda: self.await_jobs(waves),
            "CONFIRMED": lambda: [self.call(verify_launches, wave=wave) for wave in waves],
            "STARTING": lambda: [self.call(start_instances, wave=wave) for wave in waves],
        }
        for name, step in steps.items():
            step()
            if name == phase:
                return
        raise ValueError(f"no phase {phase}")

    def launch(self, wave: str) -> list[dict[str, Any]]:
        """StartRecovery for every batch of a wave."""
        batches = sorted({server.batch for server in self.servers(wave).values() if server.batch is not None})
        return [self.call(start_recovery, wave=wave, batch=batch) for batch in batches]

    def await_jobs(self, waves: Sequence[str]) -> None:
        """Let time pass until no wave has a server that is launching."""
        for _ in range(100):
            self.clock.advance(120)
            if not any(self.call(watch_jobs, wave=wave)["launching"] for wave in waves):
                return
        raise AssertionError("the jobs do not end")

    def servers(self, wave: str | None = None) -> dict[str, ServerRecord]:
        """The servers' records by name; before DecidePairs, what was found of them."""
        found = self.store.servers(self.execution_id, wave) or self.findings.servers(self.execution_id, wave)
        return {server.name: server for server in found}

    def wave(self, name: str) -> WaveRecord:
        return next(wave for wave in self.store.waves(self.execution_id) if wave.name == name)

    # --- what came out ---

    def messages(self) -> list[tuple[str, str]]:
        """What was published: (subject, text), oldest first."""
        backend = sns_backends[HUB.account][HUB.region]
        topic = backend.topics[environment()["TOPIC_ARN"]]
        return [(sent[2] or "", sent[1]) for sent in topic.sent_notifications]

    def report(self, plan: str = "erp") -> dict[str, Any]:
        """The report in the bucket."""
        key = f"{plan}/{self.execution_id}/report.json"
        body = boto3.client("s3").get_object(Bucket=environment()["REPORTS_BUCKET"], Key=key)["Body"]
        report: dict[str, Any] = json.loads(body.read())
        return report


@contextmanager
def botocore_through(wire: Wire) -> Iterator[None]:
    """Sessions made inside send through the wire, which asks moto itself.

    botocore calls every handler of ``before-send`` even when one has answered, so moto's own must go.
    """

    def send(request: AWSPreparedRequest, event_name: str, **more: Any) -> Any:
        del more
        _, service, operation = event_name.split(".")
        return wire.send(service, operation, request)

    of_moto = ("before-send", botocore_stubber)
    ours = ("before-send", send)
    handlers: list[Any] = botocore.handlers.BUILTIN_HANDLERS
    handlers[handlers.index(of_moto)] = ours
    try:
        yield
    finally:
        handlers[handlers.index(ours)] = of_moto
