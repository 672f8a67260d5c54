"""A report conforms to its schema whatever happened, and its summary says first what went wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import problems
from shared.instance_matcher import Proposal
from shared.model import (
    ExecutionStatus,
    Finding,
    JobRecord,
    LaunchOrder,
    ServerStatus,
    Severity,
    WaveStatus,
)
from shared.plan import parse_plan
from shared.report import build_report, summarize
from shared.report_summary import duration
from tests.unit.makers import (
    ELSEWHERE,
    RECOVERY,
    execution,
    instance_id,
    plan_document,
    record,
    server_id,
    wave,
)

PLAN = parse_plan(plan_document())
LONELY = Finding("TARGET_UNUSED", Severity.WARNING, "No server has this name.", "Correct its Name tag.")
ITEM = ("name", "sourceServerId", "pairInstanceId", "recoveryInstanceId", "privateIpBefore", "privateIpAfter")
OUTCOME = ("wave", "status", "attempts", "reason", "remedy", "launchedAt", "verifiedAt")


def job_record(job_id: str, wave_name: str, lot: int = 1, attempt: int = 1) -> JobRecord:
    return JobRecord(job_id, RECOVERY, wave_name, lot, attempt, "COMPLETED", "2026-01-01T10:01:00+00:00", 3)


def recovered(number: int, wave_name: str = "data", **changes: Any) -> Any:
    return record(
        number,
        **{
            "status": ServerStatus.RECOVERED,
            "wave": wave_name,
            "pair_instance_id": instance_id(number),
            "recovery_instance_id": instance_id(number),
            "private_ip_before": "10.1.0.10",
            "private_ip_after": "10.1.0.10",
            "attempts": 1,
            "launched_at": "2026-01-01T10:10:00+00:00",
            "verified_at": "2026-01-01T10:20:00+00:00",
            **changes,
        },
    )


def troubled() -> dict[str, Any]:
    """Two recovered, one failed, one blocked, one skipped, one without an outcome."""
    servers = [
        recovered(1),
        recovered(2, "application", private_ip_after="10.1.0.99"),
        record(
            3, status=ServerStatus.FAILED, wave="data", reason="CONVERSION_FAIL: a | b", remedy="Mend\nit."
        ),
        record(4, status=ServerStatus.BLOCKED, reason="No target.", remedy="Create it.", findings=(LONELY,)),
        record(
            5, status=ServerStatus.SKIPPED, wave="application", reason="data is FAILED", remedy="Mend data."
        ),
        record(6, status=ServerStatus.LAUNCHING, wave="data", reason="Still launching."),
    ]
    waves = [
        wave("application", "data", status=WaveStatus.SKIPPED, reason="It depends on data."),
        wave("data", status=WaveStatus.FAILED, servers=3),
    ]
    return build_report(
        execution(status=ExecutionStatus.FAILED, reason="The wave data failed.", remedy="Mend it."),
        PLAN,
        waves,
        servers,
        [job_record("drsjob-2", "data", attempt=2), job_record("drsjob-1", "data"), job_record("x", "other")],
        unmatched_targets={instance_id(9): LONELY},
        proposals=[Proposal(server_id(4), instance_id(9), 1)],
        findings=[Finding("QUOTA_JOBS", Severity.WARNING, "20 of 20.", "Nothing.")],
    )


def test_a_report_conforms_to_its_schema_and_has_every_field_that_was_promised() -> None:
    report = troubled()
    assert problems(report, "report") == ()
    assert {*ITEM, *OUTCOME} <= set(report["servers"][0])
    assert report["durationSeconds"] == 1205.0
    assert report["totals"] == {"servers": 6, "recovered": 2, "failed": 1, "skipped": 1, "blocked": 1}


def test_the_summary_has_one_row_for_each_kind_of_target_left_over() -> None:
    report = build_report(
        execution(), PLAN, [], [], [], unmatched_targets={instance_id(n): LONELY for n in range(5)}
    )
    summary = summarize(report)
    assert summary.count(LONELY.code) == 1
    assert "And 4 more like it" in summary
    assert len(report["unmatchedTargets"]) == 5


def test_waves_come_in_the_order_of_the_plan_and_servers_by_wave_and_name() -> None:
    report = troubled()
    assert [item["name"] for item in report["waves"]] == ["data", "application"]
    assert [item["name"] for item in report["servers"]] == [
        "app-1",
        "app-3",
        "app-6",
        "app-2",
        "app-5",
        "app-4",
    ]


def test_a_wave_names_its_own_jobs_in_the_order_of_their_attempts() -> None:
    data, application = troubled()["waves"]
    assert data["jobs"] == ["drsjob-1", "drsjob-2"]
    assert application["jobs"] == []
    assert application["dependsOn"] == ["data"]


def test_a_server_without_an_outcome_is_reported_as_far_as_it_came() -> None:
    [server] = [server for server in troubled()["servers"] if server["name"] == "app-6"]
    assert (server["status"], server["reason"]) == ("LAUNCHING", "Still launching.")


def test_an_execution_that_failed_before_its_plan_was_loaded_has_a_report_too() -> None:
    report = build_report(
        execution(status=ExecutionStatus.FAILED, ended_at=None, reason="There is no plan erp."),
        None,
        [],
        [],
        [],
    )
    assert problems(report, "report") == ()
    assert report["durationSeconds"] is None
    assert "There is no plan erp." in summarize(report)
    assert "to now" in summarize(report)


def dry() -> dict[str, Any]:
    servers = [
        record(1, wave="application", lot=1),
        record(2, wave="data", lot=1),
        record(3, wave="data", lot=2, scope=ELSEWHERE),
        record(4, wave="data", status=ServerStatus.BLOCKED),
    ]
    waves = [wave("data"), wave("application", "data")]
    return build_report(execution(dry_run=True, estimate_seconds=1500), PLAN, waves, servers, [])


def test_a_dry_run_says_what_it_would_do() -> None:
    report = dry()
    assert problems(report, "report") == ()
    assert report["planOfAction"]["waves"] == [
        {
            "name": "data",
            "startsAfter": [],
            "jobs": [
                {"lot": 1, "scope": str(RECOVERY), "servers": ["app-2"]},
                {"lot": 2, "scope": str(ELSEWHERE), "servers": ["app-3"]},
            ],
        },
        {
            "name": "application",
            "startsAfter": ["data"],
            "jobs": [{"lot": 1, "scope": str(RECOVERY), "servers": ["app-1"]}],
        },
    ]
    summary = summarize(report)
    assert "# Failover (dry run) of erp: COMPLETED" in summary
    assert "estimated: 25 min" in summary
    assert "| application | data | 1 | 444455556666/us-east-2 | app-1 |" in summary
    assert summary.endswith("Nothing was changed. Start it again without dryRun to carry this out.\n")


def test_a_real_run_has_no_plan_of_action() -> None:
    assert "planOfAction" not in troubled()


def test_the_summary_has_one_row_for_a_warning_that_many_servers_have() -> None:
    warning = Finding("STARTED_BY_DRS", Severity.WARNING, "DRS started it.", "Run it BY_WAVE.")
    servers = [replace(recovered(number), findings=(warning,)) for number in range(1, 13)]
    summary = summarize(build_report(execution(), PLAN, [wave("data")], servers, []))
    [row] = [line for line in summary.splitlines() if "STARTED_BY_DRS" in line]
    assert row.endswith("and 2 more | DRS started it. | Run it BY_WAVE. |")


def test_the_summary_says_first_what_went_wrong_and_what_to_do() -> None:
    summary = summarize(troubled())
    assert summary.startswith(
        "# Failover of erp: FAILED\n\n- 6 servers: 2 recovered, 1 failed, 1 skipped, 1 blocked"
    )
    headings = [line for line in summary.splitlines() if line.startswith("## ")]
    assert headings == [
        "## What went wrong",
        "## Also found",
        "## Warnings",
        "## Names that may be meant to be the same",
        "## Waves",
        "## Servers",
        "## Next",
    ]
    assert r"| app-3 | data | FAILED | CONVERSION_FAIL: a \| b | Mend it. |" in summary
    assert "| app-4 |  | BLOCKED | No target. | Create it. |" in summary
    assert "10.1.0.10 → 10.1.0.99" in summary
    assert "20 min 5 s" in summary


def test_a_clean_run_has_no_section_about_trouble() -> None:
    summary = summarize(build_report(execution(), PLAN, [wave("data")], [recovered(1)], []))
    assert "went wrong" not in summary
    assert "Also found" not in summary
    assert "Every server is recovered and verified." in summary


@pytest.mark.parametrize("status", ExecutionStatus)
def test_every_status_has_a_next_step(status: ExecutionStatus) -> None:
    summary = summarize(build_report(execution(status=status), PLAN, [], [], []))
    assert len(summary.split("## Next\n\n")[1]) > 10


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.6, "1 min"), (3600, "1 h"), (3725.2, "1 h 2 min 5 s")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


OPTIONAL = st.none() | st.text(max_size=20)


@given(
    statuses=st.lists(st.sampled_from(list(ServerStatus)), max_size=6),
    waves=st.lists(st.sampled_from(list(WaveStatus)), max_size=2),
    status=st.sampled_from(list(ExecutionStatus)),
    order=st.sampled_from(list(LaunchOrder)),
    dry_run=st.booleans(),
    reason=OPTIONAL,
    data=st.data(),
)
def test_whatever_happened_the_report_conforms_and_can_be_summarized(
    statuses: list[ServerStatus],
    waves: list[WaveStatus],
    status: ExecutionStatus,
    order: LaunchOrder,
    dry_run: bool,
    reason: str | None,
    data: st.DataObject,
) -> None:
    servers = [
        record(
            number,
            status=server_status,
            wave=data.draw(st.sampled_from([None, *(f"w{place}" for place in range(len(waves)))])),
            lot=data.draw(st.none() | st.just(1)),
            paired_by=data.draw(st.sampled_from([None, "MANUAL", "NAME"])),
            reason=reason,
            remedy=data.draw(OPTIONAL),
        )
        for number, server_status in enumerate(statuses)
    ]
    report = build_report(
        execution(status=status, launch_order=order, dry_run=dry_run, reason=reason),
        data.draw(st.sampled_from([None, PLAN])),
        [wave(f"w{place}", status=wave_status) for place, wave_status in enumerate(waves)],
        servers,
        [job_record("drsjob-1", "w0")],
    )
    assert problems(report, "report") == ()
    assert report["totals"]["servers"] == len(servers) == len(report["servers"])
    summary = summarize(report)
    assert all(server["name"] in summary for server in report["servers"])
