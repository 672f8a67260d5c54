"""A job says nothing about its servers: each is judged by its own launch status and log."""

from __future__ import annotations

import pytest

from shared.rules.drs.drs_job_monitor import (
    LaunchResult,
    failure_reasons,
    launch_outcomes,
    servers_in_progress,
    unfinished,
)
from tests.makers import job, log_item, server_id


@pytest.mark.parametrize(
    ("job_status", "launch_status", "result", "reason"),
    [
        ("PENDING", None, LaunchResult.PENDING, None),
        ("STARTED", None, LaunchResult.PENDING, None),
        ("STARTED", "PENDING", LaunchResult.PENDING, None),
        ("STARTED", "IN_PROGRESS", LaunchResult.PENDING, None),
        ("STARTED", "LAUNCHED", LaunchResult.LAUNCHED, None),
        ("STARTED", "FAILED", LaunchResult.FAILED, "could not launch"),
        ("COMPLETED", "LAUNCHED", LaunchResult.LAUNCHED, None),
        ("COMPLETED", "FAILED", LaunchResult.FAILED, "could not launch"),
        ("COMPLETED", "TERMINATED", LaunchResult.FAILED, "terminated"),
        ("COMPLETED", None, LaunchResult.FAILED, "no launch status"),
        ("COMPLETED", "PENDING", LaunchResult.FAILED, "no launch status"),
    ],
)
def test_a_server_is_judged_by_its_launch_status(
    job_status: str, launch_status: str | None, result: LaunchResult, reason: str | None
) -> None:
    outcome = launch_outcomes(job(job_status, (1, launch_status)))[server_id(1)]
    assert outcome.result is result
    assert (outcome.reason is None) == (reason is None)
    assert (reason or "") in (outcome.reason or "")


def test_one_bad_server_says_nothing_about_its_neighbours() -> None:
    outcomes = launch_outcomes(job("COMPLETED", (1, "LAUNCHED"), (2, "FAILED"), (3, "LAUNCHED")))
    assert [outcome.result.value for outcome in outcomes.values()] == ["LAUNCHED", "FAILED", "LAUNCHED"]


def test_the_raw_error_of_the_last_failure_is_the_reason() -> None:
    reasons = failure_reasons(
        [
            log_item("JOB_START", None),
            log_item("SNAPSHOT_FAIL", 1, "Failed to take snapshot"),
            log_item("CONVERSION_FAIL", 1, "Conversion failed"),
            log_item("LAUNCH_FAILED", 2),
            log_item("SERVER_SKIPPED", 3),
            log_item("CONVERSION_END", 4),
            log_item("SOMETHING_NEW", 5, "with an error"),
            log_item("JOB_END", None, "ignored"),
        ]
    )
    assert reasons == {
        server_id(1): "CONVERSION_FAIL: Conversion failed",
        server_id(2): "LAUNCH_FAILED, without an error text in the job log.",
        server_id(3): "SERVER_SKIPPED, without an error text in the job log.",
        server_id(5): "SOMETHING_NEW: with an error",
    }


def test_a_failed_clean_up_is_the_reason_only_when_there_is_no_other() -> None:
    items = [
        log_item("LAUNCH_FAILED", 1, "boom"),
        log_item("CLEANUP_FAIL", 1, "x"),
        log_item("CLEANUP_FAIL", 2, "y"),
    ]
    assert failure_reasons(items) == {server_id(1): "LAUNCH_FAILED: boom", server_id(2): "CLEANUP_FAIL: y"}


def test_a_server_that_was_launched_in_the_end_has_no_reason() -> None:
    items = [log_item("SNAPSHOT_FAIL", 1, "x"), log_item("USING_PREVIOUS_SNAPSHOT"), log_item("LAUNCH_END")]
    assert failure_reasons(items) == {}


def test_jobs_of_every_type_keep_their_servers_until_completed() -> None:
    jobs = [
        job("PENDING", (1, None)),
        job("STARTED", (2, None), type="TERMINATE"),
        job("COMPLETED", (3, None)),
    ]
    assert unfinished(jobs) == tuple(jobs[:2])
    assert servers_in_progress(jobs) == {server_id(1), server_id(2)}
