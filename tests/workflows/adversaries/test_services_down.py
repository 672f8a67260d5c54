"""Services that a recovery can do without are down, each alone or all together: it reports it and goes on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from local.simulation.call_faults import CallFault, CallFaultKind
from local.wire import NO_ANSWER, Answer, Call
from tests.local.simulation.world import ORIGIN
from tests.workflows.failback_stage import QUICK, fail_back
from tests.workflows.preparing import prepare
from tests.workflows.stage import Run, Stage, group, stage

DOWN, HANGS = CallFaultKind.DOWN, CallFaultKind.HANGS
UNDISTURBED = timedelta(seconds=92)
"""How long these failovers take while every service answers."""


def lose(here: Stage, kind: CallFaultKind, *services: str) -> None:
    here.cloud.fault(CallFault(kind, services))


def lose_origin(here: Stage, kind: CallFaultKind, *services: str) -> None:
    here.cloud.fault(CallFault(kind, services, region=ORIGIN["region"], account=ORIGIN["account"]))


def finding(run: Run, code: str) -> dict[str, Any]:
    """The only finding of that code that belongs to no server."""
    (found,) = [one for one in run.report["findings"] if one["code"] == code]
    return dict(found)


class Asked:
    """What functions asked a service: how often, and how long it took them until they asked another."""

    def __init__(self, here: Stage, service: str = "iam") -> None:
        self.calls = 0
        self._is_asking = False
        self._service = service
        self._here = here
        self._moments: list[datetime] = []
        self._answers: int | None = None
        self._answer = here.cloud.routes.answer
        here.cloud.routes.answer = self._noting  # type: ignore[method-assign]

    def silent_after(self, answers: int) -> None:
        """The service hangs after so many answers."""
        self._answers = answers

    def _noting(self, call: Call) -> Answer:
        if self._here.cloud.functions.calling() is None:
            return self._answer(call)
        now = self._here.cloud.clock.now()
        if call.service != self._service:
            if self._is_asking:
                self._moments.append(now)
            self._is_asking = False
            return self._answer(call)
        self.calls, self._is_asking = self.calls + 1, True
        self._moments.append(now)
        if self._answers is not None and self.calls > self._answers:
            return NO_ANSWER
        return self._answer(call)

    @property
    def span(self) -> timedelta:
        return max(self._moments) - min(self._moments)


@pytest.mark.parametrize("kind", [DOWN, HANGS])
def test_a_failover_goes_on_without_iam_and_says_what_it_could_not_ask(kind: CallFaultKind) -> None:
    with stage(group("app", count=3), jobs=QUICK) as here:
        lose(here, kind, "iam")
        run = here.run()
        assert set(run.outcomes.values()) == {"RECOVERED"}, run.summary
        found = finding(run, "PERMISSIONS_UNKNOWN")
        assert found["severity"] == "WARNING"
        assert "SimulatePrincipalPolicy" in found["found"]
        assert "No preparation or dry run" in found["found"]
        assert "If IAM is down, go on" in found["remedy"]
        assert "PROFILE_UNREADABLE" in run.codes("app-1")


@pytest.mark.parametrize("kind", [DOWN, HANGS])
@pytest.mark.parametrize("quiet", ["dry run", "preparation"])
def test_what_iam_answered_in_quiet_times_is_used_with_its_date(kind: CallFaultKind, quiet: str) -> None:
    with stage(group("app", count=2), jobs=QUICK) as here:
        asked = here.cloud.clock.now().isoformat()[:10]
        here.run("dry", dryRun=True) if quiet == "dry run" else prepare(here)
        lose(here, kind, "iam")
        run = here.run()
        assert set(run.outcomes.values()) == {"RECOVERED"}, run.summary
        found = finding(run, "PERMISSIONS_UNKNOWN")
        assert f"The last answer, of {asked}" in found["found"]
        assert "it may do all that it must" in found["found"]


def test_what_iam_denied_in_quiet_times_warns_and_what_it_denies_now_blocks() -> None:
    with stage(group("app"), jobs=QUICK) as here:
        here.cloud.denied_actions.add("ec2:AttachVolume")
        here.run("dry", dryRun=True)
        here.cloud.fault(CallFault(DOWN, ("iam",)))
        run = here.run("down")
        assert run.outcomes == {"app": "RECOVERED"}, "it may be allowed since"
        assert "it may not ec2:AttachVolume" in finding(run, "PERMISSIONS_UNKNOWN")["found"]


def test_a_failback_goes_on_without_iam_too_with_the_answer_of_its_dry_run() -> None:
    with stage(group("app"), jobs=QUICK) as here:
        assert here.run("out").outcomes == {"app": "RECOVERED"}
        asked = here.cloud.clock.now().isoformat()[:10]
        fail_back(here, "dry", checkOnly=True)
        lose(here, HANGS, "iam")
        back = fail_back(here)
        assert back.outcomes == {"app": "RECOVERED"}, back.summary
        assert f"The last answer, of {asked}" in finding(back, "PERMISSIONS_UNKNOWN")["found"]


def test_a_denial_is_not_lost_where_iam_falls_silent_after_it() -> None:
    with stage(group("app"), jobs=QUICK) as here:
        here.run("dry", dryRun=True)
        here.cloud.denied_actions.add("drs:StartRecovery")
        Asked(here).silent_after(1)
        run = here.run()
        assert run.outcomes == {"app": "BLOCKED"}
        assert {"ACTIONS_DENIED", "PERMISSIONS_UNKNOWN"} <= {f["code"] for f in run.report["findings"]}


@pytest.mark.parametrize("answers", [0, 3])
def test_iam_is_asked_for_15_seconds_at_most(answers: int) -> None:
    with stage(group("app", count=20), jobs=QUICK) as here:
        asked = Asked(here, "iam")
        asked.silent_after(answers)
        assert set(here.run().outcomes.values()) == {"RECOVERED"}
        assert timedelta(seconds=5) < asked.span <= timedelta(seconds=15)
        assert asked.calls == answers + 2, "the silence is found out once, not for each server"


def test_an_iam_that_answers_slowly_is_not_awaited_either() -> None:
    with stage(group("app"), jobs=QUICK, api_seconds=2.5) as here:
        asked = Asked(here, "iam")
        run = here.run()
        assert run.outcomes == {"app": "RECOVERED"}
        assert asked.span <= timedelta(seconds=15)
        assert "was not asked" in finding(run, "PERMISSIONS_UNKNOWN")["found"]


ALONE = [
    pytest.param(kind, service, id=f"{service}-{kind.lower()}")
    for service in ("service-quotas", "sns", "s3")
    for kind in (DOWN, HANGS)
]


@pytest.mark.parametrize(("kind", "service"), ALONE)
def test_a_failover_goes_on_without(kind: CallFaultKind, service: str) -> None:
    with stage(group("app", count=3), jobs=QUICK) as here:
        lose(here, kind, service)
        begun = here.cloud.clock.now()
        arn = here.start()
        result = here.cloud.wait(arn)
        took = here.cloud.clock.now() - begun
        assert result.status == "SUCCEEDED", (result.error, result.cause)
        assert took < UNDISTURBED + timedelta(seconds=60), took
        assert {here.record("run", name)["status"] for name in here.servers} == {"RECOVERED"}
        assert not here.locks()
        if service == "sns":
            assert not here.cloud.notifications
        if service == "s3":
            assert result.output is not None
            assert "could not be written" in str(result.output)
            assert "could not be written" in here.cloud.notifications[-1]["message"]
            return
        report = here.read(result).report
        assert report["totals"]["recovered"] == 3
        if service == "service-quotas":
            assert all(limits["fromSettings"] and limits["reason"] for limits in report["limits"])


@pytest.mark.parametrize("kind", [DOWN, HANGS])
@pytest.mark.parametrize("services", [("ec2",), ("drs",), ("ec2", "drs")])
def test_a_failover_goes_on_without_the_origin(kind: CallFaultKind, services: tuple[str, ...]) -> None:
    with stage(group("app", count=3), jobs=QUICK) as here:
        lose_origin(here, kind, *services)
        run = here.run()
        assert set(run.outcomes.values()) == {"RECOVERED"}, run.summary
        codes = {one["code"] for one in run.report["findings"]}
        assert ("ORIGINAL_UNKNOWN" in codes) == ("ec2" in services)


@pytest.mark.parametrize("kind", [DOWN, HANGS])
def test_a_failover_goes_on_without_all_of_them(kind: CallFaultKind) -> None:
    with stage(group("app", count=3), jobs=QUICK) as here:
        lose(here, kind, "iam", "service-quotas", "sns", "s3", "cloudwatch")
        lose_origin(here, kind, "ec2", "drs")
        begun = here.cloud.clock.now()
        result = here.cloud.wait(here.start())
        assert here.cloud.clock.now() - begun < UNDISTURBED + timedelta(seconds=150)
        assert result.status == "SUCCEEDED", (result.error, result.cause)
        assert {here.record("run", name)["status"] for name in here.servers} == {"RECOVERED"}
        assert not here.locks()
        here.cloud.heal()
        now = here.cloud.clock.now().isoformat()
        here.call("CloseExecutionFunction", {"executionId": "run", "startedAt": now, "now": now})
        run = here.read(result)
        assert run.report["totals"]["recovered"] == 3
        codes = {one["code"] for one in run.report["findings"]}
        assert {"PERMISSIONS_UNKNOWN", "ORIGINAL_UNKNOWN"} <= codes
        assert all(limits["reason"] for limits in run.report["limits"])
