"""Checks of a scope: DRS set up, our rights, and the quotas, which make us wait but never fail."""

from __future__ import annotations

from shared.prerequisite_facts import ScopeFacts, Trouble

MAX_JOBS = 20
MAX_SERVERS_IN_JOBS = 500
"""DRS quotas L-D88FAC3A and L-05AFA8C6, not adjustable (AWS General Reference)."""


def not_initialized(facts: ScopeFacts) -> Trouble | None:
    if facts.drs_initialized:
        return None
    return Trouble(
        f"DRS is not set up in {facts.scope}.",
        f"aws drs initialize-service --region {facts.scope.region} (in account {facts.scope.account})",
    )


def actions_denied(facts: ScopeFacts) -> Trouble | None:
    if not facts.denied_actions:
        return None
    return Trouble(
        f"The member role in {facts.scope} may not {', '.join(facts.denied_actions)}.",
        f"Update the member-account stack in account {facts.scope.account}, and look for service control "
        "policies and permission boundaries that deny them.",
    )


def rights_unknown(facts: ScopeFacts) -> Trouble | None:
    if facts.denied_actions is not None:
        return None
    return Trouble(
        f"The rights of the member role in {facts.scope} could not be simulated.",
        "Allow it iam:SimulatePrincipalPolicy. Missing rights show late, minutes after the launch began.",
    )


def waits_for_jobs(facts: ScopeFacts) -> Trouble | None:
    if not facts.servers_to_launch or facts.jobs_in_progress < MAX_JOBS:
        return None
    return Trouble(
        f"{facts.jobs_in_progress} of {MAX_JOBS} DRS jobs are in progress in {facts.scope}.",
        "Nothing: it waits until one is over.",
    )


def waits_for_servers(facts: ScopeFacts) -> Trouble | None:
    if not facts.servers_to_launch or facts.servers_in_jobs + facts.servers_to_launch <= MAX_SERVERS_IN_JOBS:
        return None
    return Trouble(
        f"{facts.servers_to_launch} servers to launch and {facts.servers_in_jobs} already in jobs are more "
        f"than the {MAX_SERVERS_IN_JOBS} that DRS takes in {facts.scope}.",
        "Nothing: what does not fit waits until others are done.",
    )
