"""Checks of a target instance that a failback does not make: where it belongs, and what surrounds it."""

from __future__ import annotations

from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE
from shared.model.policies import Policies
from shared.model.prerequisite_facts import CheckFailure, ServerFacts
from shared.rules.checks.launch_into import NOT_THERE, Launch, Side
from shared.rules.checks.profiles import PROFILE_POLICIES, ProfileNeed


def launch_of(facts: ServerFacts) -> Launch:
    return Launch(
        instance=facts.target,
        server=facts.server,
        name=facts.server.name,
        architecture=_source_architecture(facts),
        boot_mode=_source_boot_mode(facts),
        volumes=len(facts.server.disks),
    )


TARGETS: Side[ServerFacts] = Side(
    launch=launch_of,
    when_runs=lambda policies: policies.when_target_runs,
    when_runs_policy="policies.whenTargetRuns",
    replacement=lambda what: (
        f"Create a target {what}, stopped and tagged, and give it this one's Name tag instead of this one."
    ),
    if_volumes_differ="Nothing in general: DRS attaches the disks of the server. Check what should become "
    "of the others.",
)


def profile_need(facts: ServerFacts) -> ProfileNeed:
    without = "it cannot report to DRS, nor be failed back"
    return ProfileNeed(facts.target, facts.profile, PROFILE_POLICIES, without)


def not_found(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.state not in NOT_THERE:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} is {facts.target.state}.",
        f"Create a new target, stopped and tagged {TARGET_TAG_KEY}={TARGET_TAG_VALUE}, with the Name tag "
        f"{facts.server.name!r}.",
    )


def other_scope(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.scope == facts.server.scope:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} is in {facts.target.scope}, the source server in {facts.server.scope}.",
        f"Pair the server with an instance in {facts.server.scope}.",
    )


def architecture_unknown(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if _source_architecture(facts) is not None:
        return None
    return CheckFailure(
        f"The architecture of the server is not known; {facts.target.instance_id} is "
        f"{facts.target.architecture}.",
        "Check that both are the same: a different one fails at the launch.",
    )


def uefi_linux(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """The page still demands BIOS of Linux targets; the release notes of August 2026 keep UEFI for them."""
    if facts.server.platform != "linux" or facts.target.boot_mode != "uefi":
        return None
    if _source_boot_mode(facts) != "uefi":
        return None
    return CheckFailure(
        f"Server and target {facts.target.instance_id} are Linux and boot UEFI; AWS contradicts itself on "
        "whether DRS launches into such an instance.",
        "Try it in a drill. If it fails, use a target with boot mode legacy-bios.",
    )


def arm64(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """One page demands x86_64, another that the architectures are the same (launch configuration errors)."""
    if facts.target.architecture != "arm64" or facts.server.architecture != "arm64":
        return None
    return CheckFailure(
        f"Server and target {facts.target.instance_id} are arm64; AWS contradicts itself on whether DRS "
        "launches into such an instance.",
        "Try it in a drill. If it fails, the server cannot be launched into an instance.",
    )


def subnet_missing(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.subnet_exists:
        return None
    return CheckFailure(
        f"The subnet {facts.target.subnet_id} of {facts.target.instance_id} cannot be found.",
        TARGETS.replacement("in a subnet that exists"),
    )


def security_groups_missing(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if not facts.missing_security_groups:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} names security groups that cannot be found: "
        f"{', '.join(facts.missing_security_groups)}.",
        "Give it others (their ids for SECURITY_GROUP_ID): aws ec2 modify-instance-attribute "
        f"--instance-id {facts.target.instance_id} --groups SECURITY_GROUP_ID "
        f"--region {facts.target.scope.region}",
    )


def other_address(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    recorded, now = facts.recorded_private_ip, facts.target.private_ip
    if recorded is None or recorded == now:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} has the private address {now}; {recorded} is on record for this pair.",
        "Update whatever points to the old address (DNS, firewalls, load balancers), or pair the instance "
        "that has it.",
    )


def _source_architecture(facts: ServerFacts) -> str | None:
    return facts.server.architecture or (facts.original.architecture if facts.original else None)


def _source_boot_mode(facts: ServerFacts) -> str | None:
    return facts.server.boot_mode or (facts.original.boot_mode if facts.original else None)
