"""The benchmark: its ideal is what no orchestrator can beat, and its lines are what the issue asks for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import baseline, processes
from benchmarks.cases import CASES, Case, Wave, chain
from benchmarks.ideal import ideal
from benchmarks.prices import Usage, cost
from benchmarks.problem import END, Problem
from benchmarks.sampled import Job, Launch, Sampled
from benchmarks.schedule import achievable_seconds
from local.fleet import load
from shared.model.policies import LaunchOrder

TOGETHER, BY_WAVE = LaunchOrder.TOGETHER, LaunchOrder.BY_WAVE
SCOPE = "444455556666/us-east-2"


def job(number: int, wave: str, seconds: float, *, servers: int = 1, scope: str = SCOPE) -> Job:
    """All its servers are launched two seconds before it ends."""
    launches = tuple(Launch(f"{wave}/{number}/{n}", seconds - 2, True) for n in range(servers))
    return Job(f"job-{number:03}", scope, seconds, launches)


def problem(jobs: list[Job], waves: tuple[Wave, ...], order: LaunchOrder, boot: float = 50) -> Problem:
    servers = {launch.server for job in jobs for launch in job.launches if launch.launched}
    every = {launch.server for job in jobs for launch in job.launches}
    wave_of = {server: server.split("/")[0] for server in every}
    return Problem(Sampled(tuple(jobs), dict.fromkeys(sorted(servers), boot), wave_of), waves, order)


TWO = (Wave("a", 1), Wave("b", 1, ("a",)))


def test_together_only_boots_follow_the_order() -> None:
    jobs = [job(1, "a", 402), job(2, "b", 302)]
    assert ideal(problem(jobs, TWO, TOGETHER)).seconds == 400 + 50 + 50


def test_by_wave_a_job_starts_when_the_waves_before_are_done() -> None:
    jobs = [job(1, "a", 402), job(2, "b", 302)]
    assert ideal(problem(jobs, TWO, BY_WAVE)).seconds == 400 + 50 + 300 + 50


def test_a_late_job_of_a_later_wave_decides() -> None:
    jobs = [job(1, "a", 302), job(2, "b", 902)]
    assert ideal(problem(jobs, TWO, TOGETHER)).seconds == 900 + 50


@pytest.mark.parametrize(
    ("jobs", "servers", "rounds"), [(5, 100, 1), (6, 100, 2), (10, 100, 2), (20, 1, 1), (21, 1, 2)]
)
def test_quotas_make_rounds(jobs: int, servers: int, rounds: int) -> None:
    listed = [job(number, "a", 400, servers=servers) for number in range(jobs)]
    given_problem = problem(listed, (Wave("a", jobs * servers),), TOGETHER)
    assert ideal(given_problem).seconds == pytest.approx(rounds * 400 - 2 + 50)
    assert achievable_seconds(given_problem) == pytest.approx(rounds * 400 - 2 + 50)


def test_the_ideal_is_the_best_way_to_put_jobs_one_after_another() -> None:
    """Two at a time: the longest first takes 700 s, and 600 s is possible."""
    listed = [job(number, "a", 100 * n, servers=250) for number, n in enumerate((3, 3, 2, 2, 2))]
    given_problem = problem(listed, (Wave("a", 1250),), TOGETHER)
    assert achievable_seconds(given_problem) == pytest.approx(700 - 2 + 50)
    found = ideal(given_problem)
    assert found.seconds == found.achievable == pytest.approx(600 - 2 + 50)


def test_each_scope_has_its_own_quotas() -> None:
    listed = [job(n, "a", 400, servers=100, scope=f"scope-{n % 2}") for n in range(10)]
    assert ideal(problem(listed, (Wave("a", 1000),), TOGETHER)).seconds == 398 + 50


def test_a_second_attempt_follows_the_job_of_the_first() -> None:
    first = Job("job-1", SCOPE, 402, (Launch("a/1", 100, False), Launch("a/2", 400, True)))
    second = Job("job-2", SCOPE, 302, (Launch("a/1", 300, True),))
    assert ideal(problem([first, second], (Wave("a", 2),), TOGETHER)).seconds == 402 + 300 + 50


def test_a_server_that_never_launches_ends_its_wave_where_it_failed() -> None:
    jobs = [Job("job-1", SCOPE, 402, (Launch("a/1", 100, False),)), job(2, "b", 302)]
    assert ideal(problem(jobs, TWO, BY_WAVE)).seconds == 100 + 300 + 50


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    waves = chain(draw(st.integers(1, 4)), 4)
    listed = [
        job(
            number,
            draw(st.sampled_from(waves)).name,
            draw(st.integers(300, 1200)),
            servers=draw(st.integers(1, 100)),
        )
        for number in range(draw(st.integers(1, 10)))
    ]
    return problem(listed, waves, draw(st.sampled_from(LaunchOrder)), boot=draw(st.integers(10, 90)))


@settings(max_examples=30, deadline=None)
@given(problems())
def test_no_schedule_beats_the_ideal(sampled: Problem) -> None:
    found = ideal(sampled, effort=0.1)
    assert sampled.heads[END] <= found.seconds + 1e-6
    assert found.seconds <= found.achievable + 1e-6
    assert found.achievable <= achievable_seconds(sampled) + 1e-6


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_a_fleet_with_the_servers_it_says(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(json.dumps(case.fleet()), "utf-8")
    fleet = load(path)
    assert len({server.name for server in fleet.servers}) == case.servers == int(case.name.split("x")[0])
    assert len(fleet.sites) == case.scopes


def test_names_of_cases_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_million_transitions_cost_what_step_functions_says() -> None:
    usage = Usage(1_000_000, 0, {}, 0, 0, 0)
    assert cost(usage) == pytest.approx(25.0)


class DeadlyCase(Case):
    """Ends the process that it is sent to."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (3,)


def test_a_process_that_ends_without_an_answer_is_reported_for_each_of_its_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "PRELOADED", [])  # nothing will be measured
    case = DeadlyCase("deadly", chain(1, 1))
    outcomes = list(processes.run_all([case], [TOGETHER, BY_WAVE], seed=0))
    assert outcomes == [
        ((case, order), "its process ended with exit code 3, before it was measured")
        for order in (TOGETHER, BY_WAVE)
    ]


def test_a_run_that_is_worse_than_the_baseline_is_named() -> None:
    known = baseline.read()
    assert {(run["name"], run["launchOrder"]) for run in known} == {
        (case.name, order.value) for case in CASES for order in LaunchOrder
    }
    assert list(baseline.deviations(known, known)) == []
    worse = [{**known[0], "ratio": known[0]["ratio"] * 1.03}, *known[1:]]
    [line] = baseline.deviations(worse, known)
    assert line.startswith("100x5-chain TOGETHER: ratio is")
    assert list(baseline.deviations([{**known[0], "name": "new"}], known)) == [
        "new TOGETHER: is not in the baseline"
    ]
