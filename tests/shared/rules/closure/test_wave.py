"""What a wave's end makes of its open servers, of its record, and of its notification."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.model.policies import FailurePolicy
from shared.model.status import ServerStatus, WaveStatus
from shared.rules.closure.wave import WaveEnd, server_at_wave_end, wave_fields_at_end, wave_notification
from tests import makers

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
POLICY = FailurePolicy("STOP")


@pytest.mark.parametrize(
    ("values", "end", "status", "reason", "remedy"),
    [
        ({}, {"skipped": "data failed"}, ServerStatus.SKIPPED, "data failed", "run the plan again."),
        (
            {"status": ServerStatus.LAUNCHED, "pair_instance_id": "i-1"},
            {"skipped": "why"},
            ServerStatus.SKIPPED,
            "why",
            "i-1 has the recovered volumes and is stopped.",
        ),
        (
            {"status": ServerStatus.LAUNCHED, "pair_instance_id": "i-1", "started_by_drs": True},
            {"skipped": "why"},
            ServerStatus.SKIPPED,
            "why",
            "runs, since DRS started it.",
        ),
        ({}, {"failure": "Boom: x"}, ServerStatus.FAILED, "was READY: Boom: x", "Step Functions"),
        ({}, {"failure": "Boom", "not_started": "batch 2"}, ServerStatus.FAILED, "batch 2", "Step Functions"),
        ({}, {}, ServerStatus.FAILED, "no error recorded", "Step Functions"),
        ({"reason": "own", "remedy": "do it"}, {"failure": "x"}, ServerStatus.FAILED, "own", "do it"),
        (
            {"job_id": "drsjob-1", "pair_instance_id": "i-1"},
            {},
            ServerStatus.FAILED,
            "READY",
            "launched into by job drsjob-1",
        ),
    ],
)
def test_an_open_server_gets_its_outcome(
    values: dict[str, Any], end: dict[str, str], status: ServerStatus, reason: str, remedy: str
) -> None:
    server = server_at_wave_end(makers.record(1, **values), WaveEnd(NOW, **end))
    assert server.status is status
    assert reason in (server.reason or "")
    assert remedy in (server.remedy or "")


def test_a_launch_that_failed_is_not_said_to_have_launched() -> None:
    server = makers.record(1, status=ServerStatus.LAUNCH_FAILED, job_id="drsjob-1", reason="refused")
    assert "launched into by" not in (server_at_wave_end(server, WaveEnd(NOW)).remedy or "")


@pytest.mark.parametrize(
    ("statuses", "end", "expected"),
    [
        (["RECOVERED"], {}, WaveStatus.COMPLETED),
        (["RECOVERED"], {"failure": "Boom"}, WaveStatus.FAILED),
        (["SKIPPED"], {"skipped": "why"}, WaveStatus.SKIPPED),
        (["FAILED"], {}, WaveStatus.FAILED),
    ],
)
def test_a_wave_ends_as_its_servers_did(
    statuses: list[str], end: dict[str, str], expected: WaveStatus
) -> None:
    servers = [makers.record(n, status=ServerStatus(status)) for n, status in enumerate(statuses)]
    values = wave_fields_at_end(POLICY, servers, WaveEnd(NOW, **end))
    assert values["status"] is expected
    assert values["reason"] == (end.get("skipped") or end.get("failure"))
    assert values["ended_at"] == "2026-01-01T12:00:00Z"


@pytest.mark.parametrize(("second", "continues"), [("ann: not now", True), (None, False)])
def test_a_wave_of_servers_that_operators_skipped_lets_the_others_continue(
    second: str | None, continues: bool
) -> None:
    servers = [
        makers.record(1, status=ServerStatus.SKIPPED, skip="ann: not now"),
        makers.record(2, status=ServerStatus.SKIPPED, skip=second),
    ]
    values = wave_fields_at_end(POLICY, servers, WaveEnd(NOW))
    assert values["status"] is WaveStatus.SKIPPED
    assert values.get("dependents_continue", False) is continues


def test_the_notification_counts_names_and_shows_how_to_go_on() -> None:
    servers = [
        makers.record(1, status=ServerStatus.RECOVERED),
        makers.record(2, status=ServerStatus.FAILED, reason="it broke", remedy="mend it"),
    ]
    values = wave_fields_at_end(POLICY, servers, WaveEnd(NOW))
    text = wave_notification("execution-1", "data", servers, values, "control")
    assert "1 of 2 servers recovered, 1 failed" in text
    assert "app-2: it broke → mend it" in text
    assert "RETRY" in text
    done = wave_fields_at_end(POLICY, servers[:1], WaveEnd(NOW))
    assert "RETRY" not in wave_notification("execution-1", "data", servers[:1], done, "control")
