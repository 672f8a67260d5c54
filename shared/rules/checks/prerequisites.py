"""Whether a pair can be launched now: a table of checks, each with a code, a severity and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.model.finding import Finding, Severity
from shared.model.policies import Mode, Policies
from shared.model.prerequisite_facts import CheckFailure, ProfileFacts, ScopeFacts, ServerFacts
from shared.rules.checks import launch, replication, scope, target

__all__ = [
    "CHECKS",
    "SCOPE_CHECKS",
    "Check",
    "CheckFailure",
    "ProfileFacts",
    "ScopeCheck",
    "ScopeFacts",
    "ServerFacts",
    "blocking",
    "check_scope",
    "check_server",
    "is_blocked",
    "severities",
]


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table. ``look`` returns None when all is well. ``in_drill``: another severity there."""

    code: str
    severity: Severity
    title: str
    look: Callable[[ServerFacts, Policies], CheckFailure | None]
    in_drill: Severity | None = None

    def severity_in(self, mode: Mode) -> Severity:
        return self.in_drill if self.in_drill and mode is Mode.DRILL else self.severity


@dataclass(frozen=True, slots=True)
class ScopeCheck:
    code: str
    severity: Severity
    title: str
    look: Callable[[ScopeFacts], CheckFailure | None]


_C, _O, _W = Severity.CRITICAL, Severity.OVERRIDABLE, Severity.WARNING

CHECKS: tuple[Check, ...] = (
    Check("REPLICATION_NOT_READY", _C, "The replication has a copy to launch", replication.replication_unfit),
    Check(
        "RECOVERY_POINT_MISSING", _C, "There is a point in time to recover to", replication.no_recovery_point
    ),
    Check("REPLICATION_DEGRADED", _W, "The replication is continuous", replication.replication_degraded),
    Check("LAG_TOO_HIGH", _C, "The newest copy is as new as the plan asks", replication.lag_too_high),
    Check("LAG_UNKNOWN", _W, "The age of the newest copy is known", replication.lag_unknown),
    Check("DIRECTION_REVERSED", _C, "The server replicates towards recovery", replication.wrong_direction),
    Check("SERVER_BUSY", _C, "No DRS job holds the server", replication.server_busy),
    Check("SERVER_LOCKED", _C, "No other execution holds the server", replication.locked_by_execution),
    Check("TARGET_IN_USE", _C, "The target is not production already", replication.target_in_use),
    Check(
        "WORKLOAD_ON_RECOVERY",
        _O,
        "The workload is not on the recovery side already",
        replication.workload_on_recovery,
        in_drill=_C,
    ),
    Check(
        "RECOVERY_INSTANCE_RUNS",
        _C,
        "No other recovery instance of the server runs",
        replication.replaces_running_instance,
    ),
    Check(
        "RECOVERY_INSTANCE_REPLACED",
        _W,
        "There is no other recovery instance",
        replication.replaces_stopped_instance,
    ),
    Check("FAST_NOT_POSSIBLE", _C, "The agent can recover FAST if asked to", replication.too_old_for_fast),
    Check("TARGET_NOT_FOUND", _C, "The target exists", target.gone),
    Check("TARGET_UNTAGGED", _C, "DRS may launch into the target", target.not_tagged),
    Check("TARGET_RUNNING", _C, "The target is stopped", target.runs),
    Check("TARGET_WILL_BE_STOPPED", _W, "The target need not be stopped", target.will_be_stopped),
    Check("TARGET_OTHER_SCOPE", _C, "The target is in the scope of the server", target.other_scope),
    Check("PLATFORM_DIFFERS", _C, "The platforms are the same", target.other_platform),
    Check("ARCHITECTURE_DIFFERS", _C, "The architectures are the same", target.other_architecture),
    Check("ARCHITECTURE_UNKNOWN", _W, "The architecture is known", target.architecture_unknown),
    Check("BOOT_MODE_DIFFERS", _C, "The boot modes are the same", target.other_boot_mode),
    Check("BOOT_MODE_UNKNOWN", _W, "The boot modes are known", target.boot_mode_unknown),
    Check("BOOT_MODE_UEFI_LINUX", _W, "A Linux target boots BIOS", target.uefi_linux),
    Check("ARCHITECTURE_ARM64", _W, "The target is x86_64", target.arm64),
    Check("ROOT_NOT_EBS", _C, "The root device of the target is EBS", target.root_not_ebs),
    Check("VIRTUALIZATION_NOT_HVM", _C, "The target is HVM", target.not_hvm),
    Check("VOLUMES_MISSING", _C, "The target has a root volume", target.no_volumes),
    Check("VOLUME_COUNT_DIFFERS", _W, "Server and target have as many disks", target.other_volume_count),
    Check("TARGET_SPOT", _C, "The target is no spot instance", target.spot),
    Check("TARGET_AUTO_SCALING", _C, "The target is in no Auto Scaling group", target.auto_scaling),
    Check("SUBNET_MISSING", _C, "The subnet of the target exists", target.subnet_missing),
    Check("SECURITY_GROUP_MISSING", _C, "Its security groups exist", target.security_groups_missing),
    Check("PROFILE_MISSING", _W, "The target has an instance profile", target.profile_missing),
    Check("PROFILE_INCOMPLETE", _W, "It can act as a recovery instance", target.profile_incomplete),
    Check("PROFILE_UNREADABLE", _W, "Its policies can be read", target.profile_unreadable),
    Check("ADDRESS_CHANGED", _W, "The private address is the recorded one", target.other_address),
    Check("LAUNCH_SETTINGS_UNREADABLE", _C, "The launch settings can be read", launch.settings_unreadable),
    Check("LAUNCH_SETTINGS_CHANGE", _W, "The launch settings can stay", launch.settings_will_change),
    Check("LAUNCH_INTO_OTHER", _W, "No other instance is set to launch into", launch.launches_elsewhere),
    Check("OS_BYOL_NOT_ALLOWED", _C, "The licence fits the target", launch.own_licence_not_allowed),
)

SCOPE_CHECKS: tuple[ScopeCheck, ...] = (
    ScopeCheck("DRS_NOT_INITIALIZED", _C, "DRS is set up", scope.not_initialized),
    ScopeCheck("ACTIONS_DENIED", _C, "The member role may do what it must", scope.actions_denied),
    ScopeCheck("PERMISSIONS_UNKNOWN", _W, "The rights of the member role are known", scope.rights_unknown),
    ScopeCheck("QUOTA_JOBS", _W, "A slot is free for another job", scope.waits_for_jobs),
    ScopeCheck("QUOTA_SERVERS", _W, "Slots are free for the servers", scope.waits_for_servers),
)


def check_server(facts: ServerFacts, policies: Policies) -> tuple[Finding, ...]:
    """Every finding about one pair, in the order of CHECKS; empty when it is ready."""
    return as_findings(
        (check.code, check.severity_in(facts.mode), check.look(facts, policies)) for check in CHECKS
    )


def check_scope(facts: ScopeFacts) -> tuple[Finding, ...]:
    """Every finding about one scope, in the order of SCOPE_CHECKS."""
    return as_findings((check.code, check.severity, check.look(facts)) for check in SCOPE_CHECKS)


def as_findings(looks: Iterable[tuple[str, Severity, CheckFailure | None]]) -> tuple[Finding, ...]:
    """What came of checks (code, severity, issue if any) as findings, in the same order."""
    return tuple(
        Finding(code, severity, issue.found, issue.remedy)
        for code, severity, issue in looks
        if issue is not None
    )


def blocking(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that block: CRITICAL ones, and OVERRIDABLE ones that nothing has overridden."""
    return tuple(finding for finding in findings if finding.severity is not Severity.WARNING)


def is_blocked(findings: Iterable[Finding]) -> bool:
    """Whether any finding blocks."""
    return bool(blocking(findings))


def severities(mode: Mode) -> dict[str, Severity]:
    """Every code that the checks of a failover or drill know, with its severity in ``mode``."""
    servers = {check.code: check.severity_in(mode) for check in CHECKS}
    return servers | {check.code: check.severity for check in SCOPE_CHECKS}
