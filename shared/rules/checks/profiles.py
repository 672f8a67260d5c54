"""Checks of an instance profile: what the agent of DRS needs to call it from that instance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from shared.model.ec2 import Instance
from shared.model.policies import Policies
from shared.model.prerequisite_facts import CheckFailure, ProfileFacts

AGENT_POLICY = "AWSElasticDisasterRecoveryRecoveryInstancePolicy"
PROFILE_POLICIES = (AGENT_POLICY, "AmazonSSMManagedInstanceCore")
"""What an instance needs to act as a recovery instance and to be failed back later."""
READY_MADE_PROFILE = "AWSElasticDisasterRecoveryRecoveryInstanceWithLaunchActionsRole"

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class ProfileNeed:
    """``profile``: None if it could not be read. ``without``: what does not work without ``policies``."""

    instance: Instance
    profile: ProfileFacts | None
    policies: tuple[str, ...]
    without: str


Need = Callable[[F], ProfileNeed | None]
"""What the facts of a server say of the instance; None where it needs no profile (any more)."""
Find = Callable[[F, Policies], CheckFailure | None]


def missing(need: Need[F]) -> Find[F]:
    def find(facts: F, policies: Policies) -> CheckFailure | None:
        asked = need(facts)
        if asked is None or asked.instance.instance_profile_arn:
            return None
        return CheckFailure(
            f"{asked.instance.instance_id} has no instance profile: {asked.without}.",
            f"aws ec2 associate-iam-instance-profile --instance-id {asked.instance.instance_id} "
            f"--iam-instance-profile Name={READY_MADE_PROFILE} --region {asked.instance.scope.region}",
        )

    return find


def incomplete(need: Need[F]) -> Find[F]:
    def find(facts: F, policies: Policies) -> CheckFailure | None:
        asked = need(facts)
        if asked is None or not asked.instance.instance_profile_arn or asked.profile is None:
            return None
        lacking = [policy for policy in asked.policies if policy not in asked.profile.policy_names]
        if not lacking:
            return None
        return CheckFailure(
            f"The instance profile of {asked.instance.instance_id} lacks {' and '.join(lacking)}: "
            f"{asked.without}.{_as_of(asked.profile)}",
            f"Attach what is missing to its role, or use the profile {READY_MADE_PROFILE}.",
        )

    return find


def unreadable(need: Need[F]) -> Find[F]:
    def find(facts: F, policies: Policies) -> CheckFailure | None:
        asked = need(facts)
        if asked is None or not asked.instance.instance_profile_arn:
            return None
        if asked.profile is not None and asked.profile.as_of is None:
            return None
        return CheckFailure(
            f"The policies of {asked.instance.instance_profile_arn} could not be read."
            f"{_as_of(asked.profile)}",
            f"Check that it exists, and that its role has {' and '.join(asked.policies)}; or use the profile "
            f"{READY_MADE_PROFILE}.",
        )

    return find


def _as_of(profile: ProfileFacts | None) -> str:
    return f" They are known as of {profile.as_of}." if profile and profile.as_of else ""
