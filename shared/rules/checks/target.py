"""Checks of a target instance: fit for the source server, stopped, tagged, and where it belongs.

What DRS demands of an instance it launches into is in the DRS user guide, general launch settings.
"""

from __future__ import annotations

from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE
from shared.model.policies import Policies, WhenTargetRuns
from shared.model.prerequisite_facts import CheckFailure, ServerFacts
from shared.rules.matching.manual_pairs import tag_command

AUTO_SCALING_TAG = "aws:autoscaling:groupName"
PROFILE_POLICIES = ("AWSElasticDisasterRecoveryRecoveryInstancePolicy", "AmazonSSMManagedInstanceCore")
"""What an instance needs to act as a recovery instance and to be failed back later."""
READY_MADE_PROFILE = "AWSElasticDisasterRecoveryRecoveryInstanceWithLaunchActionsRole"


def not_tagged(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    target = facts.target
    if target.allows_launching_into:
        return None
    said = target.tags.get(TARGET_TAG_KEY)
    found = f"the tag {TARGET_TAG_KEY}={said}" if said is not None else f"no tag {TARGET_TAG_KEY}"
    return CheckFailure(
        f"{target.instance_id} has {found} instead of {TARGET_TAG_VALUE}.",
        f"If DRS may launch into it: {tag_command(target.instance_id, target.scope)}",
    )


def gone(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.state not in ("terminated", "shutting-down"):
        return None
    return CheckFailure(
        f"{facts.target.instance_id} is {facts.target.state}.",
        f"Create a new target, stopped and tagged {TARGET_TAG_KEY}={TARGET_TAG_VALUE}.",
    )


def runs(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if policies.when_target_runs is not WhenTargetRuns.BLOCK or not _is_on(facts):
        return None
    return CheckFailure(
        f"{facts.target.instance_id} is {facts.target.state}; DRS launches only into a stopped instance.",
        f"Stop it: aws ec2 stop-instances --instance-ids {facts.target.instance_id} "
        f"--region {facts.target.scope.region}; or set policies.whenTargetRuns: STOP in the plan.",
    )


def will_be_stopped(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if policies.when_target_runs is not WhenTargetRuns.STOP or not _is_on(facts):
        return None
    return CheckFailure(
        f"{facts.target.instance_id} is {facts.target.state}; it will be stopped before the launch.",
        "Nothing, if nobody needs what runs there: its disks are replaced.",
    )


def other_scope(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.scope == facts.server.scope:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} is in {facts.target.scope}, the source server in {facts.server.scope}.",
        "Pair the server with an instance in its own account and Region.",
    )


def other_platform(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.platform == facts.server.platform:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} runs {facts.target.platform}, the server {facts.server.platform}.",
        f"Create a {facts.server.platform} target of the same name in its place.",
    )


def other_architecture(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    source = _source_architecture(facts)
    if source is None or facts.target.architecture == source:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} is {facts.target.architecture}, the server {source}.",
        f"Create an {source} target of the same name in its place.",
    )


def architecture_unknown(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if _source_architecture(facts) is not None:
        return None
    return CheckFailure(
        f"Nothing tells the architecture of the server; {facts.target.instance_id} is "
        f"{facts.target.architecture}.",
        "Check that both are the same: a different one fails at the launch.",
    )


def other_boot_mode(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    source, target = _source_boot_mode(facts), facts.target.boot_mode
    if source is None or target is None or source == target:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} boots {target}, the server {source}.",
        f"Create a target of the same name from an image with boot mode {source} in its place.",
    )


def boot_mode_unknown(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if _source_boot_mode(facts) is not None and facts.target.boot_mode is not None:
        return None
    return CheckFailure(
        f"The boot mode of the {'server' if facts.target.boot_mode else 'target'} is not known.",
        "Check that both are the same: a different one may not boot.",
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


def root_not_ebs(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.root_device_type == "ebs":
        return None
    return CheckFailure(
        f"The root device of {facts.target.instance_id} is {facts.target.root_device_type}, not EBS.",
        "Create a target with an EBS root device in its place.",
    )


def not_hvm(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.virtualization == "hvm":
        return None
    return CheckFailure(
        f"The virtualization of {facts.target.instance_id} is {facts.target.virtualization}, not HVM.",
        "Create a target from an HVM image in its place.",
    )


def no_volumes(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.volumes:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} has no volume attached, so DRS finds no root device to replace.",
        "Attach a volume as its root device (aws ec2 attach-volume), or create the target anew.",
    )


def other_volume_count(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    source, target = len(facts.server.disks), len(facts.target.volumes)
    if not source or not target or source == target:
        return None
    return CheckFailure(
        f"The server has {source} disks, {facts.target.instance_id} has {target} volumes.",
        "Nothing in general: DRS attaches the disks of the server. Check what should become of the others.",
    )


def spot(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.lifecycle != "spot":
        return None
    return CheckFailure(
        f"{facts.target.instance_id} is a spot instance, which EC2 may take away at any time.",
        "Create an on-demand target of the same name in its place.",
    )


def auto_scaling(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    group = facts.target.tags.get(AUTO_SCALING_TAG)
    if group is None:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} belongs to the Auto Scaling group {group}, which may terminate it.",
        f"Take it out: aws autoscaling detach-instances --instance-ids {facts.target.instance_id} "
        f"--auto-scaling-group-name {group} --should-decrement-desired-capacity "
        f"--region {facts.target.scope.region}",
    )


def subnet_missing(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.subnet_exists:
        return None
    return CheckFailure(
        f"The subnet {facts.target.subnet_id} of {facts.target.instance_id} cannot be found.",
        "Create the target anew in a subnet that exists.",
    )


def security_groups_missing(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if not facts.missing_security_groups:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} names security groups that cannot be found: "
        f"{', '.join(facts.missing_security_groups)}.",
        f"Give it others: aws ec2 modify-instance-attribute --instance-id {facts.target.instance_id} "
        f"--groups SECURITY_GROUP_ID --region {facts.target.scope.region}",
    )


def profile_missing(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.instance_profile_arn is not None:
        return None
    return CheckFailure(
        f"{facts.target.instance_id} has no instance profile: it cannot report to DRS, nor be failed back.",
        f"aws ec2 associate-iam-instance-profile --instance-id {facts.target.instance_id} "
        f"--iam-instance-profile Name={READY_MADE_PROFILE} --region {facts.target.scope.region}",
    )


def profile_incomplete(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.instance_profile_arn is None or facts.profile is None:
        return None
    missing = [policy for policy in PROFILE_POLICIES if policy not in facts.profile.policy_names]
    if not missing:
        return None
    return CheckFailure(
        f"The instance profile of {facts.target.instance_id} lacks {' and '.join(missing)}.",
        f"Attach what is missing to its role, or use the profile {READY_MADE_PROFILE}.",
    )


def profile_unreadable(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.target.instance_profile_arn is None or facts.profile is not None:
        return None
    return CheckFailure(
        f"The policies of {facts.target.instance_profile_arn} could not be read.",
        f"Check that its role has {' and '.join(PROFILE_POLICIES)}.",
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


def _is_on(facts: ServerFacts) -> bool:
    return facts.target.state in ("pending", "running", "stopping")


def _source_architecture(facts: ServerFacts) -> str | None:
    return facts.server.architecture or (facts.original.architecture if facts.original else None)


def _source_boot_mode(facts: ServerFacts) -> str | None:
    return facts.server.boot_mode or (facts.original.boot_mode if facts.original else None)
