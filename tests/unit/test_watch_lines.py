"""What ``watch`` says: a line for every change, and a view that fits them all."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from local.executions import Standing
from local.watch.events import duration, happened
from local.watch.snapshot import Snapshot
from local.watch.view import view
from shared.model import (
    ExecutionRecord,
    ExecutionStatus,
    JobRecord,
    LaunchOrder,
    Mode,
    Scope,
    ServerRecord,
    ServerStatus,
    WaveRecord,
    WaveStatus,
)

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


def test_the_first_look_tells_how_things_stand() -> None:
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


def test_jobs_and_the_end_of_waves_and_executions_are_told() -> None:
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
