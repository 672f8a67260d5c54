"""Checks of a scope: DRS set up, our permissions, and the quotas, which make us wait but never fail."""

from __future__ import annotations

from shared.model.iam import PermissionsRecord
from shared.model.prerequisite_facts import CheckFailure, ScopeFacts


def not_initialized(facts: ScopeFacts) -> CheckFailure | None:
    if facts.drs_initialized:
        return None
    return CheckFailure(
        f"DRS is not set up in {facts.scope}.",
        f"aws drs initialize-service --region {facts.scope.region} (in account {facts.scope.account})",
    )


def actions_denied(facts: ScopeFacts) -> CheckFailure | None:
    if not facts.permissions.denied:
        return None
    return CheckFailure(
        f"The member role in {facts.scope} may not {', '.join(facts.permissions.denied)}.",
        f"Update the member-account stack in account {facts.scope.account}, and check the service control "
        "policies and permission boundaries that deny them.",
    )


def permissions_unknown(facts: ScopeFacts) -> CheckFailure | None:
    """An answer of quiet times blocks nothing: what it denied may be allowed by now."""
    if facts.permissions.unanswered is None:
        return None
    return CheckFailure(
        f"The permissions of the member role in {facts.scope} could not be simulated: "
        f"{facts.permissions.unanswered} {_last_answer(facts.last_permissions)}",
        "If simulating was denied, allow the member role iam:SimulatePrincipalPolicy. If IAM is down, go on: "
        "nothing waits for it, and a missing permission shows minutes after the launch began.",
    )


def _last_answer(last: PermissionsRecord | None) -> str:
    if last is None:
        return "No preparation or dry run has recorded an earlier answer."
    if last.denied:
        return f"The last answer, of {last.asked_at}: it may not {', '.join(last.denied)}."
    return f"The last answer, of {last.asked_at}: it may do all that it must."


def waits_for_jobs(facts: ScopeFacts) -> CheckFailure | None:
    if not facts.servers_to_launch or facts.jobs_in_progress < facts.limits.jobs:
        return None
    return CheckFailure(
        f"{facts.jobs_in_progress} of {facts.limits.jobs} DRS jobs are in progress in {facts.scope}.",
        "Nothing: it waits until one is over.",
    )


def waits_for_servers(facts: ScopeFacts) -> CheckFailure | None:
    most = facts.limits.servers_in_jobs
    if not facts.servers_to_launch or facts.servers_in_jobs + facts.servers_to_launch <= most:
        return None
    return CheckFailure(
        f"{facts.servers_to_launch} servers to launch and {facts.servers_in_jobs} already in jobs are more "
        f"than the {most} that DRS takes in {facts.scope}.",
        "Nothing: what does not fit waits until others are done.",
    )
