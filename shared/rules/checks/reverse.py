"""Checks of what runs on the recovery side: the instance whose data fail back, and what its agent needs."""

from __future__ import annotations

from shared.model.policies import Policies, RecoveryInstanceDisposition
from shared.model.prerequisite_facts import CheckFailure
from shared.rules.checks.profiles import AGENT_POLICY, PROFILE_POLICIES, ProfileNeed
from shared.rules.checks.reverse_facts import ReverseServerFacts
from shared.rules.failback.contradictions import staging_account_issue
from shared.rules.failback.identity import BEFORE_LAUNCH, Stage

AGENT_ACTIONS = (
    "drs:GetAgentInstallationAssetsForDrs",
    "drs:CreateSourceServerForDrs",
    "drs:SendClientLogsForDrs",
)
"""What the agent of a recovery instance calls to replicate to the origin (managed policy
AWSElasticDisasterRecoveryRecoveryInstancePolicy): the actions to simulate for its role."""


def profile_need(facts: ReverseServerFacts) -> ProfileNeed | None:
    if facts.workload is None or facts.stage is not Stage.TO_REVERSE:
        return None
    without = "its agent cannot replicate to the origin"
    return ProfileNeed(facts.workload, facts.workload_profile, PROFILE_POLICIES, without)


def workload_not_running(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    workload = facts.workload
    if workload is None or facts.stage not in BEFORE_LAUNCH or workload.state == "running":
        return None
    if facts.stopped_for_cutover and workload.state in ("stopping", "stopped"):
        return None
    return CheckFailure(
        f"{workload.instance_id}, which has the data of {facts.server.name}, is {workload.state}.",
        f"Start it: aws ec2 start-instances --instance-ids {workload.instance_id} --region "
        f"{workload.scope.region}; only a running agent can replicate to the origin.",
    )


def workload_will_be_started(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    workload = facts.workload
    if workload is None or facts.stage not in BEFORE_LAUNCH or not facts.stopped_for_cutover:
        return None
    if workload.state not in ("stopping", "stopped"):
        return None
    return CheckFailure(
        f"{workload.instance_id} is {workload.state}: an earlier failback stopped it for its cutover, and "
        "ended before it was launched at the origin.",
        "Nothing: it is started again, so that the last it has written reaches the origin too.",
    )


def workload_unhealthy(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    workload = facts.workload
    if workload is None or facts.stage not in BEFORE_LAUNCH or workload.state != "running":
        return None
    if facts.workload_status_ok is not False:
        return None
    return CheckFailure(
        f"{workload.instance_id} does not pass EC2's status checks.",
        f"aws ec2 describe-instance-status --instance-ids {workload.instance_id} --region "
        f"{workload.scope.region}; wait until it passes, or repair the machine.",
    )


def stop_protected(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    """Both sides must be stopped at the cutover, the original first."""
    if facts.stage not in BEFORE_LAUNCH or not facts.stop_protected:
        return None
    running = [i for i in (facts.original, facts.workload) if i and i.instance_id in facts.stop_protected]
    found = ", ".join(instance.instance_id for instance in running)
    commands = "; ".join(
        f"aws ec2 modify-instance-attribute --no-disable-api-stop --instance-id {instance.instance_id} "
        f"--region {instance.scope.region}"
        for instance in running
    )
    return CheckFailure(
        f"{found} must be stopped at the cutover and has stop protection.",
        f"Where it may be stopped: {commands}",
    )


def reversed_elsewhere(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.reversed_server is None or facts.stage in (Stage.AT_ORIGIN, Stage.TO_RETIRE):
        return None
    finding = staging_account_issue(facts.reversed_server)
    return None if finding is None else CheckFailure(finding.found, finding.remedy)


def agent_denied(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.workload is None or facts.stage is not Stage.TO_REVERSE or not facts.denied_agent_actions:
        return None
    return CheckFailure(
        f"The role of {facts.workload.instance_id} may not {', '.join(facts.denied_agent_actions)}.",
        f"Attach {AGENT_POLICY} to it, and check the service control policies and permission "
        "boundaries that deny them.",
    )


def metadata_unreachable(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.workload is None or facts.stage is not Stage.TO_REVERSE or facts.metadata is None:
        return None
    if facts.metadata.endpoint_enabled:
        return None
    return CheckFailure(
        f"The instance metadata of {facts.workload.instance_id} are switched off: its agent gets no "
        "credentials.",
        "aws ec2 modify-instance-metadata-options --http-endpoint enabled --instance-id "
        f"{facts.workload.instance_id} --region {facts.workload.scope.region}",
    )


def metadata_unknown(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.workload is None or facts.stage is not Stage.TO_REVERSE or facts.metadata is not None:
        return None
    return CheckFailure(
        f"The instance metadata options of {facts.workload.instance_id} are not known.",
        "Check it: aws ec2 describe-instances --query 'Reservations[].Instances[].MetadataOptions' "
        f"--instance-ids {facts.workload.instance_id} --region {facts.workload.scope.region}",
    )


def will_not_be_terminated(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    asked = policies.failback.recovery_instance_disposition is RecoveryInstanceDisposition.TERMINATE
    workload = facts.workload
    if not asked or workload is None or not workload.allows_launching_into:
        return None
    return CheckFailure(
        f"{workload.instance_id} was pre-provisioned: it will be stopped and kept, not terminated.",
        "Nothing: it is the next failover's target. policies.failback.recoveryInstanceDisposition: "
        "RETAIN_STOPPED means the same.",
    )
