"""Servers that were failed over and are to be failed back: both sides as the checks want them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from functions.configuration import (
    close_execution,
    close_wave,
    configure_launch,
    decide_pairs,
    open_execution,
    plan_waves,
    reserve_servers,
    verify_instances,
    watch_replication,
)
from functions.execution.launch import reverse_replication
from functions.query import check_reverse_prerequisites, identify_originals
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from tests.drs_emulator.failback_world import TEMPLATE
from tests.handlers.estate import HUB, ORIGIN, RECOVERY, Estate, plan_document

POLICIES = ("AWSElasticDisasterRecoveryRecoveryInstancePolicy", "AmazonSSMManagedInstanceCore")
PLAN = {"waves": [{"name": "web", "servers": {"names": ["web-*"]}}]}


@dataclass(frozen=True, slots=True)
class Ids:
    """A1, B1 and B3 of the reference."""

    original: str
    server: str
    workload: str


class Failover:
    """``failover`` recovered the servers; the estate's execution is then a failback of them."""

    failover = "failover-1"

    def __init__(self, estate: Estate, *names: str, failback: dict[str, Any] | None = None) -> None:
        self.estate = estate
        estate.clock.advance(max(0.0, (datetime.now(UTC) - estate.clock.now()).total_seconds()))
        self.plan = plan_document(**PLAN, policies={"failback": failback or {}})
        self.drs = estate.drs_client(ORIGIN)
        self.drs.initialize_service()
        subnet = estate.ec2(ORIGIN).describe_subnets()["Subnets"][0]["SubnetId"]
        self.drs.create_replication_configuration_template(
            **{**TEMPLATE, "stagingAreaSubnetId": subnet, "dataPlaneRouting": "PUBLIC_IP"}
        )
        self._open_the_failover()
        profiles = {scope: _profile(scope) for scope in (ORIGIN, RECOVERY)}
        self.ids = {name: self._protected(name, profiles) for name in names}
        self._fail_over()
        estate.execution_id = "failback-1"

    # --- the workflow

    def open(self, modes: list[str] | None = None, **request: Any) -> dict[str, Any]:
        estate = self.estate
        which = {} if "plan" in request else {"failover": self.failover}
        answer: dict[str, Any] = estate.call(
            open_execution,
            executionArn=self.arn(),
            startedAt=estate.now,
            request={"mode": "FAILBACK", **which, **request},
            modes=modes or ["FAILBACK"],
        )
        return answer

    def identify(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.estate.call(identify_originals, site="main", executionArn=self.arn())
        return answer

    def check(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.estate.call(
            check_reverse_prerequisites, site="main", executionArn=self.arn()
        )
        return answer

    def decide(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.estate.call(decide_pairs, executionArn=self.arn())
        return answer

    def reserve(self) -> dict[str, Any]:
        self.estate.call(plan_waves)
        answer: dict[str, Any] = self.estate.call(reserve_servers, executionArn=self.arn())
        return answer

    def reach_reversal(self, **request: Any) -> None:
        self.open(**request)
        self.identify()
        self.check()
        self.decide()
        self.reserve()

    def reverse(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.estate.call(reverse_replication, site="main")
        return answer

    def watch(self, **fields: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.estate.call(watch_replication, **fields)
        return answer

    def replicate(self) -> None:
        """Reverse all, and let time pass until they are replicated."""
        self.estate.clock.advance(600)
        assert self.reverse()["waiting"] == 0
        for _ in range(60):
            self.estate.clock.advance(300)
            if self.watch()["action"] == "GO":
                return
        raise AssertionError("the servers are not replicated in time")

    def configure(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.estate.call(configure_launch, wave="web")
        return answer

    def arn(self) -> str:
        return self.estate.arn().replace(":failover:", ":failback:")

    # --- what is there

    def servers(self) -> dict[str, ServerRecord]:
        return self.estate.servers()

    def codes(self, name: str) -> set[str]:
        return {finding.code for finding in self.servers()[name].findings}

    def reversed_servers(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.drs.describe_source_servers(filters={})["items"]
        return [item for item in items if item["replicationDirection"] == "FAILBACK"]

    # --- making it

    def _open_the_failover(self) -> None:
        ec2 = self.estate.ec2()
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        for table in ec2.describe_route_tables()["RouteTables"]:
            ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=table["VpcId"])
            ec2.create_route(
                RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
            )

    def _protected(self, name: str, profiles: dict[Scope, str]) -> Ids:
        estate = self.estate
        original = estate.add_target(
            name, state="running", scope=ORIGIN, IamInstanceProfile={"Arn": profiles[ORIGIN]}
        )
        [server] = estate.add_servers(
            name, awsInstanceID=original, originAvailabilityZone=f"{ORIGIN.region}a"
        )
        groups = estate.ec2().describe_security_groups(GroupNames=["default"])["SecurityGroups"]
        workload = estate.add_target(
            name, IamInstanceProfile={"Arn": profiles[RECOVERY]}, SecurityGroupIds=[groups[0]["GroupId"]]
        )
        return Ids(original, server, workload)

    def _fail_over(self) -> None:
        estate = self.estate
        estate.execution_id = self.failover
        estate.reach("STARTING", self.plan)
        estate.call(verify_instances, wave="web")
        estate.call(close_wave, wave="web")
        ended = estate.call(close_execution, startedAt=estate.now)
        assert ended["status"] == "COMPLETED", ended
        for ids in self.ids.values():
            estate.ec2(ORIGIN).stop_instances(InstanceIds=[ids.original])


def _profile(scope: Scope) -> str:
    """An instance profile with the policies of a recovery instance."""
    sts = boto3.client("sts", region_name=HUB.region)
    role = f"arn:aws:iam::{scope.account}:role/everything"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    iam = boto3.client(
        "iam",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    iam.create_role(RoleName="recovery", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17"}))
    statement = {"Effect": "Allow", "Action": "drs:*", "Resource": "*"}
    for name in POLICIES:
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        policy = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="recovery", PolicyArn=policy)
    profile = iam.create_instance_profile(InstanceProfileName="recovery")["InstanceProfile"]
    iam.add_role_to_instance_profile(InstanceProfileName="recovery", RoleName="recovery")
    return str(profile["Arn"])
