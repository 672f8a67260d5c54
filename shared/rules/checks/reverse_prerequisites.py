"""Whether a server can fail back: a table of checks, each with a code, a severity and a remedy.

What contradicts the record of the failover is found before, by ``shared.rules.failback.original_identifier``.
"""

from __future__ import annotations

from shared.model.finding import Finding, Severity
from shared.model.policies import Policies
from shared.rules.checks import availability, egress, launch_into, origin, profiles, reverse, scope
from shared.rules.checks.check import Check, run_checks
from shared.rules.checks.origin import ORIGINALS
from shared.rules.checks.reverse_facts import OriginScopeFacts, ReverseServerFacts
from shared.rules.failback.identity import Stage

_C, _O, _W = Severity.CRITICAL, Severity.OVERRIDABLE, Severity.WARNING

IDENTIFICATION_CODES = {
    "NOT_FAILED_OVER": "The server was failed over",
    "ORIGINAL_UNKNOWN": "It is known where the server comes from",
    "ORIGINAL_UNCONFIRMED": "The original is recorded, or confirmed by the request",
    "ORIGINAL_AMBIGUOUS": "No other server comes from the same original",
    "ORIGINAL_CONTRADICTED": "EC2 shows the machine that the agent reports",
    "ORIGINAL_CHANGED": "The original is the one recorded in quiet times",
    "ORIGINAL_IN_USE": "No other server's workload runs on the original",
    "WORKLOAD_AMBIGUOUS": "No other server runs on the same instance",
    "ORIGIN_UNREADABLE": "The origin answers",
    "SOURCE_SERVER_NOT_FOUND": "The source server that protects it exists",
    "RECOVERY_INSTANCE_NOT_FOUND": "The recovery instance exists",
    "DRILL_INSTANCE": "It is not the instance of a drill",
    "RECORD_CONTRADICTED_ORIGINAL": "DRS and the record name the same original",
    "RECORD_CONTRADICTED_WORKLOAD": "DRS and the record name the same workload instance",
    "RECORD_CONTRADICTED_ADDRESS": "Both instances have the recorded private addresses",
    "RECORD_CONTRADICTED_STAGING_ACCOUNT": "The server is staged in the recorded account",
    "LAUNCH_OUTDATED": "No launch under way misses newer data",
}
"""What the identification can find, all of it critical: code -> what must hold."""

IDENTIFICATION_WARNINGS = ("REVERSED_LEFT_OVER",)

CHECKS: tuple[Check[ReverseServerFacts, Policies], ...] = (
    Check("SERVER_BUSY", _C, "The server is in no DRS job", availability.in_job),
    Check("SERVER_LOCKED", _C, "No other execution has locked the server", availability.locked_by_execution),
    Check("RECOVERY_INSTANCE_STOPPED", _C, "The recovery instance runs", reverse.workload_not_running),
    Check(
        "RECOVERY_INSTANCE_WILL_BE_STARTED",
        _W,
        "The recovery instance need not be started",
        reverse.workload_will_be_started,
    ),
    Check("RECOVERY_INSTANCE_UNHEALTHY", _O, "It passes EC2's status checks", reverse.workload_unhealthy),
    Check("STOP_PROTECTED", _C, "Both sides can be stopped at the cutover", reverse.stop_protected),
    Check("REVERSED_ELSEWHERE", _C, "The reversed server is at the origin", reverse.reversed_elsewhere),
    Check(
        "PROFILE_MISSING", _C, "The recovery instance has a profile", profiles.missing(reverse.profile_need)
    ),
    Check(
        "PROFILE_INCOMPLETE",
        _O,
        "It has the policies of the agent",
        profiles.incomplete(reverse.profile_need),
    ),
    Check("PROFILE_UNREADABLE", _W, "Its policies can be read", profiles.unreadable(reverse.profile_need)),
    Check("AGENT_DENIED", _O, "Its role allows what the agent does", reverse.agent_denied),
    Check("IMDS_DISABLED", _C, "The instance metadata can be read", reverse.metadata_unreachable),
    Check("IMDS_UNKNOWN", _W, "The metadata options are known", reverse.metadata_unknown),
    Check("EGRESS_443_CLOSED", _O, "Security groups let TCP 443 out", egress.control_closed),
    Check("EGRESS_1500_CLOSED", _O, "Security groups let TCP 1500 out", egress.data_closed),
    Check("ROUTE_MISSING", _O, "A route leads to the origin", egress.no_route),
    Check("NETWORK_ACL_CLOSED", _O, "The network ACL lets both out", egress.acl_closed),
    Check("NETWORK_UNKNOWN", _W, "The network can be read", egress.network_unknown),
    Check("ORIGINAL_NOT_FOUND", _C, "The original instance exists", origin.not_found),
    Check(
        "ORIGINAL_UNTAGGED", _C, "DRS may launch into the original", ORIGINALS.asks(launch_into.not_tagged)
    ),
    Check("ORIGINAL_WILL_BE_TAGGED", _W, "The original need not be tagged", origin.will_be_tagged),
    Check("ORIGINAL_RUNNING", _C, "The original is stopped", ORIGINALS.asks(launch_into.runs)),
    Check("ORIGINAL_RESTARTED", _C, "It was not started after the failover", origin.restarted),
    Check("ORIGINAL_WILL_BE_STOPPED", _W, "The original need not be stopped", origin.will_be_stopped),
    Check("PLATFORM_DIFFERS", _C, "The platforms are the same", ORIGINALS.asks(launch_into.other_platform)),
    Check(
        "ARCHITECTURE_DIFFERS",
        _C,
        "The architectures are the same",
        ORIGINALS.asks(launch_into.other_architecture),
    ),
    Check(
        "BOOT_MODE_DIFFERS", _C, "The boot modes are the same", ORIGINALS.asks(launch_into.other_boot_mode)
    ),
    Check("BOOT_MODE_UNKNOWN", _W, "The boot modes are known", ORIGINALS.asks(launch_into.boot_mode_unknown)),
    Check(
        "ROOT_NOT_EBS", _C, "The root device of the original is EBS", ORIGINALS.asks(launch_into.root_not_ebs)
    ),
    Check("VIRTUALIZATION_NOT_HVM", _C, "The original is HVM", ORIGINALS.asks(launch_into.not_hvm)),
    Check("VOLUMES_MISSING", _C, "The original has a root volume", ORIGINALS.asks(launch_into.no_volumes)),
    Check(
        "VOLUME_COUNT_DIFFERS",
        _W,
        "Both sides have as many volumes",
        ORIGINALS.asks(launch_into.other_volume_count),
    ),
    Check("ORIGINAL_SPOT", _C, "The original is no spot instance", ORIGINALS.asks(launch_into.spot)),
    Check(
        "ORIGINAL_AUTO_SCALING",
        _C,
        "The original is in no Auto Scaling group",
        ORIGINALS.asks(launch_into.auto_scaling),
    ),
    Check(
        "ORIGINAL_PROFILE_MISSING", _O, "The original has a profile", profiles.missing(origin.profile_need)
    ),
    Check(
        "ORIGINAL_PROFILE_INCOMPLETE",
        _O,
        "It can be protected again",
        profiles.incomplete(origin.profile_need),
    ),
    Check(
        "ORIGINAL_PROFILE_UNREADABLE",
        _W,
        "The original's policies can be read",
        profiles.unreadable(origin.profile_need),
    ),
    Check("NOT_TERMINATED", _W, "The plan terminates no pre-provisioned one", reverse.will_not_be_terminated),
)

SCOPE_CHECKS: tuple[Check[OriginScopeFacts], ...] = (
    Check(
        "DRS_NOT_INITIALIZED", _C, "DRS is set up at the origin", lambda f: scope.not_initialized(f.launch)
    ),
    Check("REPLICATION_TEMPLATE_MISSING", _C, "It has a replication template", origin.template_missing),
    Check("STAGING_SUBNET_MISSING", _C, "It has a staging subnet", origin.staging_subnet_missing),
    Check(
        "LAUNCH_TEMPLATE_CONTRADICTS",
        _C,
        "Its launch template does not forbid reversing",
        origin.launch_template_contradicts,
    ),
    Check(
        "ACTIONS_DENIED", _C, "The member role may do what it must", lambda f: scope.actions_denied(f.launch)
    ),
    Check(
        "PERMISSIONS_UNKNOWN", _W, "Its permissions are known", lambda f: scope.permissions_unknown(f.launch)
    ),
    Check("QUOTA_REPLICATING", _O, "The scope has capacity to replicate", origin.too_many_replicating),
    Check("QUOTA_JOBS", _W, "A slot is free for a job", lambda f: scope.waits_for_jobs(f.launch)),
    Check("QUOTA_SERVERS", _W, "Slots are free for the servers", lambda f: scope.waits_for_servers(f.launch)),
)


def check_reverse_server(facts: ReverseServerFacts, policies: Policies) -> tuple[Finding, ...]:
    """Every finding about one server, in the order of CHECKS; none for one that runs at the origin."""
    if facts.stage is Stage.AT_ORIGIN:
        return ()
    return run_checks(CHECKS, facts, policies)


def check_origin_scope(facts: OriginScopeFacts) -> tuple[Finding, ...]:
    """Every finding about one origin scope, in the order of SCOPE_CHECKS."""
    return run_checks(SCOPE_CHECKS, facts)


def reverse_severities() -> dict[str, Severity]:
    """Every code that a failback's checks and identification know, with its severity."""
    return (
        dict.fromkeys(IDENTIFICATION_CODES, Severity.CRITICAL)
        | dict.fromkeys(IDENTIFICATION_WARNINGS, Severity.WARNING)
        | {check.code: check.severity for check in CHECKS}
        | {check.code: check.severity for check in SCOPE_CHECKS}
    )
