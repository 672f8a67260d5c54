"""To which moment servers were recovered, and how far behind their launch that was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.model.execution import JobRecord
from shared.rules.report.recovered_to import oldest_and_median, recovered_to_of
from tests.makers import RECOVERY, record

Entry = dict[str, object]
BEGIN = "2030-01-01T12:00:00Z"
JOB = JobRecord("drsjob-1", RECOVERY, "all", 1, 1, "COMPLETED", BEGIN, 3)


@pytest.mark.parametrize(
    ("moment", "job", "lag"),
    [
        ("2030-01-01T11:59:15Z", "drsjob-1", 45.0),
        ("2030-01-01T12:00:30Z", "drsjob-1", 0.0),  # a snapshot that the job took
        ("2030-01-01T11:59:15Z", "drsjob-other", None),
        (None, "drsjob-1", None),
    ],
)
def test_the_lag_is_that_of_the_snapshot_at_the_start_of_its_job(
    moment: str | None, job: str, lag: float | None
) -> None:
    server = replace(record(), recovered_to=moment, job_id=job)
    assert recovered_to_of(server, {JOB.job_id: JOB}) == {"recoveredTo": moment, "lagAtLaunchSeconds": lag}


def test_the_oldest_is_named_and_only_what_was_recovered_counts() -> None:
    def entry(name: str, moment: str | None, lag: float | None, status: str = "RECOVERED") -> Entry:
        return {"name": name, "recoveredTo": moment, "lagAtLaunchSeconds": lag, "status": status}

    entries = [
        entry("a", "2030-01-01T11:59:15Z", 45.0),
        entry("b", "2030-01-01T11:00:00Z", 3600.0),
        entry("c", "2030-01-01T11:59:50Z", 10.0),
        entry("d", "2029-01-01T00:00:00Z", 99.0, "FAILED"),
        entry("e", None, None),
    ]
    assert oldest_and_median(entries) == {
        "oldest": "2030-01-01T11:00:00Z",
        "oldestServer": "b",
        "worstLagSeconds": 3600.0,
        "medianLagSeconds": 45.0,
    }
    assert oldest_and_median(entries[3:]) is None
