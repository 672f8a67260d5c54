"""What a scenario is, and how one is played: with a seed, to its end, and checked against the facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from drs_emulator import Settings
from shared.aws.cross_account import member_accounts
from tests.workflows.failback_stage import back, fail_back
from tests.workflows.oracle import Facts, check_facts, facts
from tests.workflows.stage import QUICK_JOBS, Run, Stage, group, site, stage, wave

WEST = {
    "origin": {"account": "222233334444", "region": "us-east-1"},
    "recovery": {"account": "555566667777", "region": "us-west-2"},
}
CALL_SECONDS = 0.05
"""What an AWS call takes, so that functions that run at the same time take turns."""
LATE = 900.0
"""By then everything that comes late has come."""
QUICK = replace(QUICK_JOBS, replication_time_factor=0.05, agent_check_in_seconds=(20.0, 200.0))
"""A copy to the origin takes about 15 seconds, an agent at most 10 to check in."""

Arrange = Callable[[Stage, Random], None]
Play = Callable[[Stage, Random], Sequence[Run]]
Expect = Callable[[Stage, Sequence[Run]], None]
Check = Callable[[Stage, Facts, Sequence[Run]], None]


def fail_over(here: Stage, dice: Random) -> Sequence[Run]:
    """One failover of the plan."""
    return [here.run("out")]


def fail_servers_back(here: Stage, dice: Random) -> Sequence[Run]:
    """One failback of the plan."""
    return [fail_back(here)]


def all_recovered(here: Stage, runs: Sequence[Run]) -> None:
    """No function noticed anything."""
    for run in runs:
        assert set(run.outcomes.values()) == {"RECOVERED"}, run.summary
        assert run.status == "COMPLETED", run.summary


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault that must not hurt.

    ``arrange`` makes things go wrong before ``play`` runs what is to withstand it; both draw from dice that
    only the seed throws. ``expect`` is what this scenario asks for beyond ``check``, the facts of the cloud.
    ``returning``: the fleet was failed over before, without faults, and comes back. ``timely``: the times in
    reports follow each other.
    """

    name: str
    what: str
    arrange: Arrange = lambda here, dice: None
    play: Play = fail_over
    expect: Expect = all_recovered
    check: Check = check_facts
    returning: bool = False
    timely: bool = True
    policies: dict[str, Any] = field(default_factory=dict)
    on_failure: str = "STOP"
    jobs: Settings = QUICK

    @contextmanager
    def fleet(self, seed: int) -> Iterator[Stage]:
        """Three waves on two sites; for the failback, where waves are the same again, two on one."""
        waves = [
            wave("data", onFailure=self.on_failure),
            wave("app", "data", onFailure=self.on_failure),
            wave("web", "app", onFailure=self.on_failure),
        ]
        groups = [
            group("db", "data"),
            group("app", "app", count=3),
            group("far", "app", count=2, site="west"),
            group("web", "web"),
        ]
        west = [site("west", WEST["origin"], WEST["recovery"])]
        if self.returning:
            groups, waves, west = [group("db", "data"), group("web", "app", count=2)], waves[:2], []
        member_accounts.cache_clear()  # or roles would have been assumed before the first fault
        with stage(
            *groups,
            waves=waves,
            more_sites=west,
            policies=self.policies,
            jobs=self.jobs,
            seed=seed,
            api_seconds=CALL_SECONDS,
        ) as here:
            yield here


def play(scenario: Scenario, seed: int) -> Sequence[Run]:
    """Plays it. What fails carries the command that plays the same again."""
    try:
        return _play(scenario, seed)
    except BaseException as error:
        error.add_note(f"again: {replay_command(scenario, seed)}")
        raise


def replay_command(scenario: Scenario, seed: int) -> str:
    """What to type to play it again."""
    return f"make soak SCENARIO={scenario.name} SEED={seed}"


def _play(scenario: Scenario, seed: int) -> Sequence[Run]:
    dice = Random(f"{scenario.name}/{seed}")
    with scenario.fleet(seed) as here:
        world = here.world()
        if scenario.returning:
            all_recovered(here, [here.run("out")])
        before = facts(here)
        scenario.arrange(here, dice)
        runs = scenario.play(here, dice)
        here.cloud.heal()
        here.cloud.advance(LATE)
        scenario.check(here, before, runs)
        scenario.expect(here, runs)
        if scenario.returning and scenario.expect is all_recovered:
            back(here, world, runs[-1], timely=scenario.timely)
        return runs
