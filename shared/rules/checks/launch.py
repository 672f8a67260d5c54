"""Checks of the launch settings of a source server."""

from __future__ import annotations

from shared.model.policies import LaunchOrder, Policies
from shared.model.prerequisite_facts import CheckFailure, ServerFacts


def settings_unreadable(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.launch is not None:
        return None
    return CheckFailure(
        f"The launch settings of {facts.server.name} could not be read.",
        "aws drs get-launch-configuration --source-server-id "
        f"{facts.server.source_server_id} --region {facts.server.scope.region}",
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
    into = facts.launch.launch_into_instance_id if facts.launch else None
    if not into or into == facts.target.instance_id:
        return None
    return CheckFailure(
        f"The launch settings name {into} to launch into; it will be {facts.target.instance_id} instead.",
        f"Check that the pair is right. If {into} is meant, pair it under matching.manualPairs in the plan.",
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
