"""What was prepared can be put back, whatever it was, and what others have set is never lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import LaunchSettings
from shared.model.policies import RecoveryMode
from shared.rules.launch.launch_changes import changes_to_launch_into, launching_into
from shared.rules.preparation.changes import TOUCHED, Preparation, changed_since, previous_settings, undone
from shared.serialization import camel, from_item, to_item
from tests.makers import RECOVERY, instance_id, server_id

settings = st.builds(
    LaunchSettings,
    copy_private_ip=st.booleans(),
    copy_tags=st.booleans(),
    launch_disposition=st.sampled_from(["STARTED", "STOPPED"]),
    right_sizing=st.sampled_from(["NONE", "BASIC", "IN_AWS"]),
    launch_into_instance_id=st.none() | st.sampled_from([instance_id(1), instance_id(2)]),
    recovery_mode=st.none() | st.sampled_from(["FAST", "OPTIMAL"]),
    os_byol=st.booleans(),
)
modes = st.sampled_from(RecoveryMode)


def preparation(previous: LaunchSettings, prepared: LaunchSettings, *, done: bool = True) -> Preparation:
    names = (server_id(1), "web-1", RECOVERY, "shop")
    return Preparation(*names, previous, prepared, "prep", "2030-01-01T00:00:00Z", done)


@given(settings, modes)
def test_nothing_is_left_to_write_after_what_was_written(before: LaunchSettings, mode: RecoveryMode) -> None:
    after = launching_into(before, instance_id(1), mode)
    assert changes_to_launch_into(after, instance_id(1), mode) == ()
    assert (after == before) == (not changes_to_launch_into(before, instance_id(1), mode))


@given(settings, modes)
def test_an_undo_puts_back_exactly_what_was(before: LaunchSettings, mode: RecoveryMode) -> None:
    known = preparation(before, launching_into(before, instance_id(1), mode))
    assert undone(known, known.prepared) == before
    assert changed_since(known, known.prepared) == ()


@given(settings, settings, modes)
def test_what_an_operator_has_set_since_is_reported_and_stays(
    before: LaunchSettings, now: LaunchSettings, mode: RecoveryMode
) -> None:
    known = preparation(before, launching_into(before, instance_id(1), mode))
    reported = changed_since(known, now)
    after = undone(known, now)
    for name in TOUCHED:
        changed = getattr(now, name) != getattr(known.prepared, name)
        assert changed == (camel(name) in reported)
        assert getattr(after, name) == getattr(now if changed else before, name)
    assert after.os_byol == now.os_byol


@given(settings, settings, modes)
def test_prepared_again_an_undo_puts_back_what_an_operator_has_set_since(
    before: LaunchSettings, now: LaunchSettings, mode: RecoveryMode
) -> None:
    first = preparation(before, launching_into(before, instance_id(1), mode))
    prepared = launching_into(now, instance_id(1), mode)
    again = preparation(previous_settings(first, now), prepared)
    back = undone(again, prepared)
    for name in TOUCHED:
        changed = getattr(now, name) != getattr(first.prepared, name)
        assert getattr(back, name) == getattr(now if changed else before, name)


@given(settings, settings)
def test_a_preparation_that_died_does_not_blame_another_execution(
    before: LaunchSettings, now: LaunchSettings
) -> None:
    known = preparation(before, launching_into(before, instance_id(1), RecoveryMode.OPTIMAL), done=False)
    assert changed_since(known, now) == ()
    assert changed_since(None, now) == ()
    assert previous_settings(None, now) == now
    assert previous_settings(known, before).os_byol == before.os_byol


@given(settings, settings, st.booleans())
def test_what_is_remembered_is_read_back(before: LaunchSettings, after: LaunchSettings, done: bool) -> None:
    known = preparation(before, after, done=done)
    assert from_item(to_item(known), Preparation) == known
