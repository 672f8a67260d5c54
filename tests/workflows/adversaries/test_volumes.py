"""A volume that may be the only copy is deleted only if its id is named, and after a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.ministack.ec2_lifecycle import Timings
from tests.local.simulation.world import ORIGIN
from tests.workflows.control_messages import on, send
from tests.workflows.failback_stage import QUICK, away, fail_back, original
from tests.workflows.stage import Run, Stage, group, stage, wave

SLOW_SNAPSHOTS = Timings(
    start=(1, 2), stop=(1, 2), terminate=(1, 2), linux_checks=(2, 3), snapshot=2 * 3600.0
)


def volumes(here: Stage, place: Any = None) -> set[str]:
    return {volume["VolumeId"] for volume in here.ec2(place).describe_volumes()["Volumes"]}


def snapshots(here: Stage, place: Any = None) -> dict[str, str]:
    """Of ours: the volume by snapshot id."""
    found = here.ec2(place).describe_snapshots(
        OwnerIds=["self"], Filters=[{"Name": "tag-key", "Values": ["drs-orchestrator:snapshot-of"]}]
    )
    return {snapshot["SnapshotId"]: snapshot["VolumeId"] for snapshot in found["Snapshots"]}


def holding(run: Run, what: str) -> set[str]:
    """The volumes that the report lists as detached and holding this."""
    return {volume["volumeId"] for volume in run.report["detachedVolumes"] if volume["content"] == what}


def removed(run: Run) -> dict[str, dict[str, Any]]:
    return {volume["volumeId"]: volume for volume in run.report["removedVolumes"]}


def findings(run: Run, code: str) -> list[str]:
    return [finding["found"] for finding in run.report["findings"] if finding["code"] == code]


@contextmanager
def two(**more: Any) -> Iterator[Stage]:
    waves = [wave("data"), wave("web", "data")]
    with stage(group("app", "data"), group("web", "web"), waves=waves, jobs=QUICK, **more) as here:
        yield here


def undone(here: Stage) -> tuple[Run, set[str]]:
    """A failover whose first wave users have worked on is undone; its report, and what they wrote to."""
    on(here, "CloseWave", lambda: send(here, "PAUSE", "undone"), "data")
    arn = here.start("undone")
    here.cloud.advance(3600)
    written = attached(here)
    send(here, "CANCEL", "undone", launched="UNDO", confirm="shop")
    return here.wait(arn), written


def attached(here: Stage) -> set[str]:
    return {volume for _, volume in here.instances()[here.target("app")]["volumes"]}


def test_what_originals_had_stays_until_it_is_named_and_is_copied_first() -> None:
    with away() as (here, _):
        before = volumes(here, ORIGIN)
        run = fail_back(here, removeDetachedVolumes=True)
        kept = holding(run, "ORIGINAL")
        assert kept, "the volumes of both originals"
        assert kept <= before
        assert kept <= volumes(here, ORIGIN)
        assert holding(run, "TARGET") == set()
        assert {volume["content"] for volume in removed(run).values()} == {"TARGET"}
        assert not set(removed(run)) & volumes(here)
        assert "may be the only copy: only removeVolumes" in run.summary
        assert snapshots(here, ORIGIN) == {}

        one, *others = sorted(kept)
        again = fail_back(here, "named", removeVolumes=[one])
        assert again.status == "COMPLETED", again.summary
        entry = removed(again)[one]
        assert entry["deleted"]
        assert snapshots(here, ORIGIN) == {entry["snapshotId"]: one}
        assert one not in volumes(here, ORIGIN)
        assert holding(again, "ORIGINAL") == set(others)
        assert entry["snapshotId"] in again.summary


def test_a_volume_waits_for_its_snapshot_and_the_failback_does_not_wait_for_ever() -> None:
    with away(group("app"), boots=SLOW_SNAPSHOTS) as (here, _):
        [volume] = sorted(holding(fail_back(here), "ORIGINAL"))[:1]
        early = fail_back(here, "early", removeVolumes=[volume])
        assert early.status == "COMPLETED"
        [found] = findings(early, "VOLUME_NOT_REMOVED")
        assert "its snapshot" in found
        assert volume in volumes(here, ORIGIN)
        here.cloud.advance(2 * 3600)
        late = fail_back(here, "late", removeVolumes=[volume])
        assert removed(late)[volume]["snapshotId"] in snapshots(here, ORIGIN)
        assert len(snapshots(here, ORIGIN)) == 1, "the same one"
        assert volume not in volumes(here, ORIGIN)


def test_without_the_policy_no_snapshot_is_taken() -> None:
    with away(group("app"), policies={"failback": {"snapshotBeforeRemoval": False}}) as (here, _):
        [volume, *_] = sorted(holding(fail_back(here), "ORIGINAL"))
        run = fail_back(here, "named", removeVolumes=[volume])
        assert removed(run)[volume]["snapshotId"] is None
        assert volume not in volumes(here, ORIGIN)
        assert snapshots(here, ORIGIN) == {}


@pytest.mark.parametrize("whose", ["of no server", "of another server"])
def test_a_volume_that_no_launch_detached_is_left_alone_whatever_is_named(whose: str) -> None:
    with away() as (here, _):
        zone = here.ec2(ORIGIN).describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
        victim = here.ec2(ORIGIN).create_volume(Size=8, AvailabilityZone=zone)["VolumeId"]
        if whose != "of no server":
            [victim, *_] = [v for _, v in here.instances(ORIGIN)[original(here, "app-1")]["volumes"]]
        run = fail_back(here, removeVolumes=[victim], servers=["app-2"])
        assert run.outcomes == {"app-2": "RECOVERED"}
        [found] = findings(run, "VOLUME_NOT_REMOVED")
        assert victim in found
        assert victim in volumes(here, ORIGIN)
        assert removed(run) == {}


def test_what_users_wrote_before_an_undo_is_named_and_stays() -> None:
    with two() as here:
        own = attached(here)
        run, written = undone(here)
        assert run.outcomes == {"app": "RETURNED", "web": "SKIPPED"}
        assert attached(here) == own
        assert {v["volumeId"] for v in run.server("app")["attachedVolumes"]} == own
        assert holding(run, "WORKLOAD") == written
        assert len(holding(run, "COPY")) == 1, "of the server that was launched and never started"
        assert holding(run, "TARGET") == set(), "their own are attached again"
        assert "what users wrote on the recovery side" in run.summary

        assert here.run("out").status == "COMPLETED"
        back = fail_back(here, removeDetachedVolumes=True)
        assert back.status == "COMPLETED"
        assert written <= volumes(here)
        assert written <= holding(back, "WORKLOAD")


def test_a_target_that_keeps_what_users_wrote_is_no_mere_target_at_the_next_failover() -> None:
    with two(policies={"drill": {"volumes": "KEEP"}}) as here:
        _, written = undone(here)
        assert attached(here) == written
        run = here.run("out")
        assert run.status == "COMPLETED", run.summary
        assert written <= holding(run, "WORKLOAD")
        fail_back(here, removeDetachedVolumes=True)
        assert written <= volumes(here)


def test_a_dry_run_says_what_earlier_launches_left_and_what_it_costs() -> None:
    with away(group("app")) as (here, _):
        back = fail_back(here)
        dry = here.run("dry", dryRun=True)
        assert dry.report["detachedVolumes"] == back.report["detachedVolumes"]
        assert dry.report["detachedVolumesCostPerMonthUsd"] > 0
        assert "Detached volumes" in dry.summary


def test_names_of_volumes_are_of_a_failback_only() -> None:
    with stage(group("app")) as here:
        run = here.run(removeVolumes=["vol-0123456789abcdef0"])
        assert "removeVolumes" in run.report["reason"]
