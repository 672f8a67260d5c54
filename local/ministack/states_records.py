"""MiniStack's records of Step Functions, reached in one place: executions, machines, versions, aliases."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import stepfunctions as sfn

Record = dict[str, Any]

__all__ = ["Record", "definition_of", "execution", "in_scope_of", "machine", "role_of", "scope"]


def execution(arn: str) -> Record | None:
    """The record of an execution in the caller's account and Region."""
    found: Record | None = sfn._executions.get(arn)
    return found


def machine(arn: str) -> Record | None:
    found: Record | None = sfn._state_machines.get(arn)
    return found


def _version(record: Record) -> Record | None:
    found: Record | None = sfn._state_machine_versions.get(record.get("stateMachineVersionArn"))
    return found


def definition_of(record: Record) -> str:
    """The ASL (JSON text) that an execution runs: its version's, else the machine's own."""
    source = _version(record) or sfn._state_machines[record["stateMachineArn"]]
    return str(source["definition"])


def role_of(record: Record) -> str:
    source = _version(record) or sfn._state_machines[record["stateMachineArn"]]
    return str(source["roleArn"])


def in_scope_of(arn: str) -> Any:
    """Context manager: the account and Region that an ARN names."""
    parts = arn.split(":")
    return request_scope(parts[4], parts[3])


def scope() -> tuple[str, str]:
    """The caller's account and Region."""
    return get_account_id(), get_region()
