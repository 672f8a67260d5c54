"""The policies behind instance profiles, read in parallel, with one call for each profile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from shared.aws.iam import IamClient
from shared.model.ec2 import Instance
from shared.model.prerequisite_facts import ProfileFacts

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


def profile_facts(iam: IamClient, instances: Iterable[Instance]) -> dict[str, ProfileFacts]:
    """The policies of each instance profile by its ARN; those that cannot be read are left out."""
    found = of_each_profile(iam.profile_policies, instances)
    return {arn: ProfileFacts(names) for arn, names in found.items() if names is not None}
