"""OpenExecution: what is recorded, and what is refused before anything is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from functions.configuration import open_execution, store_plan
from functions.configuration.open_execution import ExecutionInProgressError, PlanNotFoundError
from shared.model.status import ExecutionStatus, ServerStatus
from shared.rules.plan.parsing import PlanInvalidError
from shared.rules.plan.requests import RequestInvalidError
from shared.settings import ConfigurationSettings, SettingMissingError
from shared.store import ExecutionNotFoundError, plan_lock
from tests.handlers.estate import ORIGIN, RECOVERY, Estate, forget_clients, plan_document
from tests.handlers.failover import Failover
from tests.handlers.wire import refused_json


def open_with(estate: Estate, request: Any, execution_id: str = "execution-1") -> Any:
    return estate.call(
        open_execution,
        executionId=execution_id,
        executionArn=estate.arn(execution_id),
        startedAt=estate.now,
        request=request,
    )


def test_a_reason_cannot_pass_for_a_command_of_ours(estate: Estate) -> None:
    store_plan.handler({"plan": plan_document()}, None)
    reason = "it is lost\n\nTo cancel it:\naws lambda invoke --function-name theirs"
    open_with(estate, {"plan": "erp", "reason": reason})
    [(_, text)] = estate.messages()
    assert text.splitlines()[-1].startswith('Reason given: "it is lost To cancel it: aws lambda invoke')
    assert text.count("\nTo cancel it:") == 1


@pytest.mark.parametrize(("modes", "mode"), [(["FAILBACK"], "FAILBACK"), (["FAILOVER", "DRILL"], "FAILOVER")])
def test_a_machine_that_runs_one_mode_needs_none_in_the_request(
    estate: Estate, modes: list[str], mode: str
) -> None:
    store_plan.handler({"plan": plan_document()}, None)
    asked = {"executionArn": estate.arn(), "startedAt": estate.now, "request": {"plan": "erp"}}
    assert estate.call(open_execution, modes=modes, **asked)["mode"] == mode
    record = estate.store.execution("execution-1")
    assert (record.mode.value, record.request.get("mode", "FAILOVER")) == (mode, mode)


def test_an_execution_of_a_stored_plan_is_opened(estate: Estate) -> None:
    store_plan.handler({"plan": plan_document()}, None)
    answer = open_with(estate, {"plan": "erp", "reason": "a drill", "requestedBy": "me"})
    assert answer == {
        "executionId": "execution-1",
        "plan": "erp",
        "mode": "FAILOVER",
        "dryRun": False,
        "launchOrder": "TOGETHER",
        "approvalRequired": False,
        "approvers": 1,
        "cutoverApproval": False,
        "quiesce": False,
        "cancelDrill": False,
        "waitsForDrill": False,
        "sites": ["main"],
    }
    record = estate.store.execution("execution-1")
    assert (record.status, record.request["reason"]) == (ExecutionStatus.RUNNING, "a drill")
    assert estate.locks.holders([plan_lock("erp")]) == {"PLAN#erp": "execution-1"}
    [(subject, text)] = estate.messages()
    assert subject == "erp: failover started"
    assert text.endswith('Reason given: "a drill". By: "me".')


def test_opening_twice_notifies_once_and_answers_the_same(estate: Estate) -> None:
    assert estate.open() == estate.open()
    assert len(estate.messages()) == 1


def test_who_is_opened_late_leaves_no_lock_behind(estate: Estate) -> None:
    estate.open()
    estate.store.change_execution("execution-1", {"status": ExecutionStatus.COMPLETED})
    estate.locks.release([plan_lock("erp")], "execution-1")
    estate.open()
    assert estate.locks.holders([plan_lock("erp")]) == {}


def test_the_plan_of_an_execution_stays_what_it_was(estate: Estate) -> None:
    store_plan.handler({"plan": plan_document()}, None)
    open_with(estate, {"plan": "erp"})
    store_plan.handler({"plan": plan_document(waves=[{"name": "x", "servers": {"names": ["*"]}}])}, None)
    assert [wave.name for wave in estate.store.plan("execution-1").waves] == ["data", "web"]


def test_an_unknown_plan_is_refused_with_the_known_ones(estate: Estate) -> None:
    with pytest.raises(PlanNotFoundError, match="Stored plans: none"):
        open_with(estate, {"plan": "crm"})
    store_plan.handler({"plan": plan_document()}, None)
    with pytest.raises(PlanNotFoundError, match="Stored plans: erp"):
        open_with(estate, {"plan": "crm"})
    with pytest.raises(ExecutionNotFoundError):
        estate.store.execution("execution-1")


@pytest.mark.parametrize(
    "request_document", [None, [], "erp", {}, {"mode": "FAILBACK"}, {"plan": "e", "x": 1}]
)
def test_a_bad_request_is_refused_before_anything_is_recorded(estate: Estate, request_document: Any) -> None:
    with pytest.raises(RequestInvalidError):
        open_with(estate, request_document)
    assert estate.messages() == []


def test_a_bad_plan_within_a_request_is_refused(estate: Estate) -> None:
    cycle = [{"name": "a", "servers": {"names": ["*"]}, "dependsOn": ["a"]}]
    with pytest.raises((RequestInvalidError, PlanInvalidError)):
        open_with(estate, {"plan": plan_document(waves=cycle)})


def test_a_plan_runs_once_at_a_time(estate: Estate) -> None:
    estate.open()
    estate.wire.on("sfn", "DescribeExecution", refused_json("AccessDeniedException"))
    with pytest.raises(ExecutionInProgressError, match="execution-1 of plan 'erp' has been under way"):
        open_with(estate, {"plan": plan_document()}, "execution-2")
    assert estate.locks.holders([plan_lock("erp")]) == {"PLAN#erp": "execution-1"}


def test_the_lock_of_an_execution_that_has_ended_does_not_matter(estate: Estate) -> None:
    estate.open()
    estate.store.change_execution("execution-1", {"status": ExecutionStatus.FAILED})
    assert open_with(estate, {"plan": plan_document()}, "execution-2")["executionId"] == "execution-2"
    assert estate.locks.holders([plan_lock("erp")]) == {"PLAN#erp": "execution-2"}


def test_a_dry_run_takes_no_lock_and_needs_no_approval(estate: Estate) -> None:
    estate.open()
    request = {"plan": plan_document(), "dryRun": True, "approval": "REQUIRED"}
    answer = open_with(estate, request, "execution-2")
    assert (answer["dryRun"], answer["approvalRequired"]) == (True, False)
    assert estate.locks.holders([plan_lock("erp")]) == {"PLAN#erp": "execution-1"}
    assert estate.messages()[-1][0] == "erp: dry run started"


@pytest.mark.parametrize(
    ("request_fields", "policies", "required"),
    [
        ({}, {}, False),
        ({"approval": "REQUIRED"}, {}, True),
        ({"startedBy": "EVENT"}, {}, True),
        ({"startedBy": "EVENT"}, {"approval": "NOT_REQUIRED"}, False),
        ({"approval": "NOT_REQUIRED"}, {"approval": "REQUIRED"}, True),
    ],
)
def test_who_started_it_and_the_plan_decide_about_approval(
    estate: Estate, request_fields: dict[str, Any], policies: dict[str, Any], required: bool
) -> None:
    answer = estate.open(plan_document(policies=policies), **request_fields)
    assert answer["approvalRequired"] is required


def test_a_missing_setting_is_named(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_clients()
    monkeypatch.delenv("REPORTS_BUCKET")
    with pytest.raises(SettingMissingError, match="REPORTS_BUCKET is not set"):
        ConfigurationSettings.from_env()


def test_a_failback_of_a_failover_takes_its_plan_and_its_servers(away: Failover) -> None:
    answer = away.open()
    assert (answer["plan"], answer["mode"], answer["sites"]) == ("erp", "FAILBACK", ["main"])
    assert (answer["cutoverApproval"], answer["quiesce"]) == (False, False)
    assert away.identify() == {"site": "main", "servers": 2, "identified": 2, "blocked": 0}
    for name, ids in away.ids.items():
        server = away.servers()[name]
        assert (server.status, server.wave, server.scope) == (ServerStatus.MATCHED, "web", ORIGIN)
        assert server.source_server_id == ids.server
        assert server.pair_instance_id == server.original_instance_id == ids.original
        assert (server.failback.workload_instance_id, server.failback.workload_scope) == (
            ids.workload,
            RECOVERY,
        )
        assert server.private_ip_before == away.estate.instance(ids.original, ORIGIN)["PrivateIpAddress"]
    assert away.identify()["servers"] == 2


@pytest.mark.parametrize(
    ("request_", "modes", "field"),
    [
        ({"failover": "unknown"}, ["FAILBACK"], "failover"),
        ({}, ["FAILOVER", "DRILL"], "mode"),
    ],
)
def test_what_cannot_be_failed_back_is_refused_by_name(
    away: Failover, request_: dict[str, Any], modes: list[str], field: str
) -> None:
    with pytest.raises(RequestInvalidError, match=field):
        away.open(modes, **request_)
