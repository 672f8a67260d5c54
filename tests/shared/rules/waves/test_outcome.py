"""What the policies make of results: of a wave, of an execution, of blocked and failed servers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.policies import FailurePolicy, Mode, OnBlocked, Policies
from shared.model.server import ServerRecord
from shared.model.status import ExecutionStatus, Protection, ServerStatus, WaveStatus
from shared.rules.waves.outcome import (
    BlockedDecision,
    Readiness,
    blocked_decision,
    dependency_verdict,
    execution_outcome,
    retryable,
    wave_outcome,
)
from tests.makers import record, wave

STOP = FailurePolicy("STOP")
CONTINUE = FailurePolicy("CONTINUE")
TWO = FailurePolicy("TOLERATE", tolerate_count=2)
QUARTER = FailurePolicy("TOLERATE", tolerate_percent=25.0)
LETTERS = {
    "R": ServerStatus.RECOVERED,
    "F": ServerStatus.FAILED,
    "S": ServerStatus.SKIPPED,
    "B": ServerStatus.BLOCKED,
    "L": ServerStatus.LAUNCHED,
}


def servers(letters: str) -> list[ServerRecord]:
    return [record(number, status=LETTERS[letter]) for number, letter in enumerate(letters)]


@pytest.mark.parametrize(
    ("policy", "letters", "expected"),
    [
        (STOP, "", WaveStatus.COMPLETED),
        (STOP, "RRR", WaveStatus.COMPLETED),
        (STOP, "RRL", WaveStatus.RUNNING),
        (STOP, "RRF", WaveStatus.FAILED),
        (STOP, "RFL", WaveStatus.FAILED),
        (STOP, "RRB", WaveStatus.COMPLETED_WITH_FAILURES),
        (STOP, "BB", WaveStatus.COMPLETED_WITH_FAILURES),
        (STOP, "SS", WaveStatus.SKIPPED),
        (STOP, "SB", WaveStatus.SKIPPED),
        (STOP, "RS", WaveStatus.COMPLETED_WITH_FAILURES),
        (CONTINUE, "RFF", WaveStatus.COMPLETED_WITH_FAILURES),
        (CONTINUE, "FFF", WaveStatus.COMPLETED_WITH_FAILURES),
        (CONTINUE, "BB", WaveStatus.COMPLETED_WITH_FAILURES),
        (CONTINUE, "FL", WaveStatus.RUNNING),
        (TWO, "RFF", WaveStatus.COMPLETED_WITH_FAILURES),
        (TWO, "RFFF", WaveStatus.FAILED),
        (TWO, "FFL", WaveStatus.RUNNING),
        (QUARTER, "RRRF", WaveStatus.COMPLETED_WITH_FAILURES),
        (QUARTER, "RRF", WaveStatus.FAILED),
        (QUARTER, "RRFB", WaveStatus.FAILED),
    ],
)
def test_the_status_of_a_wave(policy: FailurePolicy, letters: str, expected: WaveStatus) -> None:
    assert wave_outcome(policy, servers(letters)) is expected


POLICIES = st.sampled_from([STOP, CONTINUE, TWO, QUARTER])
RANK = {
    WaveStatus.COMPLETED: 0,
    WaveStatus.RUNNING: 0,
    WaveStatus.COMPLETED_WITH_FAILURES: 1,
    WaveStatus.FAILED: 2,
}


@given(policy=POLICIES, letters=st.text("RFBL", min_size=1, max_size=12), data=st.data())
def test_another_failure_never_makes_a_wave_appear_better(
    policy: FailurePolicy, letters: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(letters) - 1))
    if letters[place] in "LB":  # one that ends makes a wave final; that is no judgement
        return
    worse = letters[:place] + "F" + letters[place + 1 :]
    assert RANK[wave_outcome(policy, servers(worse))] >= RANK[wave_outcome(policy, servers(letters))]


@given(policy=POLICIES, letters=st.text("RFSB", max_size=12))
def test_a_wave_whose_servers_are_final_is_final(policy: FailurePolicy, letters: str) -> None:
    status = wave_outcome(policy, servers(letters))
    assert status.is_final
    assert (status is WaveStatus.COMPLETED) == (set(letters) <= {"R"})


@pytest.mark.parametrize(
    ("statuses", "readiness", "reason"),
    [
        ({}, Readiness.READY, None),
        ({"a": "COMPLETED", "b": "COMPLETED_WITH_FAILURES"}, Readiness.READY, None),
        ({"a": "COMPLETED", "b": "RUNNING"}, Readiness.WAIT, "b"),
        ({"a": "PLANNED", "b": "PLANNED"}, Readiness.WAIT, "a and b"),
        ({"a": "FAILED", "b": "RUNNING"}, Readiness.SKIP, "a is FAILED"),
        ({"a": "COMPLETED", "b": "SKIPPED"}, Readiness.SKIP, "b is SKIPPED"),
    ],
)
def test_a_wave_goes_on_when_those_it_depends_on_are_done(
    statuses: dict[str, str], readiness: Readiness, reason: str | None
) -> None:
    others = [wave(name, status=WaveStatus(status)) for name, status in statuses.items()]
    own = wave("own", *statuses)
    verdict = dependency_verdict(own, [*others, own, wave("unrelated", status=WaveStatus.FAILED)])
    assert verdict.readiness is readiness
    assert (reason or "") in (verdict.reason or "")
    assert (verdict.reason is None) == (reason is None)


@pytest.mark.parametrize(
    ("waves", "letters", "expected"),
    [
        (["COMPLETED"], "RR", ExecutionStatus.COMPLETED),
        (["COMPLETED", "RUNNING"], "RR", ExecutionStatus.RUNNING),
        (["COMPLETED", "COMPLETED_WITH_FAILURES"], "RF", ExecutionStatus.COMPLETED_WITH_FAILURES),
        (["COMPLETED"], "RB", ExecutionStatus.COMPLETED_WITH_FAILURES),
        (["COMPLETED", "FAILED"], "RF", ExecutionStatus.FAILED),
        (["COMPLETED", "SKIPPED"], "RS", ExecutionStatus.FAILED),
        (["COMPLETED_WITH_FAILURES"], "FF", ExecutionStatus.FAILED),
        ([], "", ExecutionStatus.FAILED),
    ],
)
def test_the_status_of_an_execution(waves: list[str], letters: str, expected: ExecutionStatus) -> None:
    records = [wave(f"w{place}", status=WaveStatus(status)) for place, status in enumerate(waves)]
    assert execution_outcome(records, servers(letters)) is expected


R = Protection.RETIRED


@pytest.mark.parametrize(
    ("waves", "letters", "protection", "expected"),
    [
        (["COMPLETED"], "RR", (R, R), ExecutionStatus.COMPLETED),
        (["COMPLETED"], "RR", (R, Protection.PROTECTED), ExecutionStatus.COMPLETED_WITH_FAILURES),
        (["COMPLETED"], "RR", (R, Protection.UNPROTECTED), ExecutionStatus.COMPLETED_WITH_FAILURES),
        (["COMPLETED"], "RR", (R, None), ExecutionStatus.COMPLETED_WITH_FAILURES),
        (["COMPLETED_WITH_FAILURES"], "RF", (R, None), ExecutionStatus.COMPLETED_WITH_FAILURES),
        (["COMPLETED", "SKIPPED"], "RS", (R, None), ExecutionStatus.COMPLETED_WITH_FAILURES),
        (["COMPLETED", "FAILED"], "RF", (R, None), ExecutionStatus.COMPLETED_WITH_FAILURES),
        (["FAILED"], "FS", (None, None), ExecutionStatus.FAILED),
        (["RUNNING"], "RL", (R, None), ExecutionStatus.RUNNING),
    ],
)
def test_a_failback_is_completed_when_everything_is_failed_back_protected_and_tidy(
    waves: list[str], letters: str, protection: tuple[Protection | None, ...], expected: ExecutionStatus
) -> None:
    records = [wave(f"w{place}", status=WaveStatus(status)) for place, status in enumerate(waves)]
    members = [
        replace(server, failback=replace(server.failback, protection=way))
        for server, way in zip(servers(letters), protection, strict=True)
    ]
    assert execution_outcome(records, members, mode=Mode.FAILBACK) is expected
    assert execution_outcome(records, members, mode=Mode.FAILBACK, blocked=True) is ExecutionStatus.BLOCKED


def test_a_drill_is_completed_when_it_is_cleaned_up() -> None:
    done = [wave("a", status=WaveStatus.COMPLETED)]
    clean = [record(1, status=ServerStatus.RECOVERED, cleaned_up_at="2026-01-01T11:00:00+00:00")]
    assert execution_outcome(done, clean, mode=Mode.DRILL) is ExecutionStatus.COMPLETED
    dirty = [*clean, record(2, status=ServerStatus.RECOVERED, clean_up_issue="It does not stop.")]
    assert execution_outcome(done, dirty, mode=Mode.DRILL) is ExecutionStatus.COMPLETED_WITH_FAILURES


def test_an_execution_that_was_cancelled_blocked_or_dry_reports_it() -> None:
    planned = [wave("a")]
    assert execution_outcome(planned, [], dry_run=True) is ExecutionStatus.COMPLETED
    assert execution_outcome(planned, [], dry_run=True, blocked=True) is ExecutionStatus.BLOCKED
    assert execution_outcome(planned, [], blocked=True, cancelled=True) is ExecutionStatus.CANCELLED


@pytest.mark.parametrize(
    ("on_blocked", "letters", "expected"),
    [
        (OnBlocked.STOP, "LL", BlockedDecision.PROCEED),
        (OnBlocked.STOP, "LB", BlockedDecision.BLOCKED),
        (OnBlocked.CONTINUE, "LB", BlockedDecision.PROCEED),
        (OnBlocked.CONTINUE, "BB", BlockedDecision.NOTHING_TO_DO),
        (OnBlocked.STOP, "", BlockedDecision.NOTHING_TO_DO),
    ],
)
def test_whether_to_go_on_after_the_checks(
    on_blocked: OnBlocked, letters: str, expected: BlockedDecision
) -> None:
    assert blocked_decision(Policies(on_blocked=on_blocked), servers(letters)) is expected


@pytest.mark.parametrize(
    ("status", "attempts", "retries", "expected"),
    [
        (ServerStatus.LAUNCH_FAILED, 1, 1, True),
        (ServerStatus.LAUNCH_FAILED, 2, 1, False),
        (ServerStatus.LAUNCH_FAILED, 1, 0, False),
        (ServerStatus.LAUNCH_FAILED, 5, 5, True),
        (ServerStatus.FAILED, 1, 1, False),
        (ServerStatus.LAUNCHED, 1, 1, False),
    ],
)
def test_a_failed_launch_is_tried_again_as_often_as_the_plan_says(
    status: ServerStatus, attempts: int, retries: int, expected: bool
) -> None:
    assert retryable(record(status=status, attempts=attempts), Policies(retries=retries)) is expected
