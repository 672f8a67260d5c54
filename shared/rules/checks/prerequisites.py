"""Whether a pair can be launched now: a table of checks, each with a code, a severity and a remedy."""

from __future__ import annotations

from dataclasses import replace

from shared.model.finding import Finding, Severity
from shared.model.policies import Mode, Policies
from shared.model.prerequisite_facts import ScopeFacts, ServerFacts
from shared.rules.checks import (
    availability,
    launch,
    launch_into,
    originals,
    profiles,
    replication,
    scope,
    target,
)
from shared.rules.checks.check import Check, run_checks
from shared.rules.checks.target import TARGETS

ServerCheck = Check[ServerFacts, Policies]

_C, _O, _W = Severity.CRITICAL, Severity.OVERRIDABLE, Severity.WARNING

CHECKS: tuple[ServerCheck, ...] = (
    Check("REPLICATION_NOT_READY", _C, "The replication has a copy to launch", replication.replication_unfit),
    Check(
        "RECOVERY_POINT_MISSING", _C, "There is a point in time to recover to", replication.no_recovery_point
    ),
    Check("REPLICATION_DEGRADED", _W, "The replication is continuous", replication.replication_degraded),
    Check("LAG_TOO_HIGH", _O, "The newest copy is as new as the plan asks", replication.lag_too_high),
    Check(
        "RECOVERY_POINT_OLD",
        _W,
        "The newest copy is as new as the plan promises",
        replication.recovery_point_old,
    ),
    Check("LAG_UNKNOWN", _W, "The age of the newest copy is known", replication.lag_unknown),
    Check("DIRECTION_REVERSED", _C, "The server replicates towards recovery", replication.wrong_direction),
    Check("SERVER_BUSY", _C, "The server is in no DRS job", availability.in_job),
    Check(
        "NATIVE_PLAN_RUNS", _C, "No recovery plan of DRS itself has the server", availability.in_native_plan
    ),
    Check("SERVER_LOCKED", _C, "No other execution has locked the server", availability.locked_by_execution),
    Check("TARGET_IN_USE", _C, "The target is not production already", replication.target_in_use),
    Check(
        "WORKLOAD_ON_RECOVERY",
        _O,
        "The workload is not on the recovery side already",
        replication.workload_on_recovery,
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
    Check("NOT_REPROTECTED", _O, "It was protected again after its failback", originals.not_reprotected),
    Check("ORIGINAL_AMBIGUOUS", _W, "No other server names the same original", originals.ambiguous),
    Check(
        "ORIGINAL_CONTRADICTED", _W, "EC2 shows the machine that the agent reports", originals.contradicted
    ),
    Check("ORIGINAL_CHANGED", _W, "The original is the recorded one", originals.changed),
    Check("ORIGINAL_RUNS", _W, "The original does not run any more", originals.runs),
    Check("FAST_NOT_POSSIBLE", _C, "The agent can recover FAST if asked to", replication.too_old_for_fast),
    Check("TARGET_NOT_FOUND", _C, "The target exists", target.not_found),
    Check("TARGET_UNTAGGED", _C, "DRS may launch into the target", TARGETS.asks(launch_into.not_tagged)),
    Check(
        "TARGET_RUNNING",
        _C,
        "The target is stopped",
        replication.unless_in_use(TARGETS.asks(launch_into.runs)),
    ),
    Check(
        "TARGET_WILL_BE_STOPPED",
        _W,
        "The target need not be stopped",
        replication.unless_in_use(TARGETS.asks(launch_into.will_be_stopped)),
    ),
    Check("TARGET_OTHER_SCOPE", _C, "The target is in the scope of the server", target.other_scope),
    Check("PLATFORM_DIFFERS", _C, "The platforms are the same", TARGETS.asks(launch_into.other_platform)),
    Check(
        "ARCHITECTURE_DIFFERS",
        _C,
        "The architectures are the same",
        TARGETS.asks(launch_into.other_architecture),
    ),
    Check("ARCHITECTURE_UNKNOWN", _W, "The architecture is known", target.architecture_unknown),
    Check("BOOT_MODE_DIFFERS", _C, "The boot modes are the same", TARGETS.asks(launch_into.other_boot_mode)),
    Check("BOOT_MODE_UNKNOWN", _W, "The boot modes are known", TARGETS.asks(launch_into.boot_mode_unknown)),
    Check("BOOT_MODE_UEFI_LINUX", _W, "A Linux target boots BIOS", target.uefi_linux),
    Check("ARCHITECTURE_ARM64", _W, "The target is x86_64", target.arm64),
    Check("ROOT_NOT_EBS", _C, "The root device of the target is EBS", TARGETS.asks(launch_into.root_not_ebs)),
    Check("VIRTUALIZATION_NOT_HVM", _C, "The target is HVM", TARGETS.asks(launch_into.not_hvm)),
    Check("VOLUMES_MISSING", _C, "The target has a root volume", TARGETS.asks(launch_into.no_volumes)),
    Check(
        "VOLUME_COUNT_DIFFERS",
        _W,
        "Server and target have as many disks",
        TARGETS.asks(launch_into.other_volume_count),
    ),
    Check("TARGET_SPOT", _C, "The target is no spot instance", TARGETS.asks(launch_into.spot)),
    Check(
        "TARGET_AUTO_SCALING",
        _C,
        "The target is in no Auto Scaling group",
        TARGETS.asks(launch_into.auto_scaling),
    ),
    Check("SUBNET_MISSING", _C, "The subnet of the target exists", target.subnet_missing),
    Check("SECURITY_GROUP_MISSING", _C, "Its security groups exist", target.security_groups_missing),
    Check("PROFILE_MISSING", _W, "The target has an instance profile", profiles.missing(target.profile_need)),
    Check(
        "PROFILE_INCOMPLETE",
        _W,
        "It can act as a recovery instance",
        profiles.incomplete(target.profile_need),
    ),
    Check("PROFILE_UNREADABLE", _W, "Its policies can be read", profiles.unreadable(target.profile_need)),
    Check("ADDRESS_CHANGED", _W, "The private address is the recorded one", target.other_address),
    Check("LAUNCH_SETTINGS_UNREADABLE", _C, "The launch settings can be read", launch.settings_unreadable),
    Check("LAUNCH_SETTINGS_CHANGE", _W, "The launch settings can stay", launch.settings_will_change),
    Check("LAUNCH_INTO_OTHER", _O, "No other target is set to launch into", launch.launches_elsewhere),
    Check("PAIR_CHANGED", _O, "The pair is the recorded one", launch.pair_changed),
    Check("OS_BYOL_NOT_ALLOWED", _C, "The licence fits the target", launch.own_licence_not_allowed),
)

SCOPE_CHECKS: tuple[Check[ScopeFacts], ...] = (
    Check("DRS_NOT_INITIALIZED", _C, "DRS is set up", scope.not_initialized),
    Check("ACTIONS_DENIED", _C, "The member role may do what it must", scope.actions_denied),
    Check(
        "PERMISSIONS_UNKNOWN", _W, "The permissions of the member role are known", scope.permissions_unknown
    ),
    Check("ORIGINAL_UNKNOWN", _W, "It is known whether the originals run", originals.unknown),
    Check("QUOTA_JOBS", _W, "A slot is free for another job", scope.waits_for_jobs),
    Check("QUOTA_SERVERS", _W, "Slots are free for the servers", scope.waits_for_servers),
)


_IN_DRILL = {"WORKLOAD_ON_RECOVERY": Severity.CRITICAL}
_NOT_IN_DRILL = ("ORIGINAL_RUNS",)
"""In a drill both sides run: that is what it is for."""
_DRILL_CHECKS = tuple(
    replace(check, severity=_IN_DRILL.get(check.code, check.severity))
    for check in CHECKS
    if check.code not in _NOT_IN_DRILL
)


def check_server(facts: ServerFacts, policies: Policies) -> tuple[Finding, ...]:
    """Every finding about one pair, in the order of CHECKS; empty when it is ready."""
    return run_checks(_checks_in(facts.mode), facts, policies)


_NEEDS_OTHER_FACTS = frozenset(
    {
        "REPLICATION_NOT_READY",
        "RECOVERY_POINT_MISSING",
        "NATIVE_PLAN_RUNS",
        "SUBNET_MISSING",
        "SECURITY_GROUP_MISSING",
        "LAUNCH_SETTINGS_UNREADABLE",
        "LAUNCH_INTO_OTHER",
        "OS_BYOL_NOT_ALLOWED",
    }
)
"""Blocking checks of facts that take a call for each server, or more permissions than a decision needs."""


def check_pair(facts: ServerFacts, policies: Policies) -> tuple[Finding, ...]:
    """Every blocking finding that follows from server, target, jobs and locks alone; no warnings."""
    checks = (check for check in _checks_in(facts.mode) if check.severity is not Severity.WARNING)
    return run_checks((check for check in checks if check.code not in _NEEDS_OTHER_FACTS), facts, policies)


def check_scope(facts: ScopeFacts) -> tuple[Finding, ...]:
    """Every finding about one scope, in the order of SCOPE_CHECKS."""
    return run_checks(SCOPE_CHECKS, facts)


def severities(mode: Mode) -> dict[str, Severity]:
    """Every code that the checks of a failover or drill know, with its severity in ``mode``."""
    servers = {check.code: check.severity for check in _checks_in(mode)}
    return servers | {check.code: check.severity for check in SCOPE_CHECKS}


def _checks_in(mode: Mode) -> tuple[ServerCheck, ...]:
    return _DRILL_CHECKS if mode is Mode.DRILL else CHECKS
