"""What a function group reads from its environment, once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Self

from shared.model.iam import ExecutionRoles
from shared.model.policies import Mode
from shared.model.quotas import ScopeLimits


class SettingMissingError(Exception):
    """An environment variable that the template sets is not there."""


def _read(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SettingMissingError(f"The environment variable {name} is not set. Deploy with template.yaml.")
    return value


@dataclass(frozen=True, slots=True)
class PacingSettings:
    """Calls per second of one operation of DRS in one scope, by each function."""

    reads: float
    writes: float

    def rate(self, api: str) -> float:
        return self.reads if api.startswith(("Describe", "Get", "List")) else self.writes

    @classmethod
    @cache
    def from_env(cls) -> PacingSettings:
        return cls(reads=float(_read("DRS_READS_PER_SECOND")), writes=float(_read("DRS_WRITES_PER_SECOND")))


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """For functions that only look: what they find goes to the Findings table, nowhere else.

    ``limits``: of DRS, where Service Quotas knows none.
    """

    executions_table: str
    findings_table: str
    pairs_table: str
    member_role: str
    execution_roles: ExecutionRoles
    limits: ScopeLimits

    @classmethod
    @cache
    def from_env(cls) -> QuerySettings:
        return cls(
            executions_table=_read("EXECUTIONS_TABLE"),
            findings_table=_read("FINDINGS_TABLE"),
            pairs_table=_read("INSTANCE_PAIRS_TABLE"),
            member_role=_read("QUERY_ROLE_NAME"),
            execution_roles=ExecutionRoles(launch=_read("LAUNCH_ROLE_NAME"), stop=_read("STOP_ROLE_NAME")),
            limits=ScopeLimits(
                jobs=int(_read("DRS_JOBS")),
                servers_in_jobs=int(_read("DRS_SERVERS_IN_JOBS")),
                servers_per_job=int(_read("DRS_SERVERS_PER_JOB")),
                replicating=int(_read("DRS_REPLICATING_SERVERS")),
            ),
        )


@dataclass(frozen=True, slots=True)
class ConfigurationSettings:
    """For functions that write our records and DRS launch settings."""

    executions_table: str
    findings_table: str
    plans_table: str
    pairs_table: str
    reports_bucket: str
    topic_arn: str
    control_function: str
    close_function: str
    member_role: str
    retention_days: int
    allow_inline_plans: bool = False

    @classmethod
    @cache
    def from_env(cls) -> ConfigurationSettings:
        return cls(
            executions_table=_read("EXECUTIONS_TABLE"),
            findings_table=_read("FINDINGS_TABLE"),
            plans_table=_read("PLANS_TABLE"),
            pairs_table=_read("INSTANCE_PAIRS_TABLE"),
            reports_bucket=_read("REPORTS_BUCKET"),
            topic_arn=_read("TOPIC_ARN"),
            control_function=_read("CONTROL_FUNCTION_NAME"),
            close_function=_read("CLOSE_FUNCTION_NAME"),
            member_role=_read("CONFIGURATION_ROLE_NAME"),
            retention_days=int(_read("RETENTION_DAYS")),
            allow_inline_plans=_read("ALLOW_INLINE_PLANS") == "true",
        )


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """For functions that launch, stop or retire: each of these powers has a member role of its own."""

    role_variable: ClassVar[str]

    executions_table: str
    findings_table: str
    pairs_table: str
    topic_arn: str
    control_function: str
    member_role: str

    @classmethod
    @cache
    def from_env(cls) -> Self:
        return cls(
            executions_table=_read("EXECUTIONS_TABLE"),
            findings_table=_read("FINDINGS_TABLE"),
            pairs_table=_read("INSTANCE_PAIRS_TABLE"),
            topic_arn=_read("TOPIC_ARN"),
            control_function=_read("CONTROL_FUNCTION_NAME"),
            member_role=_read(cls.role_variable),
        )


class LaunchSettings(ExecutionSettings):
    """For functions that start recoveries, reversals and instances."""

    __slots__ = ()
    role_variable = "LAUNCH_ROLE_NAME"


class StopSettings(ExecutionSettings):
    """For functions that stop instances and their workloads."""

    __slots__ = ()
    role_variable = "STOP_ROLE_NAME"


class RetireSettings(ExecutionSettings):
    """For functions that delete, disconnect and end what DRS made."""

    __slots__ = ()
    role_variable = "RETIRE_ROLE_NAME"


def state_machines() -> dict[Mode, str]:
    """The ARN of the state machine that runs each mode. Only functions that start executions have them."""
    failover, failback = _read("FAILOVER_STATE_MACHINE_ARN"), _read("FAILBACK_STATE_MACHINE_ARN")
    return {Mode.FAILOVER: failover, Mode.DRILL: failover, Mode.FAILBACK: failback}


def prepare_machine() -> str:
    """The ARN of the state machine that prepares plans. Only StorePlan has it."""
    return _read("PREPARE_STATE_MACHINE_ARN")


def external_id() -> str:
    """The ExternalId, which only functions have that assume a member role."""
    return _read("EXTERNAL_ID")


def approve_function() -> str:
    """The name of the function that takes the answers to requests for approval."""
    return _read("APPROVE_FUNCTION_NAME")


def freeze_function() -> str:
    """The name of the function that freezes and releases plans."""
    return _read("FREEZE_FUNCTION_NAME")
