"""Which launch settings to change for launching into an instance, and how to put them back.

Settings that conflict with launching into an instance must be off before it is set: *Copy private IP* and
*Transfer server tags* (DRS user guide, launch-general-settings). The console turns them off by itself; the
API does not promise to. So they have a step of their own, where they are on; all else is one call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.model.drs import LaunchSettings
from shared.model.policies import RecoveryMode

LAUNCH_INTO = "launchIntoInstanceProperties"

Step = dict[str, Any]
"""One UpdateLaunchConfiguration call, in the API's own names."""


def changes_to_launch_into(
    current: LaunchSettings, instance_id: str, recovery_mode: RecoveryMode
) -> tuple[dict[str, Any], ...]:
    """The UpdateLaunchConfiguration calls that are needed, in order; none if all is right already.

    Servers are left stopped by DRS: starting follows the order of the waves, not the end of a job. Right
    sizing has no effect on an instance that exists and is set off to spare the launch template.
    """
    first: dict[str, Any] = {}
    if current.copy_private_ip:
        first["copyPrivateIp"] = False
    if current.copy_tags:
        first["copyTags"] = False
    second = {} if current.launch_into_instance_id == instance_id else _into(instance_id)
    if current.launch_disposition != "STOPPED":
        second["launchDisposition"] = "STOPPED"
    if current.right_sizing != "NONE":
        second["targetInstanceTypeRightSizingMethod"] = "NONE"
    if (current.recovery_mode or RecoveryMode.OPTIMAL) != recovery_mode:
        second["recoveryMode"] = recovery_mode.value
    return tuple(step for step in (first, second) if step)


def launching_into(current: LaunchSettings, instance_id: str, recovery_mode: RecoveryMode) -> LaunchSettings:
    """``current`` after ``changes_to_launch_into``."""
    mode = current.recovery_mode
    return replace(
        current,
        copy_private_ip=False,
        copy_tags=False,
        launch_disposition="STOPPED",
        right_sizing="NONE",
        launch_into_instance_id=instance_id,
        recovery_mode=mode if (mode or RecoveryMode.OPTIMAL) == recovery_mode else recovery_mode.value,
    )


def changes_to_restore(previous: LaunchSettings) -> tuple[dict[str, Any], ...]:
    """The UpdateLaunchConfiguration calls that put ``previous`` back, launching into an instance first."""
    rest: dict[str, Any] = {
        "copyPrivateIp": previous.copy_private_ip,
        "copyTags": previous.copy_tags,
        "launchDisposition": previous.launch_disposition,
        "targetInstanceTypeRightSizingMethod": previous.right_sizing,
    }
    if previous.recovery_mode:
        rest["recoveryMode"] = previous.recovery_mode
    return (_into(previous.launch_into_instance_id or ""), rest)


def _into(instance_id: str) -> dict[str, Any]:
    """An empty id clears the setting: the service model allows a length of 0; not tried on AWS by us."""
    return {LAUNCH_INTO: {"launchIntoEC2InstanceID": instance_id}}
