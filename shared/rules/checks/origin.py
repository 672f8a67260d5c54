"""Checks of the origin: the original instance that is launched into, and the scope that it is in.

What DRS demands of an instance it launches into is in the DRS user guide, general launch settings.
"""

from __future__ import annotations

from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE
from shared.model.policies import Policies, WhenTargetRuns
from shared.rules.checks.reverse_facts import CheckFailure, OriginScopeFacts, ReverseServerFacts
from shared.rules.checks.target import AUTO_SCALING_TAG, PROFILE_POLICIES, READY_MADE_PROFILE
from shared.rules.failback.original_identifier import BEFORE_LAUNCH, BEFORE_VERIFICATION, Stage
from shared.rules.matching.manual_pairs import tag_command


def gone(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is not None and original.state not in ("terminated", "shutting-down"):
        return None
    what = f"The original instance {original.instance_id}" if original else "The original instance"
    return CheckFailure(
        f"{what} of {facts.server.name} is {original.state if original else 'not to be found'}.",
        "It cannot be brought home into an instance that does not exist. Leave this server on the recovery "
        "side (onBlocked: CONTINUE), and set a new origin up for it.",
    )


def not_tagged(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    return None if policies.failback.tag_originals else _untagged(facts)


def will_be_tagged(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    issue = _untagged(facts) if policies.failback.tag_originals else None
    return issue and CheckFailure(
        f"{issue.found} It will be tagged.", "Nothing: policies.failback.tagOriginals asks for it."
    )


def runs(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if policies.failback.when_original_runs is not WhenTargetRuns.BLOCK or original is None:
        return None
    if not _is_on(facts):
        return None
    return CheckFailure(
        f"{original.instance_id} is {original.state}; DRS launches only into a stopped instance.",
        f"Stop it: aws ec2 stop-instances --instance-ids {original.instance_id} --region "
        f"{original.scope.region}; or set policies.failback.whenOriginalRuns: STOP in the plan.",
    )


def will_be_stopped(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if policies.failback.when_original_runs is not WhenTargetRuns.STOP or original is None:
        return None
    if not _is_on(facts):
        return None
    return CheckFailure(
        f"{original.instance_id} is {original.state}; it will be stopped before the cutover.",
        "Nothing, if nobody needs what runs there: its disks are replaced by those of the recovery side.",
    )


def other_platform(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is None or original.platform == facts.server.platform:
        return None
    return CheckFailure(
        f"{original.instance_id} runs {original.platform}, the server {facts.server.platform}.",
        _WRONG_INSTANCE,
    )


def other_architecture(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original, wanted = facts.original, _architecture(facts)
    if original is None or wanted is None or original.architecture == wanted:
        return None
    return CheckFailure(
        f"{original.instance_id} is {original.architecture}, the server {wanted}.", _WRONG_INSTANCE
    )


def other_boot_mode(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original, wanted = facts.original, _boot_mode(facts)
    if original is None or wanted is None or original.boot_mode in (None, wanted):
        return None
    return CheckFailure(
        f"{original.instance_id} boots {original.boot_mode}, the server {wanted}.", _WRONG_INSTANCE
    )


def boot_mode_unknown(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is None or (original.boot_mode is not None and _boot_mode(facts) is not None):
        return None
    return CheckFailure(
        f"The boot modes of {original.instance_id} and of what runs on the recovery side are not both known.",
        "Check that they are the same: a different one fails at the launch.",
    )


def root_not_ebs(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is None or original.root_device_type == "ebs":
        return None
    return CheckFailure(
        f"The root device of {original.instance_id} is {original.root_device_type}.",
        "DRS launches only into instances with an EBS root volume: set a new origin up for this server.",
    )


def not_hvm(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is None or original.virtualization == "hvm":
        return None
    return CheckFailure(
        f"{original.instance_id} is {original.virtualization}, not HVM.",
        "DRS launches only into HVM instances: set a new origin up for this server.",
    )


def no_volumes(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is None or original.volumes:
        return None
    return CheckFailure(
        f"{original.instance_id} has no volumes.",
        "Attach a root volume of any content to it: DRS replaces it.",
    )


def other_volume_count(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original, workload = facts.original, facts.workload
    if original is None or workload is None or not original.volumes:
        return None
    if len(original.volumes) == len(workload.volumes):
        return None
    return CheckFailure(
        f"{original.instance_id} has {len(original.volumes)} volumes, {workload.instance_id} "
        f"{len(workload.volumes)}.",
        "Check that it is the right original. All its volumes are replaced by those of the recovery side.",
    )


def spot(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is None or original.lifecycle != "spot":
        return None
    return CheckFailure(
        f"{original.instance_id} is a spot instance, which cannot be stopped and started at will.",
        "Set a new on-demand instance up as the origin of this server.",
    )


def auto_scaling(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    group = original.tags.get(AUTO_SCALING_TAG) if original else None
    if original is None or group is None:
        return None
    return CheckFailure(
        f"{original.instance_id} is in the Auto Scaling group {group}, which replaces stopped instances.",
        f"aws autoscaling detach-instances --instance-ids {original.instance_id} --auto-scaling-group-name "
        f"{group} --should-decrement-desired-capacity --region {original.scope.region}",
    )


def profile_missing(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is None or original.instance_profile_arn or facts.stage in _PROTECTED:
        return None
    return CheckFailure(
        f"{original.instance_id} has no instance profile: it would come home, but could not be protected.",
        f"aws ec2 associate-iam-instance-profile --instance-id {original.instance_id} "
        f"--iam-instance-profile Name={READY_MADE_PROFILE} --region {original.scope.region}",
    )


def profile_incomplete(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original, profile = facts.original, facts.original_profile
    if original is None or profile is None or not original.instance_profile_arn or facts.stage in _PROTECTED:
        return None
    if PROFILE_POLICIES[0] in profile.policy_names:
        return None
    return CheckFailure(
        f"The instance profile of {original.instance_id} lacks {PROFILE_POLICIES[0]}: it would come home, "
        "but could not be protected.",
        f"Attach what is missing to its role, or use the profile {READY_MADE_PROFILE}.",
    )


def profile_unreadable(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is None or facts.original_profile is not None or not original.instance_profile_arn:
        return None
    if facts.stage in _PROTECTED:
        return None
    return CheckFailure(
        f"The policies of {original.instance_profile_arn} could not be read.",
        f"Check that its role has {PROFILE_POLICIES[0]}.",
    )


# --- the scope ----------------------------------------------------------------------------------------------


def template_missing(facts: OriginScopeFacts) -> CheckFailure | None:
    if not facts.launch.drs_initialized or facts.replication_template:
        return None
    scope = facts.launch.scope
    return CheckFailure(
        f"There is no replication template in {scope}: DRS would not know where to replicate to.",
        f"Make one in the DRS console of {scope.region} in account {scope.account} (Default replication "
        "settings), with a staging subnet that reaches DRS, S3 and EC2 on TCP 443.",
    )


def staging_subnet_missing(facts: OriginScopeFacts) -> CheckFailure | None:
    if not facts.launch.drs_initialized or not facts.replication_template:
        return None
    if facts.staging_subnet and facts.staging_subnet_exists:
        return None
    scope = facts.launch.scope
    return CheckFailure(
        f"The replication template of {scope} names {facts.staging_subnet or 'no staging subnet'}"
        f"{', which does not exist' if facts.staging_subnet else ''}.",
        "aws drs update-replication-configuration-template --replication-configuration-template-id rct-… "
        f"--staging-area-subnet-id subnet-… --region {scope.region}",
    )


def launch_template_contradicts(facts: OriginScopeFacts) -> CheckFailure | None:
    """launchIntoSourceInstance with a copy setting makes ReverseReplication fail (DRS user guide,
    launch into source instance)."""
    if not facts.launch_into_source or not facts.launch_copies:
        return None
    scope = facts.launch.scope
    return CheckFailure(
        f"The launch template of {scope} launches into source instances and copies tags or private "
        "addresses: DRS then refuses to reverse.",
        "aws drs update-launch-configuration-template --launch-configuration-template-id lct-… "
        f"--no-copy-tags --no-copy-private-ip --region {scope.region}",
    )


def too_many_replicating(facts: OriginScopeFacts) -> CheckFailure | None:
    total = facts.replicating_servers + facts.servers_to_reverse
    most = facts.launch.limits.replicating
    if not facts.servers_to_reverse or total <= most:
        return None
    return CheckFailure(
        f"{facts.servers_to_reverse} servers to reverse and {facts.replicating_servers} that replicate are "
        f"more than the {most} that DRS takes in {facts.launch.scope}.",
        "Bring them home in several failbacks, each with recoveryInstanceIds; or override this check if AWS "
        "has raised the quota.",
    )


_PROTECTED = (Stage.HOME, Stage.TO_RETIRE)
_WRONG_INSTANCE = (
    "Check that it is the right original. If somebody replaced it, set one up that is like the server."
)


def _untagged(facts: ReverseServerFacts) -> CheckFailure | None:
    original = facts.original
    if original is None or original.allows_launching_into or facts.stage not in BEFORE_VERIFICATION:
        return None
    said = original.tags.get(TARGET_TAG_KEY)
    has = f"the tag {TARGET_TAG_KEY}={said}" if said is not None else f"no tag {TARGET_TAG_KEY}"
    return CheckFailure(
        f"{original.instance_id} has {has} instead of {TARGET_TAG_VALUE}.",
        f"If DRS may launch into it: {tag_command(original.instance_id, original.scope)}; or set "
        "policies.failback.tagOriginals: true in the plan.",
    )


def _is_on(facts: ReverseServerFacts) -> bool:
    original = facts.original
    if original is None or facts.stage not in BEFORE_LAUNCH:
        return False
    return original.state in ("pending", "running", "stopping")


def _architecture(facts: ReverseServerFacts) -> str | None:
    return facts.workload.architecture if facts.workload else facts.server.architecture


def _boot_mode(facts: ReverseServerFacts) -> str | None:
    return (facts.workload and facts.workload.boot_mode) or facts.server.boot_mode
