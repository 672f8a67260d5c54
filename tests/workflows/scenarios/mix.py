"""Several faults at once, sampled from the seed: what the soak plays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from local.simulation.call_faults import CallFaultKind
from local.simulation.event_delivery import EventFaults
from local.simulation.functions import Disturbance
from tests.workflows.preparing import begin
from tests.workflows.scenarios import faults
from tests.workflows.scenarios.outsiders import check_despite, interfere
from tests.workflows.scenarios.scenario import LATE, Arrange, Scenario, fail_servers_back
from tests.workflows.stage import Run, Stage


def _events(here: Stage, dice: Random) -> None:
    here.cloud.event_delivery.faults = EventFaults(
        lost=dice.choice([0, 0.3, 1]),
        doubled=dice.choice([0, 0.5]),
        late=dice.choice([0, 0.5]),
        shuffle_seconds=dice.choice([0, 60]),
    )


CALLS: dict[str, Arrange] = {
    "throttled": faults.calls(CallFaultKind.THROTTLED, 0.15, *faults.SERVICES),
    "unanswered": faults.calls(CallFaultKind.LOST_ANSWER, 0.05, *faults.SERVICES),
    "unanswered starts": faults.calls(
        CallFaultKind.LOST_ANSWER, 0.5, "drs", operations=("StartRecovery", "ReverseReplication")
    ),
    "conflicts": faults.calls(CallFaultKind.CONFLICT, 0.15, "dynamodb"),
}
INVOCATIONS: dict[str, Callable[[Random], Disturbance]] = {
    "dies before": lambda dice: Disturbance(faults.death(dice), after_calls=0),
    "dies midway": lambda dice: Disturbance(faults.death(dice), dice.randint(1, 12)),
    "dies after": lambda dice: Disturbance(faults.death(dice)),
    "twice": lambda dice: Disturbance(again_after=dice.choice([0, 0, 1, 30, 300])),
    "dies and comes again": lambda dice: Disturbance(
        faults.death(dice), dice.randint(0, 8), again_after=dice.uniform(0, 60)
    ),
}
CLOUD: dict[str, Arrange] = {
    "events": _events,
    "clock": faults.jump_about,
    "stuck": faults.hang_a_job(3600),
    "stuck for hours": faults.hang_a_job(18_000),
    "fails once": faults.fail_a_launch(times=1),
    "fails": faults.fail_a_launch(),
    "does not start": faults.fail_a_start,
}
AT_ORIGIN = ("events", "clock", "stuck", "fails once")
"""Those that leave a server on one side at the end: the failback is then compared server by server."""


def _mixed(returning: bool) -> Arrange:
    def arrange(here: Stage, dice: Random) -> None:
        for name in dice.sample(sorted(CALLS), dice.randint(0, 2)):
            CALLS[name](here, dice)
        if dice.random() < 0.7:
            issue = INVOCATIONS[dice.choice(sorted(INVOCATIONS))]
            faults.invocations(dice.uniform(0.05, 0.25), issue)(here, dice)
        known = AT_ORIGIN if returning else sorted(CLOUD)
        if dice.random() < 0.3:
            faults.control(here, dice)
        for name in dice.sample(known, dice.randint(0, 2)):
            CLOUD[name](here, dice)

    return arrange


def _among_outsiders(returning: bool) -> Arrange:
    """Outsiders, in half of the cases among other faults."""

    def arrange(here: Stage, dice: Random) -> None:
        if dice.random() < 0.5:
            _mixed(returning)(here, dice)
        interfere(here, dice, returning=returning)

    return arrange


def _among_preparations(here: Stage, dice: Random) -> Sequence[Run]:
    """A failover; in most mixes the plan is prepared, or that undone, before it, meanwhile or after it."""
    preparations: list[str] = []

    def prepare(**request: Any) -> None:
        preparations.append(begin(here, f"prep-{len(preparations) + 1}", **request))

    def later(**request: Any) -> None:
        here.cloud.clock.call_later(dice.uniform(0, 120), lambda: prepare(**request))

    if dice.random() < 0.5:
        prepare()
        if dice.random() < 0.7:
            here.cloud.wait(preparations[0])
        else:
            here.cloud.advance(dice.uniform(0, 20))
    for undo in dice.choice([(), (False,), (True,), (False, True)]):
        later(undo=undo)
    out = here.run("out")
    here.cloud.advance(LATE)
    for arn in preparations:
        here.cloud.wait(arn)
    return [out]


def _whatever(here: Stage, runs: Sequence[Run]) -> None:
    """Whatever became of it: only the facts count."""


UNDETERRED = {"onBlocked": "CONTINUE"}
"""One server that outsiders have blocked keeps no other from being launched."""

MIXES = [
    Scenario(
        "mix",
        "Several faults at once on the failover",
        _mixed(returning=False),
        _among_preparations,
        expect=_whatever,
        on_failure="CONTINUE",
    ),
    Scenario(
        "failback-mix",
        "Several faults at once on the failback",
        _mixed(returning=True),
        fail_servers_back,
        expect=_whatever,
        on_failure="CONTINUE",
        returning=True,
    ),
    Scenario(
        "outsiders",
        "Others change settings, tags, instances and findings between any two states of a failover",
        _among_outsiders(returning=False),
        expect=_whatever,
        check=check_despite,
        policies=UNDETERRED,
        on_failure="CONTINUE",
    ),
    Scenario(
        "failback-outsiders",
        "The same on the failback",
        _among_outsiders(returning=True),
        fail_servers_back,
        expect=_whatever,
        check=check_despite,
        policies=UNDETERRED,
        on_failure="CONTINUE",
        returning=True,
    ),
]
