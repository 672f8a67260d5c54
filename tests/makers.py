"""Healthy values for the tests of the rules: a test changes only what it is about."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from shared.model.drs import Job, JobLogItem, LaunchedServer, LaunchSettings, SourceServer
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE, Instance, Volume
from shared.model.execution import ExecutionRecord, WaveRecord
from shared.model.policies import LaunchOrder, Mode
from shared.model.prerequisite_facts import ProfileFacts, ServerFacts
from shared.model.scope import Scope
from shared.model.server import Change, DrillProgress, FailbackProgress, ServerRecord
from shared.model.status import ExecutionStatus, ServerStatus, WaveStatus

ORIGIN = Scope("111122223333", "us-east-1")
RECOVERY = Scope("444455556666", "us-east-2")
ELSEWHERE = Scope("444455556666", "eu-west-1")
TARGET_TAGS = {TARGET_TAG_KEY: TARGET_TAG_VALUE}
PARTICIPATES = {"dr:enabled": "true", "dr:recovery-strategy": "drs"}


def server_id(number: int) -> str:
    return f"s-{number:017d}"


def instance_id(number: int) -> str:
    return f"i-{number:017x}"


def source_server(number: int = 1, **changes: Any) -> SourceServer:
    values: dict[str, Any] = {
        "source_server_id": server_id(number),
        "arn": f"arn:aws:drs:us-east-2:444455556666:source-server/{server_id(number)}",
        "name": f"app-{number}",
        "scope": RECOVERY,
        "site": "main",
        "hostname": f"app-{number}",
        "original_instance_id": instance_id(1000 + number),
        "origin_account": ORIGIN.account,
        "origin_region": ORIGIN.region,
        "platform": "linux",
        "replication_state": "CONTINUOUS",
        "lag_seconds": 0.0,
        "agent_version": "6.42.20",
        "architecture": "x86_64",
        "boot_mode": "legacy-bios",
        "disks": (Volume("/dev/xvda", 8 * 2**30),),
        "tags": PARTICIPATES,
    }
    return SourceServer(**(values | changes))


def instance(number: int = 1, **changes: Any) -> Instance:
    values: dict[str, Any] = {
        "instance_id": instance_id(number),
        "name": f"app-{number}",
        "scope": RECOVERY,
        "state": "stopped",
        "private_ip": "10.1.0.10",
        "instance_type": "t3.small",
        "platform": "linux",
        "architecture": "x86_64",
        "boot_mode": "legacy-bios",
        "root_device_type": "ebs",
        "virtualization": "hvm",
        "availability_zone": "us-east-2a",
        "subnet_id": "subnet-1",
        "vpc_id": "vpc-1",
        "security_group_ids": ("sg-1",),
        "instance_profile_arn": "arn:aws:iam::444455556666:instance-profile/recovery",
        "volumes": (Volume("/dev/xvda", 8 * 2**30, "vol-1"),),
        "tags": TARGET_TAGS,
    }
    return Instance(**(values | changes))


def launch_settings(**changes: Any) -> LaunchSettings:
    values: dict[str, Any] = {
        "copy_private_ip": False,
        "copy_tags": False,
        "launch_disposition": "STOPPED",
        "right_sizing": "NONE",
        "launch_into_instance_id": None,
    }
    return LaunchSettings(**(values | changes))


def facts(**changes: Any) -> ServerFacts:
    policies = ("AWSElasticDisasterRecoveryRecoveryInstancePolicy", "AmazonSSMManagedInstanceCore")
    values: dict[str, Any] = {
        "server": source_server(),
        "target": instance(),
        "launch": launch_settings(),
        "profile": ProfileFacts(policies),
        "has_recovery_point": True,
    }
    return ServerFacts(**(values | changes))


def record(number: int = 1, **changes: Any) -> ServerRecord:
    values: dict[str, Any] = {
        "source_server_id": server_id(number),
        "name": f"app-{number}",
        "scope": RECOVERY,
        "site": "main",
        "status": ServerStatus.READY,
    }
    return ServerRecord(**_grouped(ServerRecord, values | changes))


def _grouped(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    """Flat fields of a server under the parts that they belong to."""
    own = {f.name for f in fields(cls)}
    parts: dict[str, Any] = {"failback": FailbackProgress, "drill": DrillProgress}
    grouped = {name: value for name, value in values.items() if name in own}
    for name, part in parts.items():
        inner = {f.name: values[f.name] for f in fields(part) if f.name in values}
        if inner:
            grouped[name] = part(**inner)
    assert values.keys() <= own | {f.name for part in parts.values() for f in fields(part)}, values
    return grouped


def wave(name: str, *depends_on: str, status: WaveStatus = WaveStatus.PLANNED, **changes: Any) -> WaveRecord:
    return WaveRecord(name=name, depends_on=depends_on, status=status, **changes)


def execution(**changes: Any) -> ExecutionRecord:
    values: dict[str, Any] = {
        "execution_id": "execution-1",
        "plan_name": "erp",
        "mode": Mode.FAILOVER,
        "status": ExecutionStatus.COMPLETED,
        "started_at": "2026-01-01T10:00:00+00:00",
        "ended_at": "2026-01-01T10:20:05+00:00",
        "dry_run": False,
        "launch_order": LaunchOrder.TOGETHER,
        "request": {"plan": "erp"},
    }
    return ExecutionRecord(**(values | changes))


def job(status: str = "STARTED", /, *servers: tuple[int, str | None], **changes: Any) -> Job:
    values: dict[str, Any] = {
        "job_id": "drsjob-00000000000000001",
        "scope": RECOVERY,
        "type": "LAUNCH",
        "status": status,
        "created_at": "2026-01-01T10:01:00+00:00",
        "ended_at": None,
        "servers": tuple(LaunchedServer(server_id(number), result) for number, result in servers),
    }
    return Job(**(values | changes))


def log_item(event: str, number: int | None = 1, raw_error: str | None = None) -> JobLogItem:
    server = None if number is None else server_id(number)
    return JobLogItem(event, server, raw_error, "2026-01-01T10:05:00+00:00")


def plan_document(**changes: Any) -> dict[str, Any]:
    """A plan with two waves, the second after the first."""
    values: dict[str, Any] = {
        "name": "erp",
        "sites": [
            {
                "name": "main",
                "origin": {"account": ORIGIN.account, "region": ORIGIN.region},
                "recovery": {"account": RECOVERY.account, "region": RECOVERY.region},
            }
        ],
        "waves": [
            {"name": "data", "servers": {"names": ["db-*"]}},
            {"name": "application", "servers": {"tags": {"tier": "app"}}, "dependsOn": ["data"]},
        ],
    }
    return values | changes


def changed(server: ServerRecord, values: dict[str, Any]) -> Change:
    """A change of these fields."""
    failback = {f.name: values[f.name] for f in fields(FailbackProgress) if f.name in values}
    drill = {f.name: values[f.name] for f in fields(DrillProgress) if f.name in values}
    own = {name: value for name, value in values.items() if name not in failback | drill}
    server_after = replace(server, failback=replace(server.failback, **failback))
    server_after = replace(server_after, drill=replace(server.drill, **drill))
    return Change(server, replace(server_after, **own))
