"""Checks of the origin that a failover does not make: of the original instance, and of its scope."""

from __future__ import annotations

from dataclasses import replace

from shared.model.policies import Policies, WhenTargetRuns
from shared.model.prerequisite_facts import CheckFailure
from shared.rules.checks import launch_into
from shared.rules.checks.launch_into import NOT_THERE, ON, Launch, Side, untagged
from shared.rules.checks.profiles import AGENT_POLICY, ProfileNeed
from shared.rules.checks.reverse_facts import OriginScopeFacts, ReverseServerFacts
from shared.rules.failback.identity import BEFORE_LAUNCH, BEFORE_VERIFICATION, Stage
from shared.rules.launch.stopping import ran_before


def launch_of(facts: ReverseServerFacts) -> Launch | None:
    if facts.original is None:
        return None
    workload = facts.workload
    return Launch(
        instance=facts.original,
        server=facts.server,
        name=workload.instance_id if workload else facts.server.name,
        architecture=workload.architecture if workload else facts.server.architecture,
        boot_mode=(workload and workload.boot_mode) or facts.server.boot_mode,
        volumes=len(workload.volumes) if workload else 0,
        to_come=facts.stage in BEFORE_LAUNCH,
        to_verify=facts.stage in BEFORE_VERIFICATION,
    )


ORIGINALS: Side[ReverseServerFacts] = Side(
    launch=launch_of,
    when_runs=lambda policies: policies.failback.when_original_runs,
    when_runs_policy="policies.failback.whenOriginalRuns",
    replacement=lambda what: f"Check that it is the right original. If it was replaced, set one up {what}.",
    tagged_by_us=lambda policies: policies.failback.tag_originals,
    or_tag="; or set policies.failback.tagOriginals: true in the plan.",
    if_volumes_differ="Check that it is the right original. All its volumes are replaced by those of the "
    "recovery side.",
)


def profile_need(facts: ReverseServerFacts) -> ProfileNeed | None:
    if facts.original is None or facts.stage in (Stage.AT_ORIGIN, Stage.TO_RETIRE):
        return None
    without = "it would fail back, but could not be protected again"
    return ProfileNeed(facts.original, facts.original_profile, (AGENT_POLICY,), without)


def restarted(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    """Unless the plan decides: an original may be stopped only if it ran before our launch, and since."""
    original = facts.original
    if policies.failback.when_original_runs is not None or original is None or not _is_on(facts):
        return None
    if ran_before(original, facts.moved_off_original_at):
        return None
    moved = facts.moved_off_original_at
    why = f"after the failover at {moved}" if moved else "and no record of ours moved the workload off it"
    return CheckFailure(
        f"{original.instance_id} is {original.state}, started at {original.launched_at}, {why}: it may have "
        f"new data of {facts.server.name}.",
        "Find out what was written there. If it is not needed, stop it: aws ec2 stop-instances "
        f"--instance-ids {original.instance_id} --region {original.scope.region}; or set "
        "policies.failback.whenOriginalRuns: STOP in the plan. Its volumes are kept, detached.",
    )


def will_be_stopped(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    launch = launch_of(facts)
    if launch is None or restarted(facts, policies):
        return None
    decided = policies.failback.when_original_runs or WhenTargetRuns.STOP
    as_decided = replace(policies, failback=replace(policies.failback, when_original_runs=decided))
    return launch_into.will_be_stopped(launch, ORIGINALS, as_decided)


def _is_on(facts: ReverseServerFacts) -> bool:
    return facts.stage in BEFORE_LAUNCH and facts.original is not None and facts.original.state in ON


def not_found(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is not None and original.state not in NOT_THERE:
        return None
    what = f"The original instance {original.instance_id}" if original else "The original instance"
    return CheckFailure(
        f"{what} of {facts.server.name} is {original.state if original else 'not found'}.",
        "The original instance no longer exists, so the server cannot fail back. Leave it on the recovery "
        "side (onBlocked: CONTINUE), and set up a new origin for it.",
    )


def will_be_tagged(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    launch = launch_of(facts)
    if launch is None or not policies.failback.tag_originals:
        return None
    failure = untagged(launch, ORIGINALS)
    return failure and CheckFailure(
        f"{failure.found} It will be tagged.", "Nothing: policies.failback.tagOriginals asks for it."
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
        "Start several failbacks, each with recoveryInstanceIds; or override this check if AWS "
        "has raised the quota.",
    )
