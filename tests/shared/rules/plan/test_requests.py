"""A request is understood, and the policies that hold are the plan's with the request's over them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.model.finding import Severity
from shared.model.policies import Approval, LaunchOrder, Mode, OnBlocked, RecoveryMode
from shared.rules.checks.prerequisites import severities
from shared.rules.checks.reverse_prerequisites import reverse_severities
from shared.rules.plan.overrides import Override
from shared.rules.plan.parsing import parse_plan
from shared.rules.plan.requests import (
    Request,
    RequestInvalidError,
    approval_required,
    effective_policies,
    parse_request,
    request_from_event,
    sites_to_read,
)
from tests.makers import plan_document


def event(**changes: Any) -> dict[str, Any]:
    detail = {"plan": "erp", "reason": "us-east-1 is unavailable", **changes}
    return {"source": "drs-orchestrator.dr", "detail-type": "Disaster Declared", "detail": detail}


def test_a_stored_plan_and_nothing_else() -> None:
    assert parse_request({"plan": "erp"}) == Request("erp")


def test_everything_a_request_can_say() -> None:
    document = {
        "plan": plan_document(),
        "mode": "FAILOVER",
        "dryRun": True,
        "approval": "REQUIRED",
        "onBlocked": "CONTINUE",
        "launchOrder": "BY_WAVE",
        "recoveryMode": "FAST",
        "reason": "a rehearsal",
        "requestedBy": "operator@example.com",
    }
    request = parse_request(document)
    assert request.plan_name == "erp"
    assert request.inline_plan == document["plan"]
    assert request.mode is Mode.FAILOVER
    assert request.dry_run
    assert request.approval is Approval.REQUIRED
    assert request.on_blocked is OnBlocked.CONTINUE
    assert request.launch_order is LaunchOrder.BY_WAVE
    assert request.recovery_mode is RecoveryMode.FAST
    assert (request.reason, request.requested_by) == ("a rehearsal", "operator@example.com")


A, B = "i-0123456789abcdef0", "i-0123456789abcdef1"


def test_everything_a_failback_can_say() -> None:
    request = parse_request(
        {
            "mode": "FAILBACK",
            "plan": "erp",
            "checkOnly": True,
            "recoveryInstanceIds": [A],
            "confirmOriginals": [{"recoveryInstanceId": A, "originalInstanceId": B}],
            "removeDetachedVolumes": True,
            "overrides": [
                {"check": "ROUTE_MISSING", "reason": "there are endpoints", "servers": ["app-1"]},
                {"check": "PROFILE_INCOMPLETE", "reason": "an inline policy"},
            ],
        }
    )
    assert request.mode is Mode.FAILBACK
    assert request.dry_run
    assert request.recovery_instance_ids == (A,)
    assert request.confirmed_originals == {A: B}
    assert request.remove_detached_volumes
    assert request.overrides == (
        Override("ROUTE_MISSING", "there are endpoints", ("app-1",)),
        Override("PROFILE_INCOMPLETE", "an inline policy"),
    )


def test_a_request_can_be_limited_in_four_ways() -> None:
    limits = {"servers": ["db-1"], "sites": ["main"], "retryOf": "erp-1", "retryBlocked": True}
    request = parse_request({"plan": "erp", **limits})
    assert (request.servers, request.sites) == (("db-1",), ("main",))
    assert (request.retry_of, request.retry_blocked) == ("erp-1", True)


SITE = {key: plan_document()["sites"][0][key] for key in ("origin", "recovery")}
EAST = {**SITE, "name": "east", "origin": {"account": "333333333333", "region": "us-east-1"}}
WEST = {**SITE, "name": "west", "recovery": {"account": "444444444444", "region": "eu-west-1"}}


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ([], ["main", "east", "west"]),
        (["west"], ["west"]),
        (["main"], ["main", "east"]),  # they share a recovery scope, so names can be ambiguous between them
    ],
)
def test_only_sites_that_matter_are_read(asked: list[str], read: list[str]) -> None:
    plan = parse_plan(plan_document(sites=[{"name": "main", **SITE}, EAST, WEST]))
    assert [site.name for site in sites_to_read(plan, Request("erp", sites=tuple(asked)))] == read


def test_a_site_that_the_plan_does_not_have_is_refused_with_the_nearest() -> None:
    plan = parse_plan(plan_document(sites=[EAST, WEST]))
    with pytest.raises(RequestInvalidError) as refused:
        sites_to_read(plan, Request("erp", sites=("west", "eats", "mars")))
    assert [(problem.path, problem.remedy) for problem in refused.value.problems] == [
        ("sites[1]", "Write 'east'."),
        ("sites[2]", "Known: east, west."),
    ]


def test_a_failback_of_an_execution_needs_no_plan() -> None:
    request = parse_request({"mode": "FAILBACK", "failover": "erp-2026"})
    assert (request.plan_name, request.inline_plan, request.failover) == ("", None, "erp-2026")


def test_a_failover_may_cancel_a_drill_also_by_event() -> None:
    assert parse_request({"plan": "erp", "cancelDrill": True}).cancel_drill
    assert parse_request(request_from_event(event(cancelDrill=True))).cancel_drill
    assert parse_request(request_from_event(event(mode="DRILL"))).mode is Mode.DRILL


def override(check: str) -> list[dict[str, str]]:
    return [{"check": check, "reason": "because"}]


TWICE = [
    {"recoveryInstanceId": A, "originalInstanceId": B},
    {"recoveryInstanceId": B, "originalInstanceId": B},
]


@pytest.mark.parametrize(
    ("document", "path", "remedy"),
    [
        ({"mode": "FAILBACK"}, "plan", "Add it"),
        ({"plan": "erp", "failover": "x"}, "failover", "write mode: FAILBACK"),
        ({"plan": "erp", "mode": "DRILL", "recoveryInstanceIds": [A]}, "recoveryInstanceIds", "Remove it"),
        ({"plan": "erp", "retryBlocked": True}, "retryBlocked", "Add retryOf"),
        ({"plan": "erp", "confirmOriginals": TWICE[:1]}, "confirmOriginals", "mode: FAILBACK"),
        ({"plan": "erp", "removeDetachedVolumes": True}, "removeDetachedVolumes", "mode: FAILBACK"),
        ({"plan": "erp", "mode": "DRILL", "cancelDrill": True}, "cancelDrill", "mode: FAILOVER"),
        (
            {"mode": "FAILBACK", "failover": "x", "recoveryInstanceIds": [A]},
            "recoveryInstanceIds",
            "Remove one",
        ),
        (
            {"mode": "FAILBACK", "plan": "erp", "confirmOriginals": TWICE},
            "confirmOriginals[1].originalInstanceId",
            "Name each instance once",
        ),
        ({"plan": "erp", "overrides": override("TARGET_IN_USE")}, "overrides[0].check", "finding's remedy"),
        ({"plan": "erp", "overrides": override("PROFILE_MISSING")}, "overrides[0].check", "Remove it"),
        (
            {"plan": "erp", "overrides": override("WORKLOAD_ON_RECOVERYY")},
            "overrides[0].check",
            "Write 'WORKLOAD_ON_RECOVERY'",
        ),
        (
            {"plan": "erp", "mode": "DRILL", "overrides": override("WORKLOAD_ON_RECOVERY")},
            "overrides[0].check",
            "finding's remedy",
        ),
        (
            {"plan": "erp", "mode": "FAILBACK", "overrides": override("ORIGINAL_UNCONFIRMED")},
            "overrides[0].check",
            "finding's remedy",
        ),
        (
            {"plan": "erp", "mode": "FAILBACK", "overrides": override("ZEBRA")},
            "overrides[0].check",
            "Can be overridden: AGENT_DENIED",
        ),
        ({"plan": "erp", "overrides": [{"check": "ROUTE_MISSING"}]}, "overrides[0].reason", "Add it"),
    ],
)
def test_what_does_not_fit_the_mode_is_refused_by_name(
    document: dict[str, Any], path: str, remedy: str
) -> None:
    with pytest.raises(RequestInvalidError) as caught:
        parse_request(document)
    found = {problem.path: problem for problem in caught.value.problems}
    assert remedy in found[path].remedy


def test_an_event_is_refused_what_does_not_fit_its_mode() -> None:
    with pytest.raises(RequestInvalidError, match=r"detail\.cancelDrill: belongs to a failover"):
        request_from_event(event(mode="DRILL", cancelDrill=True))


@pytest.mark.parametrize("mode", [Mode.FAILOVER, Mode.FAILBACK])
def test_whatever_can_be_overridden_is_taken(mode: Mode) -> None:
    known = reverse_severities() if mode is Mode.FAILBACK else severities(mode)
    for code, severity in known.items():
        if severity is Severity.OVERRIDABLE:
            assert parse_request({"plan": "erp", "mode": mode.value, "overrides": override(code)}).overrides


@pytest.mark.parametrize("document", [None, [], "erp", {}, {"plan": "erp", "dryrun": True}, {"plan": {}}])
def test_a_bad_request_is_refused_with_its_problems(document: object) -> None:
    with pytest.raises(RequestInvalidError) as caught:
        parse_request(document)
    assert caught.value.problems
    assert len(str(caught.value).splitlines()) == 1 + len(caught.value.problems)


def test_an_event_becomes_a_request_that_is_taken() -> None:
    request = parse_request(request_from_event(event(onBlocked="CONTINUE", requestedBy="monitoring")))
    assert (request.plan_name, request.requested_by) == ("erp", "monitoring")
    assert request.reason == "us-east-1 is unavailable"
    assert request.on_blocked is OnBlocked.CONTINUE


@pytest.mark.parametrize("bad", [None, {}, event(plan={"name": "erp"}), event(reason="")])
def test_a_bad_event_is_refused(bad: object) -> None:
    with pytest.raises(RequestInvalidError):
        request_from_event(bad)


def test_the_request_has_the_last_word_where_it_says_something() -> None:
    plan = parse_plan(plan_document(policies={"onBlocked": "CONTINUE", "retries": 3}))
    policies = effective_policies(plan, Request("erp", launch_order=LaunchOrder.BY_WAVE))
    assert policies.launch_order is LaunchOrder.BY_WAVE
    assert policies.on_blocked is OnBlocked.CONTINUE
    assert policies.retries == 3
    assert effective_policies(plan, Request("erp")) == plan.policies


def test_a_failback_has_a_launch_order_of_its_own() -> None:
    plan = parse_plan(plan_document(policies={"failback": {"launchOrder": "BY_WAVE"}}))
    back = Request("erp", mode=Mode.FAILBACK)
    assert effective_policies(plan, back).launch_order is LaunchOrder.BY_WAVE
    assert effective_policies(plan, Request("erp")).launch_order is LaunchOrder.TOGETHER
    asked = replace(back, launch_order=LaunchOrder.TOGETHER)
    assert effective_policies(plan, asked).launch_order is LaunchOrder.TOGETHER
    by_wave = parse_plan(plan_document(policies={"launchOrder": "BY_WAVE"}))
    assert effective_policies(by_wave, back).launch_order is LaunchOrder.BY_WAVE


@pytest.mark.parametrize(
    ("in_plan", "in_request", "operator_waits", "event_waits"),
    [
        (None, None, False, True),
        ("NOT_REQUIRED", None, False, False),
        ("REQUIRED", None, True, True),
        (None, "REQUIRED", True, True),
        ("NOT_REQUIRED", "REQUIRED", True, True),
        ("REQUIRED", "NOT_REQUIRED", True, True),
    ],
)
def test_who_must_wait_for_an_approval(
    in_plan: str | None, in_request: str | None, operator_waits: bool, event_waits: bool
) -> None:
    plan = parse_plan(plan_document(policies={"approval": in_plan} if in_plan else {}))
    request = Request("erp", approval=Approval(in_request) if in_request else None)
    policies = effective_policies(plan, request)
    assert approval_required(policies, request, started_by_event=False) is operator_waits
    assert approval_required(policies, request, started_by_event=True) is event_waits


def test_a_dry_run_never_waits_for_an_approval() -> None:
    plan = parse_plan(plan_document(policies={"approval": "REQUIRED"}))
    request = Request("erp", dry_run=True)
    assert not approval_required(effective_policies(plan, request), request, started_by_event=True)


def test_an_event_can_ask_for_an_approval_but_only_the_plan_can_waive_it() -> None:
    with pytest.raises(RequestInvalidError, match=r"detail\.approval"):
        request_from_event(event(approval="NOT_REQUIRED"))
    started = parse_request(request_from_event(event()))
    assert started.started_by_event
    waiving = replace(started, approval=Approval.NOT_REQUIRED)
    for in_plan, waits in (
        ({}, True),
        ({"approval": "NOT_REQUIRED"}, False),
        ({"approval": "REQUIRED"}, True),
    ):
        policies = effective_policies(parse_plan(plan_document(policies=in_plan)), waiving)
        assert approval_required(policies, waiving, started_by_event=True) is waits
    asking = replace(started, approval=Approval.REQUIRED)
    plan = parse_plan(plan_document(policies={"approval": "NOT_REQUIRED"}))
    assert approval_required(effective_policies(plan, asking), asking, started_by_event=True)
