"""After a drill every target is as before, whatever the drill came to, and nothing is terminated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import RecoveryInstance
from shared.model.ec2 import Volume
from shared.model.policies import DrillVolumes
from shared.model.server import DetachedVolume, VolumeContent
from shared.rules.drill.clean_up import (
    CleanUpFacts,
    CleanUpStep,
    VolumeSwap,
    issue,
    next_clean_up_step,
    swap,
)
from shared.rules.report.volume_costs import DEAREST_USD, detached, monthly_cost_usd
from tests.makers import RECOVERY, instance, instance_id, server_id

OLD = (Volume("/dev/xvda", 8, "vol-old"), Volume("/dev/xvdb", 8, "vol-data"))
NEW = (Volume("/dev/xvda", 8, "vol-new"), Volume("/dev/xvdb", 8, "vol-new-data"))


def listed(**changes: Any) -> RecoveryInstance:
    values: dict[str, Any] = {
        "recovery_instance_id": instance_id(1),
        "ec2_instance_id": instance_id(1),
        "ec2_state": "RUNNING",
        "source_server_id": server_id(1),
        "job_id": "drsjob-1",
        "is_drill": True,
        "replication_state": "NOT_STARTED",
    }
    return RecoveryInstance(**(values | changes))


def facts(**changes: Any) -> CleanUpFacts:
    values: dict[str, Any] = {
        "target": instance(1, state="running", volumes=NEW),
        "recovery_instance": listed(),
        "volumes_before": OLD,
        "volumes": DrillVolumes.RESTORE,
    }
    return CleanUpFacts(**(values | changes))


def after(facts: CleanUpFacts, step: CleanUpStep) -> CleanUpFacts:
    target, own = facts.target, facts.recovery_instance
    if step is CleanUpStep.AWAIT_JOB:
        return replace(facts, job_unfinished=False)
    if step is CleanUpStep.DISCONNECT:
        assert own is not None
        return replace(facts, recovery_instance=replace(own, replication_state="DISCONNECTED"))
    if step is CleanUpStep.DELETE:
        assert own is not None
        assert own.replication_state == "DISCONNECTED", "it must be disconnected first"
        return replace(facts, recovery_instance=None)
    assert target is not None
    if step is CleanUpStep.STOP_INSTANCE:
        return replace(facts, target=replace(target, state="stopping"))
    if step is CleanUpStep.AWAIT_STOPPED:
        return replace(facts, target=replace(target, state="stopped"))
    assert target.state == "stopped", "volumes are swapped only on a stopped instance"
    volumes = swap(facts)
    if step is CleanUpStep.DETACH_VOLUMES:
        left = tuple(volume for volume in target.volumes if volume not in volumes.detach)
        return replace(facts, target=replace(target, volumes=left))
    assert not {v.device for v in volumes.attach} & {v.device for v in target.volumes}, "device in use"
    return replace(facts, target=replace(target, volumes=target.volumes + volumes.attach))


def carried_out(facts: CleanUpFacts) -> tuple[list[CleanUpStep], CleanUpFacts]:
    steps: list[CleanUpStep] = []
    while (step := next_clean_up_step(facts)) is not None:
        steps.append(step)
        facts = after(facts, step)
        assert len(steps) < 10
    return steps, facts


def test_the_order_of_a_clean_up() -> None:
    steps, end = carried_out(facts(job_unfinished=True))
    assert steps == list(CleanUpStep)
    assert end.target is not None
    assert end.target.volumes == OLD
    assert issue(end) is None


def test_a_plan_may_keep_the_volumes_of_the_drill() -> None:
    steps, end = carried_out(facts(volumes=DrillVolumes.KEEP))
    assert CleanUpStep.DETACH_VOLUMES not in steps
    assert end.target is not None
    assert end.target.volumes == NEW


def test_a_target_keeps_what_it_has_when_its_old_volumes_are_lost() -> None:
    lost = facts(missing_volumes=frozenset({"vol-data"}))
    assert swap(lost) == VolumeSwap()
    found = issue(lost)
    assert found is not None
    assert "vol-data" in found.found
    assert carried_out(lost)[0][-1] is CleanUpStep.DELETE


def test_a_swap_that_was_cut_short_goes_on() -> None:
    half = facts(target=instance(1, volumes=OLD[:1]))
    assert swap(half) == VolumeSwap(attach=OLD[1:])
    assert next_clean_up_step(half) is CleanUpStep.ATTACH_VOLUMES


def test_nothing_is_done_to_what_a_real_recovery_runs_in() -> None:
    taken_over = facts(recovery_instance=listed(is_drill=False), job_unfinished=True)
    assert next_clean_up_step(taken_over) is None
    found = issue(taken_over)
    assert found is not None
    assert "left alone" in found.found


@pytest.mark.parametrize("target", [None, instance(1, state="terminated")])
def test_a_target_that_is_missing_is_reported_and_its_record_removed(target: Any) -> None:
    found = issue(facts(target=target))
    assert found is not None
    assert "CloudTrail" in found.remedy
    assert carried_out(facts(target=target))[0] == [CleanUpStep.DISCONNECT, CleanUpStep.DELETE]


def test_a_target_that_was_never_launched_into_is_left_as_it_is() -> None:
    untouched = facts(launched=False, recovery_instance=None)
    assert next_clean_up_step(untouched) is None


@given(
    state=st.sampled_from(["pending", "running", "stopping", "stopped", "terminated"]),
    now=st.sets(st.sampled_from(OLD + NEW)),
    own=st.sampled_from([None, listed(), listed(replication_state="DISCONNECTED")]),
    volumes=st.sampled_from(DrillVolumes),
    missing=st.sets(st.sampled_from(["vol-old", "vol-data"])),
)
def test_wherever_it_begins_it_ends_stopped_and_out_of_drs(
    state: str, now: set[Volume], own: Any, volumes: DrillVolumes, missing: set[str]
) -> None:
    attached = {volume.device: volume for volume in now}.values()
    start = facts(
        target=instance(1, state=state, volumes=tuple(attached)),
        recovery_instance=own,
        volumes=volumes,
        missing_volumes=frozenset(missing - {str(volume.volume_id) for volume in attached}),
    )
    _, end = carried_out(start)
    assert end.recovery_instance is None
    assert end.target is not None
    assert end.target.state in ("stopped", "terminated")
    if volumes is DrillVolumes.RESTORE and not start.missing_volumes and end.target.state == "stopped":
        assert set(end.target.volumes) == set(OLD)


def test_detached_is_what_was_there_and_is_not_any_more() -> None:
    assert detached(OLD, (NEW[0], OLD[1])) == OLD[:1]
    assert detached(OLD, OLD) == ()
    assert detached((Volume("/dev/xvda", 8),), ()) == ()


@pytest.mark.parametrize(
    ("kind", "size", "cost"),
    [("gp3", 100, 8.0), ("gp2", 100, 10.0), ("st1", 500, 22.5), ("new", 100, 100 * DEAREST_USD)],
)
def test_a_volume_costs_its_size_at_list_price(kind: str, size: int, cost: float) -> None:
    volume = DetachedVolume(
        "vol-1", instance_id(1), "/dev/xvda", RECOVERY, size, kind, "execution-1", VolumeContent.COPY
    )
    assert monthly_cost_usd(volume) == cost
