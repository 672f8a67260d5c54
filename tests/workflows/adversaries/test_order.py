"""A wave with nothing to do stands for those that it depends on: order holds through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.workflows.stage import Run, Stage, group, issue, stage, wave

NAMES = ("data", "identity", "application", "jobs", "web")
CHAIN = [wave(name, *before) for name, before in zip(NAMES, [(), *((name,) for name in NAMES)], strict=False)]


def blocked(here: Stage) -> Run:
    return here.run()


def left_out(here: Stage) -> Run:
    """The request selects servers of other waves only."""
    return here.run(servers=[name for name in NAMES if name != "jobs"])


def skip_when_planned(here: Stage) -> Run:
    def skip(event: dict[str, object]) -> None:
        if not here.cloud.functions.invocations("ControlExecutionFunction"):
            who = {"by": "ana", "reason": "no jobs today"}
            message = {"executionId": "run", "action": "SKIP", "wave": "jobs", **who}
            here.call("ControlExecutionFunction", message)

    here.cloud.on_function("ReserveServersFunction", skip)
    return here.run()


@pytest.mark.parametrize("order", ["TOGETHER", "BY_WAVE"])
@pytest.mark.parametrize(
    ("play", "jobs"),
    [
        pytest.param(skip_when_planned, {}, id="skipped"),
        pytest.param(blocked, issue("noTarget"), id="blocked"),
        pytest.param(left_out, {}, id="not selected"),
    ],
)
def test_web_starts_after_application_although_jobs_between_them_has_nothing_to_do(
    order: str, play: Callable[[Stage], Run], jobs: dict[str, Any]
) -> None:
    servers = [group(name, name, **(jobs if name == "jobs" else {})) for name in NAMES]
    policies = {"launchOrder": order, "onBlocked": "CONTINUE"}
    with stage(*servers, waves=CHAIN, policies=policies) as here:
        run = play(here)

        assert run.outcomes.get("jobs") in (None, "SKIPPED", "BLOCKED")
        recovered = [name for name in NAMES if name != "jobs"]
        assert {run.outcomes[name] for name in recovered} == {"RECOVERED"}
        started = {name: here.record("run", name)["startRequestedAt"] for name in recovered}
        ended = {name: run.wave(name)["endedAt"] for name in recovered}
        assert started["web"] >= ended["application"]
        assert started["application"] >= ended["identity"]


def test_what_fails_before_an_empty_wave_skips_what_comes_after_it() -> None:
    servers = [group(name, name) for name in NAMES]
    servers[2] = group("application", "application", **issue("targetDoesNotStart"))
    with stage(*servers, waves=CHAIN) as here:
        run = left_out(here)
        assert (run.outcomes["application"], run.outcomes["web"]) == ("FAILED", "SKIPPED")
        assert "application is FAILED" in run.server("web")["reason"]
