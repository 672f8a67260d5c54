"""What ``watch`` says: a line for every change, and a view that fits them all."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from local.cli.executions import Standing
from local.cli.watch.events import duration, happened, in_bytes
from local.cli.watch.replication import Pace, replication
from local.cli.watch.snapshot import Snapshot
from local.cli.watch.view import view
from shared.model.execution import ExecutionRecord, JobRecord, WaveRecord
from shared.model.policies import LaunchOrder, Mode
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.model.status import ExecutionStatus, Protection, ServerStatus, WaveStatus
from tests import makers

SCOPE = Scope("444455556666", "us-east-2")
EXECUTION = ExecutionRecord(
    execution_id="estate-1",
    plan_name="estate",
    mode=Mode.FAILOVER,
    status=ExecutionStatus.RUNNING,
    started_at="2026-01-01T00:00:00Z",
    dry_run=False,
    launch_order=LaunchOrder.TOGETHER,
    request={},
)


def server(number: int, status: ServerStatus, reason: str | None = None) -> ServerRecord:
    return ServerRecord(f"s-{number}", f"db-{number}", SCOPE, "east", status, wave="data", reason=reason)


def snapshot(*servers: ServerRecord, wave: WaveStatus = WaveStatus.RUNNING) -> Snapshot:
    return Snapshot(
        standing=Standing("RUNNING"),
        now=datetime(2026, 1, 1, 0, 12, 34, tzinfo=UTC),
        execution=EXECUTION,
        waves=(WaveRecord("data", (), wave),),
        servers=servers,
    )


def test_nothing_is_said_when_nothing_changed() -> None:
    now = snapshot(server(1, ServerStatus.LAUNCHING))

    assert happened(now, now) == []


def test_the_first_poll_shows_how_things_stand() -> None:
    lines = happened(None, snapshot(server(1, ServerStatus.READY), server(2, ServerStatus.LAUNCHING)))

    assert lines == [
        "execution estate-1 of plan estate has begun",
        "1 ready, 1 launching",
        "wave data RUNNING",
    ]


def test_a_failed_server_is_named_once_with_its_reason() -> None:
    before = snapshot(server(1, ServerStatus.LAUNCHING))
    after = snapshot(server(1, ServerStatus.FAILED, "no capacity"))

    assert happened(before, after) == ["db-1 FAILED: no capacity", "1 failed"]
    assert happened(after, after) == []


def test_jobs_and_the_end_of_waves_and_executions_are_shown() -> None:
    before = snapshot(server(1, ServerStatus.LAUNCHING))
    job = JobRecord("drsjob-1", SCOPE, "data", 1, 1, "STARTED", "2026-01-01T00:00:00Z", 1)
    begun = replace(before, jobs=(job,))
    ended = replace(
        begun,
        jobs=(replace(job, status="COMPLETED"),),
        waves=(WaveRecord("data", (), WaveStatus.COMPLETED),),
        execution=replace(EXECUTION, status=ExecutionStatus.COMPLETED),
    )

    assert happened(before, begun) == [
        "job drsjob-1 launches 1 servers of wave data in 444455556666/us-east-2"
    ]
    assert happened(begun, ended) == [
        "execution COMPLETED",
        "job drsjob-1 of wave data has ended",
        "wave data COMPLETED",
    ]


def test_simulated_time_runs_until_the_execution_has_ended() -> None:
    running = snapshot()
    over = replace(running, execution=replace(EXECUTION, ended_at="2026-01-01T00:01:00Z"))

    assert (running.simulated_seconds, over.simulated_seconds) == (754.0, 60.0)


def test_durations_read_as_people_say_them() -> None:
    assert [duration(seconds) for seconds in (0, 59.6, 754.2, 3725)] == [
        "0m00s",
        "1m00s",
        "12m34s",
        "1h02m05s",
    ]


def test_the_view_shows_waves_counts_times_and_what_happened_last() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    shown = snapshot(server(1, ServerStatus.RECOVERED), server(2, ServerStatus.LAUNCHING))

    console.print(view(shown, ["wave data RUNNING"], elapsed=42))

    text = console.export_text()
    assert "estate-1  RUNNING  12m34s simulated, 0m42s here" in text
    assert "data  running" in text
    assert "1/2" in text
    assert "1 launching, 1 recovered" in text
    assert "wave data RUNNING" in text


def reversing(number: int, done: int, **values: Any) -> ServerRecord:
    copied = {"bytes_total": 100_000_000_000, "bytes_replicated": done * 1_000_000_000}
    fields = {"reversed_server_id": f"s-back{number}", **copied, **values}
    return makers.changed(server(number, ServerStatus.REPLICATING), fields).after


def text_of(shown: Snapshot, width: int = 140) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(view(shown, [], elapsed=1))
    return console.export_text()


def test_bytes_read_as_people_say_them() -> None:
    assert [in_bytes(number) for number in (1_000, 20_400_000, 999_990_000, 10_483_000_000_000)] == [
        "1.0 kB",
        "20.4 MB",
        "1.0 GB",
        "10.5 TB",
    ]


def test_reverse_replication_is_shown_in_tenths_with_what_is_left() -> None:
    before = snapshot(reversing(1, 4), reversing(2, 8))
    same = snapshot(reversing(1, 6), reversing(2, 8))
    after = replace(snapshot(reversing(1, 40), reversing(2, 20)), seconds_left=840.0)

    assert happened(before, same) == []
    assert happened(same, after) == ["60.0 GB of 200.0 GB, 0 of 2 servers replicated, about 14m00s left"]


def test_a_stalled_server_is_named_once_with_its_reason() -> None:
    before = snapshot(reversing(1, 1))
    after = snapshot(reversing(1, 1, stalled_since="2026-01-01T00:00:00Z", reason="no route to 1500"))

    assert happened(before, after) == ["db-1 is stalled: no route to 1500"]
    assert happened(after, after) == []


def test_the_view_of_a_failback_shows_bytes_the_time_left_and_who_is_stalled() -> None:
    stalled = [
        reversing(n, 10, stalled_since="2026-01-01T00:00:00Z", reason="no route to 1500") for n in range(5)
    ]

    text = text_of(replace(snapshot(*stalled, reversing(7, 50)), seconds_left=60.0))

    assert "100.0 GB of 600.0 GB, 0 of 6 servers replicated, about 1m00s left" in text
    assert text.count("is stalled: no route to 1500") == 3
    assert "and 2 more are stalled" in text


def test_the_view_shows_how_far_servers_at_origin_are_protected() -> None:
    def failed_back(number: int, protection: Protection) -> ServerRecord:
        record = reversing(number, 100, protection=protection)
        return replace(record, status=ServerStatus.RECOVERED)

    shown = snapshot(failed_back(1, Protection.RESCANNING), failed_back(2, Protection.RETIRED))

    text = text_of(shown)
    assert "1 rescanning, 1 retired" in text
    assert "to the origin" not in text
    assert happened(snapshot(), shown)[-1] == "at the origin: 1 rescanning, 1 retired"


def test_a_server_that_stays_unprotected_is_named_with_its_reason() -> None:
    lost = replace(
        server(1, ServerStatus.RECOVERED),
        failback=replace(
            server(1, ServerStatus.RECOVERED).failback,
            protection=Protection.UNPROTECTED,
            protection_reason="the agent was not seen",
        ),
    )

    lines = happened(snapshot(server(1, ServerStatus.RECOVERED)), snapshot(lost))

    assert lines == ["db-1 UNPROTECTED: the agent was not seen", "at the origin: 1 unprotected"]


def test_the_time_left_follows_from_the_pace_of_the_records() -> None:
    pace, began = Pace(), datetime(2026, 1, 1, tzinfo=UTC)

    def left(minutes: float, done: int) -> float | None:
        return pace.seconds_left(began + timedelta(minutes=minutes), replication([reversing(1, done)]))

    assert left(0, 0) is None
    assert left(10, 20) == 2400.0
    assert left(11, 20) == 2340.0
    assert left(20, 20) == 1800.0
    assert pace.seconds_left(began, None) is None
