"""What goes wrong on the failover."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from random import Random

from local.simulation.call_faults import CallFaultKind
from local.simulation.event_delivery import EventFaults
from local.simulation.functions import Disturbance
from tests.workflows.oracle import outcomes
from tests.workflows.scenarios import faults
from tests.workflows.scenarios.scenario import Arrange, Scenario
from tests.workflows.stage import Run, Stage

CONTINUE = {"onBlocked": "CONTINUE"}


def all_but_one(here: Stage, runs: Sequence[Run]) -> None:
    """One server failed, with reason and remedy; the others noticed nothing."""
    assert outcomes(runs) == {"RECOVERED": len(here.servers) - 1, "FAILED": 1}, runs[0].summary
    assert runs[0].status == "COMPLETED_WITH_FAILURES"


def the_near_ones(here: Stage, runs: Sequence[Run]) -> None:
    """The site that can be reached is recovered; of the other, the report says what is missing."""
    for name, status in runs[0].outcomes.items():
        if name.startswith("far"):
            assert status in ("FAILED", "BLOCKED")
            assert "AssumeRole" in runs[0].server(name)["reason"]
        else:
            assert status == "RECOVERED", runs[0].summary


def nothing_without_the_role(here: Stage, runs: Sequence[Run]) -> None:
    """A site that cannot be read blocks the execution before anything is changed."""
    assert runs[0].status == "BLOCKED"
    assert "SITE_UNREADABLE" in {finding["code"] for finding in runs[0].report["findings"]}
    assert here.cloud.calls["drs", "UpdateLaunchConfiguration"] == 0
    assert here.cloud.calls["drs", "StartRecovery"] == 0
    assert "AssumeRole" in runs[0].report["reason"]


def at_the_same_instant(here: Stage, dice: Random) -> Sequence[Run]:
    """The same plan twice, the second at once or a little later."""
    first = here.start("one")
    here.cloud.advance(dice.choice([0, 0, 0.1, 1, 10, 100]))
    second = here.start("two")
    return [here.wait(first), here.wait(second)]


def one_of_them(here: Stage, runs: Sequence[Run]) -> None:
    """One execution recovered everything, the other was refused before it changed anything."""
    refused = [run for run in runs if run.result.error == "ExecutionInProgressError" or not run.outcomes]
    assert len(refused) == 1, [run.summary for run in runs]
    assert outcomes(runs) == {"RECOVERED": len(here.servers)}


def overlapping(here: Stage, dice: Random) -> Sequence[Run]:
    """Two plans that share servers, the second at once or a little later."""
    other = copy.deepcopy(here.plan)
    other["name"] = "shop-again"
    other["waves"] = other["waves"][: dice.randint(1, 3)]
    first = here.start("one", onBlocked="CONTINUE")
    here.cloud.advance(dice.choice([0, 0, 0.1, 1, 10, 100]))
    second = here.cloud.start("failover", {"plan": other, "onBlocked": "CONTINUE"}, name="two")
    return [here.wait(first), here.wait(second)]


def each_once(here: Stage, runs: Sequence[Run]) -> None:
    """Every server was recovered by one of the two, and was blocked for the other."""
    for name in here.servers:
        reported = [run.outcomes[name] for run in runs if name in run.outcomes]
        assert reported.count("RECOVERED") == 1, [run.summary for run in runs]
        assert set(reported) <= {"RECOVERED", "BLOCKED"}


def changing_the_plan(here: Stage, dice: Random) -> Sequence[Run]:
    """The plan is stored anew while it runs: other waves, other policies, or a server left out."""
    here.store_plan()
    arn = here.cloud.start("failover", {"plan": here.plan["name"]}, name="out")
    here.cloud.advance(dice.uniform(0, 200))
    changed = here.plan
    match dice.choice(["waves", "policies", "servers"]):
        case "waves":
            changed["waves"] = [{"name": "all", "servers": {"names": sorted(here.servers)}}]
        case "policies":
            changed["policies"] = {"launchOrder": "BY_WAVE", "retries": 0, "launchTimeoutSeconds": 600}
        case _:
            changed["waves"] = changed["waves"][:2]
    here.store_plan()
    return [here.wait(arn)]


def with_its_own_waves(here: Stage, runs: Sequence[Run]) -> None:
    """It went on by the plan as it was."""
    assert outcomes(runs) == {"RECOVERED": len(here.servers)}
    assert [wave["name"] for wave in runs[0].report["waves"]] == ["data", "app", "web"]


def lose_events(here: Stage, dice: Random) -> None:
    """Events are lost, come twice, late and out of order."""
    here.cloud.event_delivery.faults = EventFaults(
        lost=dice.choice([0.3, 0.3, 1]), doubled=0.4, late=0.4, shuffle_seconds=60
    )


def doubled(seconds: float) -> Arrange:
    """Many functions get their input twice, that far from each other at most."""
    return faults.invocations(0.4, lambda dice: Disturbance(again_after=dice.uniform(0, seconds)))


FAILOVERS = [
    Scenario("throttling", "30 % of all calls of every service are throttled", faults.throttle(0.3)),
    Scenario(
        "start-unanswered",
        "StartRecovery is accepted and its answer is lost",
        faults.calls(CallFaultKind.LOST_ANSWER, 0.6, "drs", operations=("StartRecovery",)),
    ),
    Scenario(
        "answers-lost",
        "10 % of all calls take effect, and their answer is lost",
        faults.calls(CallFaultKind.LOST_ANSWER, 0.1, *faults.SERVICES),
    ),
    Scenario(
        "one-bad-server",
        "DRS refuses a whole call because of one server",
        faults.refuse_one,
        expect=all_but_one,
        on_failure="CONTINUE",
    ),
    Scenario(
        "dies-before",
        "30 % of all function calls die before they do anything",
        faults.invocations(0.3, lambda dice: Disturbance(faults.death(dice), after_calls=0)),
    ),
    Scenario(
        "dies-midway",
        "30 % of all function calls die after some of their AWS calls",
        faults.invocations(0.3, lambda dice: Disturbance(faults.death(dice), dice.randint(1, 8))),
    ),
    Scenario(
        "dies-after",
        "30 % of all function calls die after their work, before they answer",
        faults.invocations(0.3, lambda dice: Disturbance(faults.death(dice))),
    ),
    Scenario("invoked-at-once", "Functions run twice at the same time", doubled(0)),
    Scenario("invoked-twice", "Functions get their input again some seconds later", doubled(5)),
    Scenario("invoked-late", "Functions get their input again up to ten minutes later", doubled(600)),
    Scenario("events", "Events are lost, come twice, late and out of order", lose_events),
    Scenario("job-stuck", "A job hangs for an hour", faults.hang_a_job(3600)),
    Scenario(
        "job-stuck-for-hours",
        "A job hangs for five hours, longer than the plan waits",
        faults.hang_a_job(18_000),
        expect=lambda here, runs: None,
        on_failure="CONTINUE",
    ),
    Scenario(
        "launch-fails-once", "A launch fails, and succeeds the next time", faults.fail_a_launch(times=1)
    ),
    Scenario(
        "launch-fails",
        "A launch fails whenever it is tried",
        faults.fail_a_launch(),
        expect=all_but_one,
        on_failure="CONTINUE",
    ),
    Scenario(
        "start-fails",
        "An instance does not start",
        faults.fail_a_start,
        expect=all_but_one,
        on_failure="CONTINUE",
    ),
    Scenario(
        "services-down",
        "IAM, Service Quotas, SNS, and EC2 and DRS of the origin are down",
        faults.services_down,
    ),
    Scenario(
        "role-missing",
        "A recovery account's role is missing, or has another ExternalId",
        faults.lock_out(),
        expect=nothing_without_the_role,
    ),
    Scenario(
        "role-lost",
        "A recovery account's role goes while the plan runs",
        faults.lock_out("StartRecovery"),
        expect=the_near_ones,
        on_failure="CONTINUE",
    ),
    Scenario(
        "conflicts",
        "30 % of all writes to DynamoDB meet another transaction",
        faults.calls(CallFaultKind.CONFLICT, 0.3, "dynamodb"),
    ),
    Scenario(
        "operators",
        "People pause, resume, skip and cancel at any time, some messages twice",
        faults.control,
        expect=lambda here, runs: None,
        on_failure="CONTINUE",
    ),
    Scenario("same-plan", "A plan is started twice", play=at_the_same_instant, expect=one_of_them),
    Scenario("same-servers", "Two plans want the same servers", play=overlapping, expect=each_once),
    Scenario(
        "plan-changed",
        "A plan is changed while it runs",
        play=changing_the_plan,
        expect=with_its_own_waves,
    ),
    Scenario("clock-jumps", "The clock jumps forwards and backwards", faults.jump_about, timely=False),
]
