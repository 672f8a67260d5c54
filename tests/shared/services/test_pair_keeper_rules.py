"""What is remembered of a pair: the side that runs by direction, nothing that was known is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.model.drs import SourceServer
from shared.model.pair import PairRecord
from shared.model.policies import Mode
from shared.model.scope import Scope
from shared.model.server import DetachedVolume, ServerRecord, VolumeContent
from shared.model.status import Protection, ServerStatus
from shared.rules.launch.polling import step_wait
from shared.services.pair_keeper import kept_pair
from shared.times import iso

ORIGIN, RECOVERY = Scope("111122223333", "us-east-1"), Scope("444455556666", "us-east-2")
OUT = ServerRecord(
    source_server_id="s-1",
    name="web-1",
    scope=RECOVERY,
    site="main",
    status=ServerStatus.RECOVERED,
    original_instance_id="i-origin",
    pair_instance_id="i-away",
    private_ip_after="10.2.0.1",
    original_private_ip="10.1.0.1",
    verified_at="2026-01-01T01:00:00Z",
)
BACK = replace(
    OUT,
    scope=ORIGIN,
    pair_instance_id="i-origin",
    private_ip_after="10.1.0.1",
    failback=replace(
        OUT.failback,
        workload_instance_id="i-away",
        workload_scope=RECOVERY,
        workload_private_ip="10.2.0.1",
        reversed_server_id="s-2",
    ),
    verified_at="2026-01-02T01:00:00Z",
)
SOURCE = SourceServer(
    source_server_id="s-1",
    arn="",
    name="web-1",
    scope=RECOVERY,
    site="main",
    hostname=None,
    original_instance_id="i-origin",
    origin_account=ORIGIN.account,
    origin_region=ORIGIN.region,
    platform="linux",
    replication_state="CONTINUOUS",
    lag_seconds=0.0,
    agent_version=None,
    staging_account=RECOVERY.account,
)


def volume(name: str, scope: Scope = RECOVERY) -> DetachedVolume:
    return DetachedVolume(name, "i-x", "/dev/sda1", scope, 8, "gp3", "execution", VolumeContent.TARGET)


def keep(
    pair: PairRecord | None,
    server: ServerRecord,
    mode: Mode,
    *removed: str,
    by: str = "",
    moved: bool = False,
) -> PairRecord | None:
    return kept_pair(
        pair, server, SOURCE, mode=mode, execution_id=by or mode.value, moved_since=moved, removed=removed
    )


def test_round_after_round_the_pair_is_as_before() -> None:
    first = keep(None, replace(OUT, detached_volumes=(volume("vol-1"),)), Mode.FAILOVER)
    assert first is not None
    assert (first.workload_side, first.scope, first.pair_instance_id) == ("RECOVERY", RECOVERY, "i-away")
    assert (first.original_scope, first.staging_account) == (ORIGIN, RECOVERY.account)
    back = keep(first, replace(BACK, detached_volumes=(volume("vol-2", ORIGIN),)), Mode.FAILBACK)
    assert back is not None
    assert (back.workload_side, back.last_failover, back.last_failback) == ("ORIGIN", "FAILOVER", "FAILBACK")
    assert (first.moved_by, back.moved_by) == ("FAILOVER", "FAILBACK")
    assert [v.volume_id for v in back.detached_volumes] == ["vol-1", "vol-2"]
    assert keep(back, BACK, Mode.FAILBACK) == back, "repeating it is harmless"
    later = "2026-01-03T01:00:00Z"
    again = keep(back, replace(OUT, verified_at=later), Mode.FAILOVER, by="again")
    assert again == replace(
        back,
        workload_side="RECOVERY",
        last_failover="again",
        last_failover_at=later,
        moved_by="again",
        reversed_server_id=None,
    )
    retired = replace(BACK, failback=replace(BACK.failback, protection=Protection.RETIRED))
    done = keep(first, retired, Mode.FAILBACK)
    assert (back.reversed_server_id, done and done.reversed_server_id) == ("s-2", None)


def test_a_clock_that_jumped_back_keeps_no_server_away() -> None:
    out = keep(None, OUT, Mode.FAILOVER)
    back = keep(out, replace(BACK, verified_at="2025-12-31T23:00:00Z"), Mode.FAILBACK)
    assert back is not None
    assert back.workload_side == "ORIGIN"


def test_an_execution_that_is_closed_late_does_not_undo_what_came_after_it() -> None:
    back = keep(keep(None, OUT, Mode.FAILOVER), BACK, Mode.FAILBACK)
    assert back is not None
    late = replace(OUT, detached_volumes=(volume("vol-9"),))
    assert keep(back, late, Mode.FAILOVER, moved=True) == replace(back, detached_volumes=(volume("vol-9"),))
    away = keep(back, OUT, Mode.FAILOVER, by="again")
    assert keep(away, BACK, Mode.FAILBACK, moved=True) == away
    put_back = replace(OUT, drill=replace(OUT.drill, cleaned_up_at="2026-01-01T02:00:00Z"))
    assert keep(away, put_back, Mode.FAILOVER, moved=True) == away


def test_a_server_that_was_put_back_is_at_origin_by_the_execution_that_undid_it() -> None:
    out = keep(None, OUT, Mode.FAILOVER)
    undone = keep(
        out, replace(OUT, drill=replace(OUT.drill, cleaned_up_at="2026-01-01T02:00:00Z")), Mode.FAILOVER
    )
    assert undone is not None
    assert (undone.workload_side, undone.moved_by) == ("ORIGIN", "FAILOVER")


def test_a_pair_without_a_record_is_made_on_the_failback() -> None:
    pair = keep(None, BACK, Mode.FAILBACK)
    assert pair is not None
    assert (pair.scope, pair.pair_instance_id, pair.private_ip) == (RECOVERY, "i-away", "10.2.0.1")
    assert (pair.original_scope, pair.original_instance_id, pair.original_private_ip) == (
        ORIGIN,
        "i-origin",
        "10.1.0.1",
    )


def test_a_server_that_was_failed_back_before_keeps_who_brought_it() -> None:
    out = keep(None, OUT, Mode.FAILOVER)
    back = keep(out, BACK, Mode.FAILBACK)
    later = kept_pair(
        back, replace(BACK, verified_at=None), SOURCE, mode=Mode.FAILBACK, execution_id="a-later-one"
    )
    assert later == back


def test_volumes_that_are_no_more_are_forgotten() -> None:
    out = keep(None, replace(OUT, detached_volumes=(volume("vol-1"), volume("vol-2"))), Mode.FAILOVER)
    left = keep(out, BACK, Mode.FAILBACK, "vol-1")
    assert left is not None
    assert [v.volume_id for v in left.detached_volumes] == ["vol-2"]


def test_a_drill_changes_no_side() -> None:
    assert keep(None, OUT, Mode.DRILL) is None
    back = keep(keep(None, OUT, Mode.FAILOVER), BACK, Mode.FAILBACK)
    assert back is not None
    drilled = keep(back, replace(OUT, detached_volumes=(volume("vol-3"),)), Mode.DRILL)
    assert drilled == replace(back, detached_volumes=(volume("vol-3"),))


@pytest.mark.parametrize(("waited", "seconds"), [(0, 15), (150, 15), (600, 60), (86_400, 120)])
def test_polls_come_soon_at_first_and_less_often_later(waited: int, seconds: int) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    began = iso(now - timedelta(seconds=waited))
    assert step_wait([None, began, iso(now - timedelta(days=2))], now) == seconds


def test_nothing_to_wait_for_is_looked_at_at_once() -> None:
    assert step_wait([], datetime(2026, 1, 2, tzinfo=UTC)) == 15
