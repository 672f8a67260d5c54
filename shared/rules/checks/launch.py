"""Checks of the launch settings of a source server."""

from __future__ import annotations

from shared.model.policies import LaunchOrder, Policies
from shared.model.prerequisite_facts import CheckFailure, ServerFacts


def settings_unreadable(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.launch is not None:
        return None
    return CheckFailure(
        f"The launch settings of {facts.server.name} could not be read.",
        "See what DRS answers, then start the plan again: aws drs get-launch-configuration "
        f"--source-server-id {facts.server.source_server_id} --region {facts.server.scope.region}",
    )


def settings_will_change(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """Launching into an instance forbids two settings (DRS user guide, general launch settings)."""
    launch = facts.launch
    if launch is None:
        return None
    changes = []
    if launch.copy_private_ip:
        changes.append("copy private IP off")
    if launch.copy_tags:
        changes.append("copy tags off")
    if launch.right_sizing != "NONE":
        changes.append(f"right-sizing {launch.right_sizing} off")
    if policies.launch_order is LaunchOrder.TOGETHER and launch.launch_disposition != "STOPPED":
        changes.append(f"launch disposition {launch.launch_disposition} to STOPPED")
    if not changes:
        return None
    return CheckFailure(
        f"Launch settings will change: {', '.join(changes)}.",
        "Nothing: the settings before are kept, and put back if nothing is launched.",
    )


def launches_elsewhere(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """Only an instance that is one to launch into contradicts the pair. The recorded one is PAIR_CHANGED."""
    into = facts.launches_into
    if into is None or not into.allows_launching_into or facts.paired_by == "MANUAL":
        return None
    if into.instance_id == facts.recorded_target:
        return None
    return CheckFailure(
        f"The launch settings name {into.instance_id} ({into.name}) to launch into, and the pair is "
        f"{facts.target.instance_id} ({facts.target.name}).",
        _SETTLE.format(one=into.instance_id, other=facts.target.instance_id, server=facts.server.name),
    )


def pair_changed(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """The name now leads to another instance than it did: a Name tag may have moved."""
    before = facts.recorded_target
    if before is None or before == facts.target.instance_id or facts.paired_by == "MANUAL":
        return None
    return CheckFailure(
        f"The target was {before} when the pair was last recorded, and is {facts.target.instance_id} "
        f"({facts.target.name}) by its name now.",
        _SETTLE.format(one=before, other=facts.target.instance_id, server=facts.server.name)
        + f' To record it beforehand, prepare the plan with "acceptPairs": ["{facts.server.name}"].',
    )


_SETTLE = (
    "Find out which is meant: a launch replaces its disks. If it is {one}, correct the Name tags, or pair it "
    "with {server} under matching.manualPairs in the plan. If it is {other}, pair that there, or override "
    "this check in the request with your reason."
)


def own_licence_not_allowed(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.launch is None or not facts.launch.os_byol:
        return None
    if facts.server.platform == "linux" or facts.target.tenancy == "host":
        return None
    return CheckFailure(
        f"OS BYOL is set for a Windows server, and {facts.target.instance_id} is not on a dedicated host.",
        "aws drs update-launch-configuration --licensing osByol=false --source-server-id "
        f"{facts.server.source_server_id} --region {facts.server.scope.region}",
    )
