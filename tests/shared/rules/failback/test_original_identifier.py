"""The original of a server is what the record and AWS agree on, and the stage what both sides show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import Job, RecoveryInstance, SourceServer
from shared.model.ec2 import Instance
from shared.model.finding import Severity
from shared.model.pair import PairRecord
from shared.model.policies import StopWorkload
from shared.rules.checks.reverse_prerequisites import IDENTIFICATION_CODES, IDENTIFICATION_WARNINGS
from shared.rules.drs.drs_job_monitor import EXECUTION_TAG
from shared.rules.failback.contradictions import staging_account_issue
from shared.rules.failback.identity import IdentifyFacts, Stage, presumed_original
from shared.rules.failback.original_identifier import Identified, conflicts, identify
from tests.makers import ORIGIN, RECOVERY, instance, instance_id, job, record, server_id, source_server

A1, B3, OTHER = instance_id(1001), instance_id(1), instance_id(77)
A2 = server_id(9001)


def pair(**changes: Any) -> PairRecord:
    values: dict[str, Any] = {
        "source_server_id": server_id(1),
        "name": "app-1",
        "scope": RECOVERY,
        "pair_instance_id": B3,
        "original_instance_id": A1,
        "private_ip": "10.1.0.10",
        "original_private_ip": "10.0.0.10",
        "staging_account": RECOVERY.account,
        "workload_side": "RECOVERY",
        "last_failover": "execution-1",
        "original_scope": ORIGIN,
    }
    return PairRecord(**(values | changes))


def recovery_instance(**changes: Any) -> RecoveryInstance:
    values: dict[str, Any] = {
        "recovery_instance_id": B3,
        "ec2_instance_id": B3,
        "ec2_state": "RUNNING",
        "source_server_id": server_id(1),
        "job_id": "drsjob-1",
        "is_drill": False,
        "replication_state": "NOT_STARTED",
    }
    return RecoveryInstance(**(values | changes))


def failback_instance(**changes: Any) -> RecoveryInstance:
    own = {"recovery_instance_id": A1, "ec2_instance_id": A1, "source_server_id": A2, "job_id": JOB.job_id}
    return recovery_instance(**(own | changes))


def reversed_server(**changes: Any) -> SourceServer:
    values: dict[str, Any] = {
        "source_server_id": A2,
        "scope": ORIGIN,
        "original_instance_id": B3,
        "replication_direction": "FAILBACK",
        "staging_account": ORIGIN.account,
    }
    return source_server(1, **(values | changes))


def workload(**changes: Any) -> Instance:
    return instance(1, **({"state": "running"} | changes))


def original(**changes: Any) -> Instance:
    return instance(1001, **({"scope": ORIGIN, "private_ip": "10.0.0.10"} | changes))


JOB: Job = job("COMPLETED", scope=ORIGIN, tags={EXECUTION_TAG: "failback-1"})
RUNNING_JOB: Job = job("STARTED", scope=ORIGIN, tags={EXECUTION_TAG: "failback-1"})


def facts(**changes: Any) -> IdentifyFacts:
    """Failed over, nothing reversed yet."""
    values: dict[str, Any] = {
        "server": source_server(1, staging_account=RECOVERY.account),
        "pair": pair(),
        "recovery_instance": recovery_instance(),
        "workload": workload(),
        "original": original(),
        "origin": ORIGIN,
    }
    return IdentifyFacts(**(values | changes))


AT_ORIGIN = pair(workload_side="ORIGIN", last_failback="failback-1")
MISSING: dict[str, Any] = {"recovery_instance": None}
REPLICATES: RecoveryInstance = recovery_instance(replication_state="CONTINUOUS")
REVERSED: dict[str, Any] = {"reversed_server": reversed_server(), "recovery_instance": REPLICATES}
STOPPED: dict[str, Any] = {"workload": workload(state="stopped")}
LAUNCHED: dict[str, Any] = {**REVERSED, "failback_instance": failback_instance(), "earlier_job": JOB}
EARLIER: dict[str, Any] = {"earlier": record(1), "earlier_execution": "failback-1"}
RUNS_AT_ORIGIN: dict[str, Any] = {
    **LAUNCHED,
    **STOPPED,
    "pair": AT_ORIGIN,
    "original": original(state="running"),
}


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({}, Stage.TO_REVERSE),
        (REVERSED, Stage.REPLICATING),
        ({**REVERSED, "earlier_job": JOB}, Stage.REPLICATING),
        ({**REVERSED, **STOPPED, "earlier_job": RUNNING_JOB}, Stage.LAUNCHING),
        ({**LAUNCHED, **STOPPED}, Stage.LAUNCHED),
        ({**LAUNCHED, **STOPPED, **EARLIER}, Stage.LAUNCHED),
        # what was written since the launch must not be lost: launch anew
        (LAUNCHED, Stage.REPLICATING),
        (
            {**LAUNCHED, **STOPPED, **EARLIER, "earlier": record(1, workload_restarted_at="2026-01-01")},
            Stage.REPLICATING,
        ),
        (
            {**LAUNCHED, "workload": workload(state="stopped", launched_at="2026-01-01T10:02:00Z")},
            Stage.REPLICATING,
        ),
        (
            {**LAUNCHED, "workload": workload(state="stopped", launched_at="2026-01-01T10:00:00Z")},
            Stage.LAUNCHED,
        ),
        ({**LAUNCHED, **STOPPED, **EARLIER, "earlier_execution": "failback-2"}, Stage.REPLICATING),
        (
            {**LAUNCHED, **STOPPED, **EARLIER, "failback_instance": failback_instance(job_id="drsjob-0")},
            Stage.REPLICATING,
        ),
        (
            {**LAUNCHED, **STOPPED, "failback_instance": failback_instance(is_drill=True)},
            Stage.REPLICATING,
        ),
        (RUNS_AT_ORIGIN, Stage.TO_REPROTECT),
        (
            {**RUNS_AT_ORIGIN, "failback_instance": failback_instance(replication_state="RESCAN")},
            Stage.TO_RETIRE,
        ),
        ({**RUNS_AT_ORIGIN, "failback_instance": None}, Stage.TO_RETIRE),
        ({**RUNS_AT_ORIGIN, **MISSING, "failback_instance": None}, Stage.TO_RETIRE),
        ({**MISSING, **STOPPED, "pair": AT_ORIGIN}, Stage.AT_ORIGIN),
    ],
)
def test_a_server_is_as_far_as_both_sides_show(changes: dict[str, Any], stage: Stage) -> None:
    found = identify(facts(**changes))
    assert found == Identified(stage, A1, B3)


UNRECORDED: dict[str, Any] = {"pair": None}


@pytest.mark.parametrize(
    ("changes", "code", "values"),
    [
        ({**MISSING, **UNRECORDED}, "NOT_FAILED_OVER", ()),
        ({**MISSING, "pair": pair(workload_side="ORIGIN")}, "NOT_FAILED_OVER", ()),
        (UNRECORDED, "ORIGINAL_UNCONFIRMED", (A1, B3)),
        ({**UNRECORDED, "server": source_server(1, original_instance_id=None)}, "ORIGINAL_UNKNOWN", ()),
        (
            {"server": source_server(1, original_instance_id=OTHER)},
            "RECORD_CONTRADICTED_ORIGINAL",
            (A1, OTHER),
        ),
        ({"confirmed_original": OTHER}, "RECORD_CONTRADICTED_ORIGINAL", (A1, OTHER)),
        (
            {"server": source_server(1, origin_region="eu-west-1")},
            "RECORD_CONTRADICTED_ORIGINAL",
            ("eu-west-1", str(ORIGIN)),
        ),
        (
            {"original": original(private_ip="10.0.0.99")},
            "RECORD_CONTRADICTED_ADDRESS",
            ("10.0.0.10", "10.0.0.99"),
        ),
        (
            {"workload": workload(private_ip="10.1.0.99")},
            "RECORD_CONTRADICTED_ADDRESS",
            ("10.1.0.10", "10.1.0.99"),
        ),
        (
            {"server": source_server(1, staging_account="999999999999")},
            "RECORD_CONTRADICTED_STAGING_ACCOUNT",
            ("999999999999", RECOVERY.account),
        ),
        (
            {"reversed_server": reversed_server(staging_account="999999999999")},
            "RECORD_CONTRADICTED_STAGING_ACCOUNT",
            ("999999999999", ORIGIN.account),
        ),
        (
            {"recovery_instance": recovery_instance(ec2_instance_id=OTHER)},
            "RECORD_CONTRADICTED_WORKLOAD",
            (B3, OTHER),
        ),
        ({"pair": pair(workload_side="ORIGIN")}, "RECORD_CONTRADICTED_WORKLOAD", (A1, B3)),
        (MISSING, "RECOVERY_INSTANCE_NOT_FOUND", (B3,)),
        ({"workload": None}, "RECOVERY_INSTANCE_NOT_FOUND", (B3,)),
        ({"recovery_instance": recovery_instance(is_drill=True)}, "DRILL_INSTANCE", (B3,)),
        ({"origin_readable": False, "original": None}, "ORIGIN_UNREADABLE", ()),
        ({**REVERSED, "earlier_job": RUNNING_JOB}, "LAUNCH_OUTDATED", (RUNNING_JOB.job_id, B3)),
    ],
)
def test_what_does_not_fit_is_refused_with_both_values(
    changes: dict[str, Any], code: str, values: tuple[str, ...]
) -> None:
    found = {finding.code: finding for finding in identify(facts(**changes)).findings}
    assert code in found
    assert code in IDENTIFICATION_CODES
    for value in values:
        assert value in found[code].found
    for finding in found.values():
        assert (finding.severity is Severity.CRITICAL) is (finding.code not in IDENTIFICATION_WARNINGS)
        assert finding.found.endswith(".")
        assert finding.remedy


def test_a_reversed_server_of_an_earlier_failback_is_reversed_anew() -> None:
    found = identify(facts(reversed_server=reversed_server()))
    [finding] = found.findings
    assert (finding.code, finding.severity) == ("REVERSED_LEFT_OVER", Severity.WARNING)
    assert A2 in finding.found
    assert B3 in finding.found
    assert found.stage is Stage.TO_REVERSE


@pytest.mark.parametrize(
    ("failover_at", "stage"),
    [("2026-01-01T11:00:00Z", Stage.REPLICATING), ("2026-01-01T09:00:00Z", Stage.TO_RETIRE)],
)
def test_a_failback_instance_of_before_the_last_failover_is_not_the_one_that_runs(
    failover_at: str, stage: Stage
) -> None:
    times = {"last_failover_at": failover_at, "last_failback_at": "2026-01-01T10:00:00Z"}
    protects = failback_instance(replication_state="CONTINUOUS")
    found = identify(facts(**{**REVERSED, "failback_instance": protects, "pair": pair(**times)}))
    assert found.stage is stage


def test_without_a_record_the_request_has_to_confirm_what_drs_hints() -> None:
    [finding] = identify(facts(**UNRECORDED)).findings
    assert f'{{"recoveryInstanceId": "{B3}", "originalInstanceId": "{A1}"}}' in finding.remedy
    assert identify(facts(**UNRECORDED, confirmed_original=A1)) == Identified(Stage.TO_REVERSE, A1, B3)
    replaced = facts(**UNRECORDED, confirmed_original=OTHER)
    assert identify(replaced).original_instance_id == OTHER
    assert presumed_original(replaced.server, None, OTHER) == OTHER


def test_a_failover_by_hand_after_a_record_is_taken_when_it_is_confirmed() -> None:
    by_hand = facts(pair=pair(workload_side="ORIGIN"), confirmed_original=A1)
    assert identify(by_hand) == Identified(Stage.TO_REVERSE, A1, B3)


def test_a_launch_may_go_on_beside_the_workload_where_the_plan_asks() -> None:
    beside = facts(**REVERSED, earlier_job=RUNNING_JOB, stop_workload=StopWorkload.BEFORE_START)
    assert identify(beside) == Identified(Stage.LAUNCHING, A1, B3)


def test_the_staging_account_of_a_reversed_server_is_the_origin() -> None:
    assert staging_account_issue(reversed_server()) is None
    assert staging_account_issue(reversed_server(staging_account=None)) is None
    assert staging_account_issue(reversed_server(staging_account=RECOVERY.account)) is not None


IDENTIFIED = st.builds(
    Identified,
    stage=st.sampled_from(Stage),
    original_instance_id=st.sampled_from([None, *(instance_id(number) for number in range(4))]),
    workload_instance_id=st.sampled_from([None, *(instance_id(number) for number in range(10, 14))]),
)


@given(st.dictionaries(st.integers(0, 20).map(server_id), IDENTIFIED, max_size=8))
def test_no_original_is_ever_paired_with_two_servers(identified: dict[str, Identified]) -> None:
    refused = conflicts(identified)
    going_on = [one for server, one in identified.items() if server not in refused]
    originals = [one.original_instance_id for one in going_on if one.original_instance_id]
    workloads = [one.workload_instance_id for one in going_on if one.workload_instance_id]
    assert len(originals) == len(set(originals))
    assert len(workloads) == len(set(workloads))
    for server, finding in refused.items():
        assert finding.severity is Severity.CRITICAL
        assert server in finding.found


OPTIONAL_FACTS: dict[str, list[Any]] = {
    "pair": [None, pair(), AT_ORIGIN, pair(workload_side="ORIGIN")],
    "recovery_instance": [None, REPLICATES, recovery_instance(), recovery_instance(is_drill=True)],
    "workload": [None, workload(), workload(state="stopped")],
    "original": [None, original(), original(state="running")],
    "reversed_server": [None, reversed_server()],
    "failback_instance": [None, failback_instance(), failback_instance(replication_state="CONTINUOUS")],
    "earlier_job": [None, JOB, RUNNING_JOB],
    "confirmed_original": [None, A1, OTHER],
}


@given(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in OPTIONAL_FACTS.items()}))
def test_a_launch_is_never_taken_up_while_newer_data_are_written(changes: dict[str, Any]) -> None:
    found = identify(facts(**changes))
    runs = changes["workload"] is not None and changes["workload"].state == "running"
    if runs and found.stage in (Stage.LAUNCHING, Stage.LAUNCHED):
        assert found.findings
    if changes["recovery_instance"] == recovery_instance() and changes["reversed_server"] is not None:
        codes = {finding.code for finding in found.findings}
        assert codes & {"REVERSED_LEFT_OVER", "RECOVERY_INSTANCE_NOT_FOUND"}
    if changes["recovery_instance"] is not None and changes["recovery_instance"].is_drill:
        assert found.findings or found.stage in (Stage.TO_REPROTECT, Stage.TO_RETIRE)
