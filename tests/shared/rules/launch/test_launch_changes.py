"""Which launch settings change, in which order, and how they come back: by table and by property."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import LaunchSettings
from shared.model.policies import RecoveryMode
from shared.rules.launch.launch_changes import LAUNCH_INTO, changes_to_launch_into, changes_to_restore
from tests.makers import launch_settings

INSTANCE = "i-00000000000000001"
OTHER = "i-00000000000000002"
INTO = {LAUNCH_INTO: {"launchIntoEC2InstanceID": INSTANCE}}
FIELDS = {
    "copyPrivateIp": "copy_private_ip",
    "copyTags": "copy_tags",
    "launchDisposition": "launch_disposition",
    "targetInstanceTypeRightSizingMethod": "right_sizing",
    "recoveryMode": "recovery_mode",
}

any_settings = st.builds(
    LaunchSettings,
    copy_private_ip=st.booleans(),
    copy_tags=st.booleans(),
    launch_disposition=st.sampled_from(["STARTED", "STOPPED"]),
    right_sizing=st.sampled_from(["NONE", "BASIC", "IN_AWS"]),
    launch_into_instance_id=st.sampled_from([None, INSTANCE, OTHER]),
    recovery_mode=st.sampled_from([None, "OPTIMAL", "FAST"]),
)
modes = st.sampled_from(RecoveryMode)


def applied(settings: LaunchSettings, steps: tuple[dict[str, Any], ...]) -> LaunchSettings:
    """What DRS has after the calls. Launching into an instance forbids two settings."""
    for step in steps:
        for key, value in step.items():
            if key == LAUNCH_INTO:
                into = value["launchIntoEC2InstanceID"] or None
                settings = replace(settings, launch_into_instance_id=into)
            else:
                settings = replace(settings, **{FIELDS[key]: value})
    return settings


@pytest.mark.parametrize(
    ("current", "steps"),
    [
        (launch_settings(launch_into_instance_id=INSTANCE), ()),
        (launch_settings(), (INTO,)),
        (launch_settings(launch_into_instance_id=OTHER), (INTO,)),
        (launch_settings(copy_private_ip=True), ({"copyPrivateIp": False}, INTO)),
        (launch_settings(copy_tags=True), ({"copyTags": False}, INTO)),
        (
            launch_settings(launch_disposition="STARTED", launch_into_instance_id=INSTANCE),
            ({"launchDisposition": "STOPPED"},),
        ),
        (launch_settings(right_sizing="BASIC"), ({**INTO, "targetInstanceTypeRightSizingMethod": "NONE"},)),
        (launch_settings(recovery_mode="FAST"), ({**INTO, "recoveryMode": "OPTIMAL"},)),
        (
            launch_settings(copy_tags=True, right_sizing="BASIC"),
            ({"copyTags": False}, {**INTO, "targetInstanceTypeRightSizingMethod": "NONE"}),
        ),
    ],
)
def test_only_what_differs_is_written(current: LaunchSettings, steps: tuple[dict[str, Any], ...]) -> None:
    assert changes_to_launch_into(current, INSTANCE, RecoveryMode.OPTIMAL) == steps


@given(any_settings, modes)
def test_after_the_changes_all_is_right_and_nothing_is_left_to_write(
    current: LaunchSettings, mode: RecoveryMode
) -> None:
    after = applied(current, changes_to_launch_into(current, INSTANCE, mode))
    assert changes_to_launch_into(after, INSTANCE, mode) == ()
    assert not after.copy_private_ip
    assert not after.copy_tags
    assert (after.launch_disposition, after.right_sizing) == ("STOPPED", "NONE")
    assert after.launch_into_instance_id == INSTANCE
    assert (after.recovery_mode or "OPTIMAL") == mode


@given(any_settings, modes)
def test_what_conflicts_is_off_before_the_instance_is_set(
    current: LaunchSettings, mode: RecoveryMode
) -> None:
    steps = changes_to_launch_into(current, INSTANCE, mode)
    conflicting = {"copyPrivateIp", "copyTags"}
    assert not [step for step in steps if LAUNCH_INTO in step and conflicting & set(step)]
    if steps and LAUNCH_INTO in steps[0]:
        assert (current.copy_private_ip, current.copy_tags) == (False, False)


@given(any_settings, modes)
def test_restoring_puts_everything_back_launching_into_first(
    before: LaunchSettings, mode: RecoveryMode
) -> None:
    changed = applied(before, changes_to_launch_into(before, INSTANCE, mode))
    steps = changes_to_restore(before)
    assert list(steps[0]) == [LAUNCH_INTO]
    after = applied(changed, steps)
    assert replace(after, recovery_mode=None) == replace(before, recovery_mode=None)
    assert after.recovery_mode == (before.recovery_mode or changed.recovery_mode)
