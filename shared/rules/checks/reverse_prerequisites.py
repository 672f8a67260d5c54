"""Whether a server can be brought home: a table of checks, each with a code, a severity and a remedy.

What contradicts the record of the failover is found before, by ``shared.rules.failback.original_identifier``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.model.finding import Finding, Severity
from shared.model.policies import Policies
from shared.rules.checks import origin, reach, reverse, scope
from shared.rules.checks.prerequisites import as_findings
from shared.rules.checks.reverse_facts import CheckFailure, OriginScopeFacts, ReverseServerFacts
from shared.rules.failback.original_identifier import Stage

__all__ = [
    "CHECKS",
    "IDENTIFICATION_CODES",
    "SCOPE_CHECKS",
    "OriginScopeCheck",
    "OriginScopeFacts",
    "ReverseCheck",
    "ReverseServerFacts",
    "check_origin_scope",
    "check_reverse_server",
    "reverse_severities",
]


@dataclass(frozen=True, slots=True)
class ReverseCheck:
    """One row of the table. ``look`` returns None when all is well."""

    code: str
    severity: Severity
    title: str
    look: Callable[[ReverseServerFacts, Policies], CheckFailure | None]


@dataclass(frozen=True, slots=True)
class OriginScopeCheck:
    code: str
    severity: Severity
    title: str
    look: Callable[[OriginScopeFacts], CheckFailure | None]


_C, _O, _W = Severity.CRITICAL, Severity.OVERRIDABLE, Severity.WARNING

IDENTIFICATION_CODES = {
    "NOT_FAILED_OVER": "The server was failed over",
    "ORIGINAL_UNKNOWN": "It is known where the server comes from",
    "ORIGINAL_UNCONFIRMED": "The original is recorded, or confirmed by the request",
    "ORIGINAL_AMBIGUOUS": "No other server comes from the same original",
    "WORKLOAD_AMBIGUOUS": "No other server runs on the same instance",
    "ORIGIN_UNREADABLE": "The origin answers",
    "SOURCE_SERVER_NOT_FOUND": "The source server that protects it exists",
    "RECOVERY_INSTANCE_NOT_FOUND": "The recovery instance exists",
    "DRILL_INSTANCE": "It is not the instance of a drill",
    "RECORD_CONTRADICTED_ORIGINAL": "DRS and the record name the same original",
    "RECORD_CONTRADICTED_WORKLOAD": "DRS and the record name the same workload instance",
    "RECORD_CONTRADICTED_ADDRESS": "Both instances have the recorded private addresses",
    "RECORD_CONTRADICTED_STAGING_ACCOUNT": "The server is staged in the recorded account",
    "REVERSED_LEFT_OVER": "No reversed server is left from an earlier failback",
    "LAUNCH_OUTDATED": "No launch under way misses newer data",
}
"""What the identification can find, all of it critical: code -> what must hold."""

CHECKS: tuple[ReverseCheck, ...] = (
    ReverseCheck("SERVER_BUSY", _C, "No DRS job holds the server", reverse.server_busy),
    ReverseCheck("SERVER_LOCKED", _C, "No other execution holds the server", reverse.locked_by_execution),
    ReverseCheck("RECOVERY_INSTANCE_STOPPED", _C, "The recovery instance runs", reverse.workload_not_running),
    ReverseCheck(
        "RECOVERY_INSTANCE_WILL_BE_STARTED",
        _W,
        "The recovery instance need not be started",
        reverse.workload_will_be_started,
    ),
    ReverseCheck(
        "RECOVERY_INSTANCE_UNHEALTHY", _O, "It passes EC2's status checks", reverse.workload_unhealthy
    ),
    ReverseCheck(
        "REVERSED_ELSEWHERE", _C, "The reversed server is at the origin", reverse.reversed_elsewhere
    ),
    ReverseCheck("PROFILE_MISSING", _C, "The recovery instance has a profile", reverse.profile_missing),
    ReverseCheck("PROFILE_INCOMPLETE", _O, "It has the policies of the agent", reverse.profile_incomplete),
    ReverseCheck("PROFILE_UNREADABLE", _W, "Its policies can be read", reverse.profile_unreadable),
    ReverseCheck("AGENT_DENIED", _O, "Its role allows what the agent does", reverse.agent_denied),
    ReverseCheck("IMDS_DISABLED", _C, "The instance metadata can be read", reverse.metadata_unreachable),
    ReverseCheck("IMDS_UNKNOWN", _W, "The metadata options are known", reverse.metadata_unknown),
    ReverseCheck("EGRESS_443_CLOSED", _O, "Security groups let TCP 443 out", reach.control_closed),
    ReverseCheck("EGRESS_1500_CLOSED", _O, "Security groups let TCP 1500 out", reach.data_closed),
    ReverseCheck("ROUTE_MISSING", _O, "A route leads to the origin", reach.no_failover),
    ReverseCheck("NETWORK_ACL_CLOSED", _O, "The network ACL lets both out", reach.acl_closed),
    ReverseCheck("NETWORK_UNKNOWN", _W, "The network can be read", reach.network_unknown),
    ReverseCheck("ORIGINAL_NOT_FOUND", _C, "The original instance exists", origin.gone),
    ReverseCheck("ORIGINAL_UNTAGGED", _C, "DRS may launch into the original", origin.not_tagged),
    ReverseCheck("ORIGINAL_WILL_BE_TAGGED", _W, "The original need not be tagged", origin.will_be_tagged),
    ReverseCheck("ORIGINAL_RUNNING", _C, "The original is stopped", origin.runs),
    ReverseCheck("ORIGINAL_WILL_BE_STOPPED", _W, "The original need not be stopped", origin.will_be_stopped),
    ReverseCheck("PLATFORM_DIFFERS", _C, "The platforms are the same", origin.other_platform),
    ReverseCheck("ARCHITECTURE_DIFFERS", _C, "The architectures are the same", origin.other_architecture),
    ReverseCheck("BOOT_MODE_DIFFERS", _C, "The boot modes are the same", origin.other_boot_mode),
    ReverseCheck("BOOT_MODE_UNKNOWN", _W, "The boot modes are known", origin.boot_mode_unknown),
    ReverseCheck("ROOT_NOT_EBS", _C, "The root device of the original is EBS", origin.root_not_ebs),
    ReverseCheck("VIRTUALIZATION_NOT_HVM", _C, "The original is HVM", origin.not_hvm),
    ReverseCheck("VOLUMES_MISSING", _C, "The original has a root volume", origin.no_volumes),
    ReverseCheck("VOLUME_COUNT_DIFFERS", _W, "Both sides have as many volumes", origin.other_volume_count),
    ReverseCheck("ORIGINAL_SPOT", _C, "The original is no spot instance", origin.spot),
    ReverseCheck(
        "ORIGINAL_AUTO_SCALING", _C, "The original is in no Auto Scaling group", origin.auto_scaling
    ),
    ReverseCheck("ORIGINAL_PROFILE_MISSING", _O, "The original has a profile", origin.profile_missing),
    ReverseCheck("ORIGINAL_PROFILE_INCOMPLETE", _O, "It can be protected again", origin.profile_incomplete),
    ReverseCheck(
        "ORIGINAL_PROFILE_UNREADABLE", _W, "The original's policies can be read", origin.profile_unreadable
    ),
    ReverseCheck(
        "NOT_TERMINATED", _W, "The plan terminates no pre-provisioned one", reverse.will_not_be_terminated
    ),
)

SCOPE_CHECKS: tuple[OriginScopeCheck, ...] = (
    OriginScopeCheck(
        "DRS_NOT_INITIALIZED", _C, "DRS is set up at the origin", lambda f: scope.not_initialized(f.launch)
    ),
    OriginScopeCheck(
        "REPLICATION_TEMPLATE_MISSING", _C, "It has a replication template", origin.template_missing
    ),
    OriginScopeCheck("STAGING_SUBNET_MISSING", _C, "It has a staging subnet", origin.staging_subnet_missing),
    OriginScopeCheck(
        "LAUNCH_TEMPLATE_CONTRADICTS",
        _C,
        "Its launch template does not forbid reversing",
        origin.launch_template_contradicts,
    ),
    OriginScopeCheck(
        "ACTIONS_DENIED", _C, "The member role may do what it must", lambda f: scope.actions_denied(f.launch)
    ),
    OriginScopeCheck(
        "PERMISSIONS_UNKNOWN", _W, "Its rights are known", lambda f: scope.rights_unknown(f.launch)
    ),
    OriginScopeCheck(
        "QUOTA_REPLICATING", _O, "The scope has capacity to replicate", origin.too_many_replicating
    ),
    OriginScopeCheck("QUOTA_JOBS", _W, "A slot is free for a job", lambda f: scope.waits_for_jobs(f.launch)),
    OriginScopeCheck(
        "QUOTA_SERVERS", _W, "Slots are free for the servers", lambda f: scope.waits_for_servers(f.launch)
    ),
)


def check_reverse_server(facts: ReverseServerFacts, policies: Policies) -> tuple[Finding, ...]:
    """Every finding about one server, in the order of CHECKS; none for a server that is home."""
    if facts.stage is Stage.HOME:
        return ()
    return as_findings((check.code, check.severity, check.look(facts, policies)) for check in CHECKS)


def check_origin_scope(facts: OriginScopeFacts) -> tuple[Finding, ...]:
    """Every finding about one origin scope, in the order of SCOPE_CHECKS."""
    return as_findings((check.code, check.severity, check.look(facts)) for check in SCOPE_CHECKS)


def reverse_severities() -> dict[str, Severity]:
    """Every code that a failback's checks and identification know, with its severity."""
    return (
        dict.fromkeys(IDENTIFICATION_CODES, Severity.CRITICAL)
        | {check.code: check.severity for check in CHECKS}
        | {check.code: check.severity for check in SCOPE_CHECKS}
    )
