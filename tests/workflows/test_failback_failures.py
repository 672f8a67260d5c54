"""What goes wrong on the failback: a named outcome each, with reason and remedy, and one side that runs."""

from __future__ import annotations

import os
from typing import Any

import boto3
import pytest

from shared.rules.failback.stall_remedies import stall_remedy
from tests.local.simulation.world import ORIGIN
from tests.workflows.failback_stage import (
    away,
    back,
    fail_back,
    launches_at_origin,
    one_side,
    original,
    reversals,
    reversed_server,
    sides,
    still_away,
)
from tests.workflows.stage import Run, Stage, group, issue, wave

ERRORS: list[str] = getattr(
    boto3.session.Session()
    .client("drs", "us-east-1")
    .meta.service_model.shape_for("DataReplicationErrorString"),
    "enum",
    [],
)
CONTINUE = [wave("all", onFailure="CONTINUE")]


def reported(run: Run, server: str, status: str, *words: str) -> None:
    """A server's outcome has a reason with these words, and a remedy."""
    part = run.server(server)
    assert part["status"] == status, part
    assert part["remedy"]
    assert all(word in part["reason"] + part["remedy"] for word in words), part


# --- refused by the checks


BLOCKED = {
    "closed": (issue("egressClosed"), "EGRESS_443_CLOSED", "443"),
    "bare": (issue("noProfile"), "PROFILE_MISSING", "profile"),
    "untagged": (issue("originalUntagged"), "ORIGINAL_UNTAGGED", "AWSDRS"),
}


def test_every_blocked_server_is_named_and_the_healthy_one_comes_back() -> None:
    groups = [group(name, **wrong) for name, (wrong, _, _) in BLOCKED.items()]
    with away(group("well"), *groups, policies={"onBlocked": "CONTINUE"}) as (here, before):
        run = fail_back(here)
        assert run.status == "COMPLETED_WITH_FAILURES"
        back(here, before, run, only={"well"})
        for name, (_, code, word) in BLOCKED.items():
            reported(run, name, "BLOCKED", word)
            assert code in run.codes(name)
            assert reversals(here, name) == 0
            assert sides(here, name) == ("running", "running"), "the original was let alone"


def test_a_check_that_can_be_overridden_is_recorded_with_its_reason() -> None:
    codes = ("EGRESS_443_CLOSED", "EGRESS_1500_CLOSED")
    with away(group("app", **issue("egressClosed"))) as (here, before):
        after = here.world()
        assert fail_back(here, "refused").status == "BLOCKED"
        assert here.world() == after
        run = fail_back(here, overrides=[{"check": code, "reason": "a proxy does it"} for code in codes])
        back(here, before, run)
        overridden = [f for f in run.server("app")["findings"] if f["code"] in codes]
        assert {f["code"] for f in overridden} >= {"EGRESS_443_CLOSED"}
        assert all("a proxy does it" in f["found"] for f in overridden)


def test_an_original_that_runs_is_left_alone_if_the_plan_asks() -> None:
    with away(policies={"failback": {"whenOriginalRuns": "BLOCK"}}) as (here, _):
        after = here.world()
        run = fail_back(here)
        assert run.status == "BLOCKED"
        reported(run, "app-1", "BLOCKED", original(here, "app-1"))
        assert "ORIGINAL_RUNNING" in run.codes("app-1")
        assert here.world() == after


@pytest.mark.parametrize("field", ["originalPrivateIp", "privateIp", "stagingAccount", "originalInstanceId"])
def test_what_contradicts_the_record_is_refused_with_both_values(field: str) -> None:
    other = {"stagingAccount": "123456789012", "originalInstanceId": "i-0123456789abcdef0"}.get(
        field, "10.9.9.9"
    )
    with away(group("app")) as (here, _):
        pair = here.pairs()[here.source("app")]
        change_pair(here, "app", field, other)
        after = here.world()
        run = fail_back(here)
        assert run.status == "BLOCKED"
        reported(run, "app", "BLOCKED", other, pair[field])
        assert any(code.startswith("RECORD_CONTRADICTED_") for code in run.codes("app"))
        assert here.world() == after


def change_pair(here: Stage, server: str, field: str, value: str) -> None:
    """An operator edits the table InstancePairs."""
    here.cloud.client("dynamodb").update_item(
        TableName=os.environ["INSTANCE_PAIRS_TABLE"],
        Key={"sourceServerId": {"S": here.source(server)}},
        UpdateExpression="SET #f = :v",
        ExpressionAttributeNames={"#f": field},
        ExpressionAttributeValues={":v": {"S": value}},
    )


def test_an_origin_without_a_replication_template_is_refused() -> None:
    with away(group("app")) as (here, _):
        drs = here.cloud.client("drs", ORIGIN["account"], ORIGIN["region"])
        for item in drs.describe_replication_configuration_templates()["items"]:
            drs.delete_replication_configuration_template(
                replicationConfigurationTemplateID=item["replicationConfigurationTemplateID"]
            )
        run = fail_back(here)
        assert run.status == "BLOCKED"
        assert "REPLICATION_TEMPLATE_MISSING" in run.codes("app")
        reported(run, "app", "BLOCKED", "111122223333")


def test_a_recovery_instance_that_an_operator_stopped_is_no_cutover() -> None:
    with away(group("app")) as (here, before):
        here.ec2().stop_instances(InstanceIds=[here.target("app")])
        here.cloud.advance(60)
        run = fail_back(here)
        assert run.status == "BLOCKED"
        assert "RECOVERY_INSTANCE_STOPPED" in run.codes("app")
        here.ec2().start_instances(InstanceIds=[here.target("app")])
        here.cloud.advance(60)
        back(here, before, fail_back(here, "again"))


# --- replication


def test_an_agent_that_never_checks_in_fails_its_server_and_keeps_none() -> None:
    with away(group("app"), group("mute", **issue("agentNeverChecksIn")), waves=CONTINUE) as (here, before):
        run = fail_back(here)
        assert run.outcomes == {"app": "RECOVERED", "mute": "FAILED"}
        reported(run, "mute", "FAILED", "did not check in within 0:30:00")
        assert reversals(here, "mute") == 0
        assert sides(here, "mute") == ("running", "running")
        back(here, before, run, only={"app"})


def test_every_stall_is_reported_once_with_its_remedy_and_is_over_when_it_is_mended() -> None:
    assert len(ERRORS) >= 14
    names = {error: f"srv-{number}" for number, error in enumerate(ERRORS)}
    with away(*[group(name) for name in names.values()]) as (here, before):
        for error, name in names.items():
            here.drs_fault("STALLS", server=name, error=error, direction="FAILBACK", seconds=300)
        run = fail_back(here)
        back(here, before, run)
        text = "\n".join(m["message"] for m in here.cloud.notifications if "stalled" in m["subject"])
        for error, name in names.items():
            assert text.count(f"{name} since") == 1
            assert f"STALLED ({error})" in text
            assert stall_remedy(error) in text


@pytest.mark.parametrize("on_replication_timeout", ["SKIP", "STOP"])
def test_servers_that_have_not_replicated_at_the_deadline(on_replication_timeout: str) -> None:
    policies = {
        "failback": {"onReplicationTimeout": on_replication_timeout, "replicationDeadlineSeconds": 600}
    }
    with away(waves=CONTINUE, policies=policies) as (here, before):
        here.drs_fault("NOT_CONVERGING", server="app-1", direction="FAILBACK")
        run = fail_back(here)
        if on_replication_timeout == "STOP":
            assert run.status == "FAILED"
            assert "ReplicationTooSlow" in run.report["reason"]
            reported(run, "app-1", "FAILED", "600 s")
            assert run.outcomes["app-2"] == "SKIPPED"
            assert sides(here, "app-2") == ("running", "running")
        else:
            assert run.status == "COMPLETED_WITH_FAILURES"
            reported(run, "app-1", "SKIPPED", "600 s")
            back(here, before, run, only={"app-2"})
        assert sides(here, "app-1")[1] == "running"
        here.cloud.drs.admin("DELETE", "/faults", None)
        back(here, before, fail_back(here, "again"))
        assert reversals(here, "app-1") == 1


def test_waiting_for_replication_ends_when_all_have_replicated() -> None:
    policies = {"failback": {"onReplicationTimeout": "WAIT", "replicationDeadlineSeconds": 600}}
    with away(policies=policies) as (here, before):
        here.drs_fault("NOT_CONVERGING", server="app-1", direction="FAILBACK", seconds=7200)
        run = fail_back(here)
        back(here, before, run)
        assert run.report["durationSeconds"] > 7200


def test_a_reversed_server_that_is_staged_elsewhere_is_not_launched() -> None:
    wrong = issue("wrongStagingAccount", account="123456789012")
    with away(group("app"), group("odd", **wrong), waves=CONTINUE) as (here, before):
        run = fail_back(here)
        reported(run, "odd", "FAILED", "123456789012", "111122223333")
        assert sides(here, "odd") == ("running", "running")
        back(here, before, run, only={"app"})
        again = fail_back(here, "again", onBlocked="CONTINUE")
        assert again.outcomes == {"app": "RECOVERED", "odd": "BLOCKED"}
        assert "RECORD_CONTRADICTED_STAGING_ACCOUNT" in again.codes("odd")


def test_a_lost_answer_to_reverse_replication_makes_one_reversed_server() -> None:
    with away() as (here, before):
        here.drs_fault("ACCEPTED_BUT_TIMES_OUT", operation="ReverseReplication", times=3)
        run = fail_back(here)
        back(here, before, run)
        assert [reversals(here, name) for name in here.servers] == [1, 1]


# --- cutover


@pytest.mark.parametrize("phase", ["SNAPSHOT", "CONVERSION", "LAUNCH"])
def test_a_launch_that_fails_at_the_origin_gives_the_workload_back(phase: str) -> None:
    with away(waves=CONTINUE, policies={"retries": 0}) as (here, before):
        here.drs_fault("PHASE_FAILS", phase=phase, server="app-1", direction="FAILBACK", message="No luck")
        run = fail_back(here)
        assert run.outcomes == {"app-1": "FAILED", "app-2": "RECOVERED"}
        reported(run, "app-1", "FAILED", "No luck")
        assert run.server("app-1")["workloadRestartedAt"]
        assert "WORKLOAD_RESTARTED" in run.codes("app-1")
        still_away(here, "app-1")
        back(here, before, run, only={"app-2"})
        here.cloud.drs.admin("DELETE", "/faults", None)
        back(here, before, fail_back(here, "again"))


@pytest.mark.parametrize("kind", ["START_FAILS", "STATUS_CHECK_FAILS"])
@pytest.mark.parametrize("stop", ["BEFORE_LAUNCH", "BEFORE_START"])
def test_an_original_that_does_not_come_up_gives_the_workload_back(kind: str, stop: str) -> None:
    policies = {"verifyTimeoutSeconds": 120, "failback": {"stopWorkload": stop}}
    with away(waves=CONTINUE, policies=policies) as (here, before):
        here.cloud.ec2.add_faults([{"kind": kind, "instance": original(here, "app-1")}])
        run = fail_back(here)
        assert run.outcomes == {"app-1": "FAILED", "app-2": "RECOVERED"}
        reported(run, "app-1", "FAILED", original(here, "app-1"))
        assert run.server("app-1")["workloadRestartedAt"]
        still_away(here, "app-1")
        here.cloud.ec2.clear_faults()
        again = fail_back(here, "again")
        back(here, before, again)
        # It served in between: what was launched before is outdated, and launched anew.
        assert sorted(launches_at_origin(here).values()) == [1, 2]


def test_a_workload_that_does_not_stop_fails_its_server_alone() -> None:
    with away(waves=CONTINUE) as (here, before):
        here.ec2_fault("STOP_HANGS", "app-1")
        run = fail_back(here)
        assert run.outcomes == {"app-1": "FAILED", "app-2": "RECOVERED"}
        reported(run, "app-1", "FAILED", "did not stop within 0:15:00", "--force")
        assert here.instances(ORIGIN)[original(here, "app-1")]["state"] != "stopped" or not launches_of(
            here, "app-1"
        )
        back(here, before, run, only={"app-2"})


def launches_of(here: Stage, server: str) -> int:
    found = reversed_server(here, server)
    return launches_at_origin(here)[found["sourceServerID"]] if found else 0


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "ACCEPTED_BUT_TIMES_OUT", "operation": "StartRecovery", "times": 1},
        {"kind": "THROTTLED", "operation": "ReverseReplication", "times": 2, "seconds": 0},
        {"kind": "PHASE_FAILS", "phase": "CONVERSION", "direction": "FAILBACK", "times": 1},
    ],
    ids=["lost answer", "throttled", "fails once"],
)
def test_passing_issue_is_nobodys_concern(fault: dict[str, Any]) -> None:
    with away() as (here, before):
        here.drs_fault(**fault)
        run = fail_back(here)
        back(here, before, run)
        assert sorted(launches_at_origin(here).values()) == [1, 1]
        assert [reversals(here, name) for name in here.servers] == [1, 1]


# --- protection and retirement


def test_an_original_whose_agent_never_checks_in_is_at_the_origin_and_unprotected() -> None:
    with away() as (here, before):
        here.drs_fault("AGENT_NEVER_CHECKS_IN", server="app-1", direction="FAILBACK")
        run = fail_back(here)
        assert run.status == "COMPLETED_WITH_FAILURES"
        part = run.server("app-1")
        assert (part["status"], part["protection"]) == ("RECOVERED", "UNPROTECTED")
        assert original(here, "app-1") in part["protectionRemedy"]
        assert part["protectionReason"]
        assert one_side(here, "app-1") == "ORIGIN"
        back(here, before, run, only={"app-2"})
        here.cloud.drs.admin("DELETE", "/faults", None)
        again = fail_back(here, "again")
        back(here, before, again)
        assert sorted(launches_at_origin(here).values()) == [1, 1]


def test_a_rescan_that_never_ends_leaves_a_server_failed_back_and_unprotected() -> None:
    with away(group("app"), policies={"failback": {"reprotectDeadlineSeconds": 600}}) as (here, before):
        here.drs_fault("NOT_CONVERGING", server="app", direction="FAILOVER")
        run = fail_back(here)
        part = run.server("app")
        assert (part["status"], part["protection"]) == ("RECOVERED", "UNPROTECTED")
        assert "600 s" in part["protectionReason"]
        assert reversed_server(here, "app"), "nothing is retired before it is protected"
        here.cloud.drs.admin("DELETE", "/faults", None)
        back(here, before, fail_back(here, "again"))


RETIRE_CALLS = ("StopReplication", "DeleteRecoveryInstance", "DisconnectSourceServer", "DeleteSourceServer")


@pytest.mark.parametrize("operation", RETIRE_CALLS)
def test_what_cannot_be_retired_is_reported_and_the_next_failback_finishes_it(operation: str) -> None:
    with away() as (here, before):
        here.drs_fault("ERROR", operation=operation, code="ConflictException", message="Not now")
        run = fail_back(here)
        assert run.status == "COMPLETED_WITH_FAILURES"
        for name in here.servers:
            part = run.server(name)
            assert (part["status"], part["protection"]) == ("RECOVERED", "PROTECTED")
            assert "Not now" in part["protectionReason"]
            assert part["protectionRemedy"]
            assert one_side(here, name) == "ORIGIN"
            assert name in run.summary
        here.cloud.drs.admin("DELETE", "/faults", None)
        again = fail_back(here, "again")
        back(here, before, again)
        assert sorted(launches_at_origin(here).values()) == [1, 1]
