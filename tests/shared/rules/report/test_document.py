"""A report conforms to its schema whatever happened, and its summary says first what went wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.execution import JobRecord
from shared.model.finding import Finding, Severity
from shared.model.policies import LaunchOrder, Mode
from shared.model.server import DetachedVolume, RemovedVolume, ServerRecord, VolumeContent
from shared.model.status import ExecutionStatus, Protection, ServerStatus, WaveStatus
from shared.rules.matching.instance_matcher import Proposal
from shared.rules.plan.contracts import problems
from shared.rules.plan.parsing import parse_plan
from shared.rules.report.document import CANNOT_PROVE, ReportFacts, build_report
from shared.rules.report.markdown import duration
from shared.rules.report.summary import summarize
from tests.makers import ELSEWHERE, RECOVERY, execution, instance_id, plan_document, record, server_id, wave

PLAN = parse_plan(plan_document())
LONELY = Finding("TARGET_UNUSED", Severity.WARNING, "No server has this name.", "Correct its Name tag.")
ITEM = ("name", "sourceServerId", "pairInstanceId", "recoveryInstanceId", "privateIpBefore", "privateIpAfter")
OUTCOME = ("wave", "status", "attempts", "reason", "remedy", "launchedAt", "verifiedAt")


def job_record(job_id: str, wave_name: str, batch: int = 1, attempt: int = 1) -> JobRecord:
    return JobRecord(job_id, RECOVERY, wave_name, batch, attempt, "COMPLETED", "2026-01-01T10:01:00+00:00", 3)


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
        ReportFacts(
            execution(status=ExecutionStatus.FAILED, reason="The wave data failed.", remedy="Mend it."),
            PLAN,
            waves,
            servers,
            [
                job_record("drsjob-2", "data", attempt=2),
                job_record("drsjob-1", "data"),
                job_record("x", "other"),
            ],
            unmatched_targets={instance_id(9): LONELY},
            proposals=[Proposal(server_id(4), instance_id(9), 1)],
            findings=[Finding("QUOTA_JOBS", Severity.WARNING, "20 of 20.", "Nothing.")],
        )
    )


def test_a_report_conforms_to_its_schema_and_has_every_field_that_was_promised() -> None:
    report = troubled()
    assert problems(report, "report") == ()
    assert {*ITEM, *OUTCOME} <= set(report["servers"][0])
    assert report["durationSeconds"] == 1205.0
    count = {"recovered": 2, "returned": 0, "failed": 1, "skipped": 1, "blocked": 1, "leftOut": 0}
    assert report["totals"] == {"servers": 6, **count}


def test_the_summary_has_one_row_for_each_kind_of_target_left_over() -> None:
    report = build_report(
        ReportFacts(
            execution(), PLAN, [], [], [], unmatched_targets={instance_id(n): LONELY for n in range(5)}
        )
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
        ReportFacts(
            execution(status=ExecutionStatus.FAILED, ended_at=None, reason="There is no plan erp."),
            None,
            [],
            [],
            [],
        )
    )
    assert problems(report, "report") == ()
    assert report["durationSeconds"] is None
    assert "There is no plan erp." in summarize(report)
    assert "to now" in summarize(report)


def dry() -> dict[str, Any]:
    servers = [
        record(1, wave="application", batch=1),
        record(2, wave="data", batch=1),
        record(3, wave="data", batch=2, scope=ELSEWHERE),
        record(4, wave="data", status=ServerStatus.BLOCKED),
    ]
    waves = [wave("data"), wave("application", "data")]
    return build_report(ReportFacts(execution(dry_run=True, estimate_seconds=1500), PLAN, waves, servers, []))


def test_a_dry_run_says_what_it_would_do() -> None:
    report = dry()
    assert problems(report, "report") == ()
    assert report["planOfAction"]["waves"] == [
        {
            "name": "data",
            "startsAfter": [],
            "jobs": [
                {"batch": 1, "scope": str(RECOVERY), "servers": ["app-2"]},
                {"batch": 2, "scope": str(ELSEWHERE), "servers": ["app-3"]},
            ],
        },
        {
            "name": "application",
            "startsAfter": ["data"],
            "jobs": [{"batch": 1, "scope": str(RECOVERY), "servers": ["app-1"]}],
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
    summary = summarize(build_report(ReportFacts(execution(), PLAN, [wave("data")], servers, [])))
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
        "## Similar names",
        "## Waves",
        "## Servers",
        "## Next",
    ]
    assert r"| app-3 | data | FAILED | CONVERSION_FAIL: a \| b | Mend it. |" in summary
    assert "| app-4 |  | BLOCKED | No target. | Create it. |" in summary
    assert "10.1.0.10 → 10.1.0.99" in summary
    assert "20 min 5 s" in summary


def test_a_clean_run_has_no_section_about_issue() -> None:
    summary = summarize(build_report(ReportFacts(execution(), PLAN, [wave("data")], [recovered(1)], [])))
    assert "went wrong" not in summary
    assert "Also found" not in summary
    assert "Every server is recovered and verified." in summary


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("status", ExecutionStatus)
def test_every_status_has_a_next_step(status: ExecutionStatus, mode: Mode) -> None:
    summary = summarize(build_report(ReportFacts(execution(status=status, mode=mode), PLAN, [], [], [])))
    assert len(summary.split("## Next\n\n")[1]) > 10


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.6, "1 min"), (3600, "1 h"), (3725.2, "1 h 2 min 5 s")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def returned(number: int, **changes: Any) -> ServerRecord:
    values: dict[str, Any] = {
        "original_instance_id": instance_id(number),
        "workload_instance_id": instance_id(500 + number),
        "workload_private_ip": "10.2.0.10",
        "reversed_server_id": server_id(9000 + number),
        "bytes_total": 8 * 2**30,
        "bytes_replicated": 8 * 2**30,
        "reverse_requested_at": "2026-01-01T10:01:00+00:00",
        "replicated_at": f"2026-01-01T10:0{number + 4}:00+00:00",
        "workload_stop_requested_at": f"2026-01-01T10:1{number}:00+00:00",
        "workload_stopped_at": f"2026-01-01T10:1{number}:30+00:00",
        "reprotect_requested_at": "2026-01-01T10:21:00+00:00",
        "protected_at": f"2026-01-01T10:3{number}:00+00:00",
        "protection": Protection.RETIRED,
        "retired_at": "2026-01-01T10:50:00+00:00",
        "detached_volumes": (volume(f"vol-{number}", number),),
    }
    server: ServerRecord = recovered(number, **(values | changes))
    return server


def volume(volume_id: str, number: int, size: int = 100) -> DetachedVolume:
    return DetachedVolume(
        volume_id,
        instance_id(number),
        "/dev/xvda",
        RECOVERY,
        size,
        "gp3",
        "execution-0",
        VolumeContent.TARGET,
    )


def failed_back(*servers: ServerRecord, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"mode": Mode.FAILBACK, **changes}
    return build_report(
        ReportFacts(
            execution(**values),
            PLAN,
            [wave("data", status=WaveStatus.COMPLETED)],
            servers,
            [],
            detached_volumes=[volume("vol-old", 1, 50), volume("vol-missing", 1)],
            removed_volumes=[
                RemovedVolume(
                    "vol-missing", instance_id(1), VolumeContent.TARGET, "2026-01-01T10:00:00+00:00"
                )
            ],
        )
    )


def test_the_report_of_a_failback_says_how_long_each_part_took() -> None:
    report = failed_back(returned(1), returned(2))
    assert problems(report, "report") == ()
    assert report["reverseReplicationSeconds"] == 300.0
    assert report["cutoverSeconds"] == 540.0
    assert report["reprotectSeconds"] == 660.0
    first = report["servers"][0]
    assert first["outageSeconds"] == 540.0
    assert (first["workloadInstanceId"], first["originalPrivateIp"]) == (instance_id(501), "10.1.0.10")
    assert (first["protection"], first["retiredAt"]) == ("RETIRED", "2026-01-01T10:50:00+00:00")
    summary = summarize(report)
    assert "- copied to the origin in 5 min, outage 9 min, protected again in 11 min" in summary
    assert "- 2 of 2 failed back, 2 protected, 2 with the recovery side as before the disaster" in summary
    assert f"| app-1 | {instance_id(501)} | {instance_id(1)} | 9 min | RETIRED |" in summary
    assert "the next failover can start at once" in summary


def test_what_was_not_reached_has_no_duration() -> None:
    report = failed_back(record(1, status=ServerStatus.BLOCKED), status=ExecutionStatus.BLOCKED)
    assert problems(report, "report") == ()
    for part in ("reverseReplicationSeconds", "cutoverSeconds", "reprotectSeconds"):
        assert report[part] is None
    assert report["servers"][0]["outageSeconds"] is None


def test_volumes_left_behind_are_listed_once_with_their_cost_and_without_those_removed() -> None:
    report = failed_back(returned(1), returned(2))
    assert [v["volumeId"] for v in report["detachedVolumes"]] == ["vol-1", "vol-old", "vol-2"]
    assert report["detachedVolumes"][0]["costPerMonthUsd"] == 8.0
    assert report["detachedVolumesCostPerMonthUsd"] == 20.0
    summary = summarize(report)
    content = "what the target had before the failover"
    assert f"| {instance_id(1)} | {RECOVERY} | vol-1, vol-old | {content} | 150 | 12.00 |" in summary
    assert "Together about USD 20.00 a month" in summary
    assert "removeDetachedVolumes: true" in summary
    assert "may be the only copy" not in summary
    assert "vol-missing | i-00000000000000001 | what the target had" in summary


def test_a_server_that_is_at_the_origin_and_not_protected_is_named_with_reason_and_remedy() -> None:
    bare = returned(
        1,
        protection=Protection.UNPROTECTED,
        protection_reason="The agent did not check in.",
        protection_remedy="Check its instance profile.",
    )
    report = failed_back(bare, returned(2), status=ExecutionStatus.COMPLETED_WITH_FAILURES)
    summary = summarize(report)
    assert "## Failed back, but not protected" in summary
    assert (
        f"| app-1 | {instance_id(1)} | The agent did not check in. | Check its instance profile. |" in summary
    )
    assert "cannot fail over" in summary


def test_an_override_is_reported_with_its_reason_and_its_servers() -> None:
    found = Finding("ROUTE_MISSING", Severity.WARNING, "No route. Overridden: endpoints", "Add one.")
    request = {"overrides": [{"check": "ROUTE_MISSING", "reason": "endpoints"}]}
    report = failed_back(returned(1, findings=(found,)), returned(2), request=request)
    assert problems(report, "report") == ()
    assert report["overrides"] == [{"check": "ROUTE_MISSING", "reason": "endpoints", "servers": ["app-1"]}]
    assert "| ROUTE_MISSING | endpoints | app-1 |" in summarize(report)


def test_a_drill_says_what_it_cannot_prove_and_what_is_not_as_before() -> None:
    servers = [
        recovered(1, job_id="drsjob-1", cleaned_up_at="2026-01-01T10:19:00+00:00"),
        recovered(2, job_id="drsjob-1", clean_up_issue="It does not stop."),
        record(3, status=ServerStatus.BLOCKED),
    ]
    report = build_report(
        ReportFacts(
            execution(mode=Mode.DRILL, status=ExecutionStatus.COMPLETED_WITH_FAILURES), PLAN, [], servers, []
        )
    )
    assert problems(report, "report") == ()
    assert {server["name"]: server["cleanedUp"] for server in report["servers"]} == {
        "app-1": True,
        "app-2": False,
        "app-3": None,
    }
    assert report["cannotProve"] == list(CANNOT_PROVE)
    summary = summarize(report)
    assert "- 1 of 2 launched servers cleaned up" in summary
    assert f"| app-2 | {instance_id(2)} | It does not stop. |" in summary
    assert "## What a drill cannot prove\n\n- That" in summary


def test_a_failover_has_nothing_of_failbacks_and_drills_in_its_report() -> None:
    report = troubled()
    assert "cannotProve" not in report
    assert "cutoverSeconds" not in report
    assert "protection" not in report["servers"][0]


OPTIONAL = st.none() | st.text(max_size=20)


@given(
    statuses=st.lists(st.sampled_from(list(ServerStatus)), max_size=6),
    waves=st.lists(st.sampled_from(list(WaveStatus)), max_size=2),
    status=st.sampled_from(list(ExecutionStatus)),
    mode=st.sampled_from(Mode),
    protection=st.sampled_from([None, *Protection]),
    order=st.sampled_from(list(LaunchOrder)),
    dry_run=st.booleans(),
    reason=OPTIONAL,
    data=st.data(),
)
def test_whatever_happened_the_report_conforms_and_can_be_summarized(
    statuses: list[ServerStatus],
    waves: list[WaveStatus],
    status: ExecutionStatus,
    mode: Mode,
    protection: Protection | None,
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
            batch=data.draw(st.none() | st.just(1)),
            paired_by=data.draw(st.sampled_from([None, "MANUAL", "NAME"])),
            reason=reason,
            remedy=data.draw(OPTIONAL),
            protection=protection,
            protection_reason=reason,
            clean_up_issue=reason,
            job_id=reason,
        )
        for number, server_status in enumerate(statuses)
    ]
    report = build_report(
        ReportFacts(
            execution(status=status, mode=mode, launch_order=order, dry_run=dry_run, reason=reason),
            data.draw(st.sampled_from([None, PLAN])),
            [wave(f"w{place}", status=wave_status) for place, wave_status in enumerate(waves)],
            servers,
            [job_record("drsjob-1", "w0")],
        )
    )
    assert problems(report, "report") == ()
    assert report["totals"]["servers"] == len(servers) == len(report["servers"])
    summary = summarize(report)
    assert all(server["name"] in summary for server in report["servers"])
