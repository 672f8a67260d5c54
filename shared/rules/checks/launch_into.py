"""Checks of an instance that DRS launches into: a target of a failover, or the original of a failback.

What DRS demands of such an instance is in the DRS user guide, general launch settings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.model.drs import SourceServer
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE, Instance
from shared.model.policies import Policies, WhenTargetRuns
from shared.model.prerequisite_facts import CheckFailure, ServerFacts
from shared.rules.checks.reverse_facts import ReverseServerFacts
from shared.rules.matching.manual_pairs import tag_command

AUTO_SCALING_TAG = "aws:autoscaling:groupName"
NOT_THERE = ("terminated", "shutting-down")
"""States of an instance that exists no longer, or will soon not."""
ON = ("pending", "running", "stopping")

F = TypeVar("F", ServerFacts, ReverseServerFacts)


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch into ``instance``. The rest is about what is launched; None and 0 where it is unknown.

    ``to_come``: the launch has yet to begin; ``to_verify``: it has yet to be verified.
    """

    instance: Instance
    server: SourceServer
    name: str
    architecture: str | None
    boot_mode: str | None
    volumes: int
    to_come: bool = True
    to_verify: bool = True


@dataclass(frozen=True, slots=True)
class Side(Generic[F]):
    """The instances of one side: what is launched into them, and the plan's policies for them.

    ``launch`` is None where the instance is not known. ``when_runs`` reads the policy that the plan calls
    ``when_runs_policy``. ``replacement``: the remedy where another instance is needed, from what it must be.
    """

    launch: Callable[[F], Launch | None]
    when_runs: Callable[[Policies], WhenTargetRuns | None]
    when_runs_policy: str
    replacement: Callable[[str], str]
    tagged_by_us: Callable[[Policies], bool] = lambda policies: False
    or_tag: str = ""
    if_volumes_differ: str = ""

    def asks(self, find: Find) -> Callable[[F, Policies], CheckFailure | None]:
        """``find`` as a check of this side's facts; it finds nothing where the instance is not known."""

        def check(facts: F, policies: Policies) -> CheckFailure | None:
            launch = self.launch(facts)
            return None if launch is None else find(launch, self, policies)

        return check


AnySide = Side[ServerFacts] | Side[ReverseServerFacts]
Find = Callable[[Launch, AnySide, Policies], CheckFailure | None]


def not_tagged(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    return None if side.tagged_by_us(policies) else untagged(launch, side)


def untagged(launch: Launch, side: AnySide) -> CheckFailure | None:
    instance = launch.instance
    if instance.allows_launching_into or not launch.to_verify:
        return None
    value = instance.tags.get(TARGET_TAG_KEY)
    found = f"the tag {TARGET_TAG_KEY}={value}" if value is not None else f"no tag {TARGET_TAG_KEY}"
    return CheckFailure(
        f"{instance.instance_id} has {found} instead of {TARGET_TAG_VALUE}.",
        f"If DRS may launch into it: {tag_command(instance.instance_id, instance.scope)}{side.or_tag}",
    )


def runs(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    instance = launch.instance
    if side.when_runs(policies) is not WhenTargetRuns.BLOCK or not _is_on(launch):
        return None
    return CheckFailure(
        f"{instance.instance_id} is {instance.state}; DRS launches only into a stopped instance.",
        "Make sure that nothing there is needed: its disks are replaced. Then stop it: aws ec2 "
        f"stop-instances --instance-ids {instance.instance_id} --region {instance.scope.region}; or set "
        f"{side.when_runs_policy}: STOP in the plan.",
    )


def will_be_stopped(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    if side.when_runs(policies) is not WhenTargetRuns.STOP or not _is_on(launch):
        return None
    return CheckFailure(
        f"{launch.instance.instance_id} is {launch.instance.state}; it will be stopped before the launch.",
        "Nothing, unless what runs there is still needed: its disks are replaced.",
    )


def other_platform(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    instance, server = launch.instance, launch.server
    if instance.platform == server.platform:
        return None
    return CheckFailure(
        f"{instance.instance_id} runs {instance.platform}, the server {server.platform}.",
        side.replacement(f"that runs {server.platform}"),
    )


def other_architecture(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    instance = launch.instance
    if launch.architecture in (None, instance.architecture):
        return None
    return CheckFailure(
        f"{instance.instance_id} is {instance.architecture}, the server {launch.architecture}.",
        side.replacement(f"that is {launch.architecture}"),
    )


def other_boot_mode(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    instance = launch.instance
    if launch.boot_mode is None or instance.boot_mode in (None, launch.boot_mode):
        return None
    return CheckFailure(
        f"{instance.instance_id} boots {instance.boot_mode}, the server {launch.boot_mode}.",
        side.replacement(f"from an image with boot mode {launch.boot_mode}"),
    )


def boot_mode_unknown(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    instance = launch.instance
    if launch.boot_mode is not None and instance.boot_mode is not None:
        return None
    return CheckFailure(
        f"The boot mode of {launch.name if instance.boot_mode else instance.instance_id} is not known.",
        "Check that both are the same: a different one may not boot. Linux that boots UEFI has the folder "
        "/sys/firmware/efi; Windows names its BIOS mode in msinfo32.",
    )


def root_not_ebs(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    instance = launch.instance
    if instance.root_device_type == "ebs":
        return None
    return CheckFailure(
        f"The root device of {instance.instance_id} is {instance.root_device_type}, not EBS.",
        side.replacement("with an EBS root device"),
    )


def not_hvm(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    instance = launch.instance
    if instance.virtualization == "hvm":
        return None
    return CheckFailure(
        f"The virtualization of {instance.instance_id} is {instance.virtualization}, not HVM.",
        side.replacement("from an HVM image"),
    )


def no_volumes(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    if launch.instance.volumes:
        return None
    return CheckFailure(
        f"{launch.instance.instance_id} has no volume attached, so DRS finds no root device to replace.",
        f"Attach a volume of {launch.instance.availability_zone} (its id for VOLUME_ID) as the root device "
        "(its name for ROOT_DEVICE), which DRS replaces: aws ec2 attach-volume --volume-id VOLUME_ID "
        f"--instance-id {launch.instance.instance_id} --device ROOT_DEVICE "
        f"--region {launch.instance.scope.region}",
    )


def other_volume_count(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    count = len(launch.instance.volumes)
    if not count or not launch.volumes or count == launch.volumes:
        return None
    return CheckFailure(
        f"{launch.name} has {launch.volumes} disks, {launch.instance.instance_id} has {count} volumes.",
        side.if_volumes_differ,
    )


def spot(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    if launch.instance.lifecycle != "spot":
        return None
    return CheckFailure(
        f"{launch.instance.instance_id} is a spot instance, which EC2 may take away at any time.",
        side.replacement("that is on demand"),
    )


def auto_scaling(launch: Launch, side: AnySide, policies: Policies) -> CheckFailure | None:
    instance = launch.instance
    group = instance.tags.get(AUTO_SCALING_TAG)
    if group is None:
        return None
    return CheckFailure(
        f"{instance.instance_id} belongs to the Auto Scaling group {group}, which may terminate it.",
        f"Take it out: aws autoscaling detach-instances --instance-ids {instance.instance_id} "
        f"--auto-scaling-group-name {group} --should-decrement-desired-capacity "
        f"--region {instance.scope.region}",
    )


def _is_on(launch: Launch) -> bool:
    return launch.to_come and launch.instance.state in ON
