"""The policies behind instance profiles, read in parallel, with one call for each profile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from shared.aws.iam import IamClient
from shared.model.ec2 import Instance
from shared.model.iam import Permissions, PermissionsRecord
from shared.model.policies import Mode
from shared.model.prerequisite_facts import ProfileFacts
from shared.model.scope import Scope
from shared.times import iso

READERS = 10
"""Parallel calls about instance profiles; IAM publishes no rates."""

T = TypeVar("T")


def profile_of(instance: Instance | None) -> str:
    """The ARN of its instance profile; empty where there is none."""
    return (instance and instance.instance_profile_arn) or ""


def profiles_of(instances: Iterable[Instance]) -> list[str]:
    """The ARNs of their instance profiles, each once."""
    return sorted({profile_of(instance) for instance in instances} - {""})


def of_each_profile(read: Callable[[str], T], instances: Iterable[Instance]) -> dict[str, T]:
    """What ``read`` gives for each instance profile, by its ARN."""
    arns = profiles_of(instances)
    with ThreadPoolExecutor(READERS) as pool:
        return dict(zip(arns, pool.map(read, arns), strict=True))


def profile_facts(
    iam: IamClient, instances: Iterable[Instance], last: PermissionsRecord | None = None
) -> dict[str, ProfileFacts]:
    """The policies of each instance profile by its ARN; of one that cannot be read, those of ``last``."""
    found = of_each_profile(iam.profile_policies, instances)
    known = last.profiles if last else {}
    facts = {arn: ProfileFacts(names) for arn, names in found.items() if names is not None}
    dated = {
        arn: ProfileFacts(known[arn], last.asked_at)
        for arn in found
        if last and arn not in facts and arn in known
    }
    return facts | dated


def answer_to_record(
    permissions: Permissions, profiles: Mapping[str, ProfileFacts], scope: Scope, mode: Mode, now: datetime
) -> PermissionsRecord | None:
    """What IAM answered, for later; None where it did not answer all."""
    if permissions.unanswered is not None:
        return None
    names = {arn: facts.policy_names for arn, facts in profiles.items() if facts.as_of is None}
    return PermissionsRecord(scope, mode, iso(now), permissions.denied, names)
