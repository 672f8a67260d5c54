"""What failed servers do to the waves that depend on theirs, and to the execution."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.stage import Stage, group, issue, stage, wave

BROKEN = issue("targetDoesNotStart")


def fleet(on_failure: Any, broken: int) -> dict[str, Any]:
    """Three servers in wave data, the first ``broken`` of which fail; web depends on it, batch does not."""
    names = [f"db-{n}" for n in range(1, broken + 1)]
    data = group("db", "data", count=3, issue=[{**BROKEN["issue"][0], "servers": names}])
    policy = {} if on_failure is None else {"onFailure": on_failure}
    return {
        "servers": [data, group("web", "web"), group("batch", "batch")],
        "waves": [wave("data", **policy), wave("web", "data"), wave("batch")],
    }


@pytest.mark.parametrize(
    ("on_failure", "broken", "goes_on"),
    [
        (None, 1, False),
        ("CONTINUE", 3, True),
        ({"tolerate": 1}, 1, True),
        ({"tolerate": 1}, 2, False),
        ({"tolerate": "34%"}, 1, True),
        ({"tolerate": "33%"}, 1, False),
    ],
)
def test_the_policy_decides_whether_dependents_go_on(on_failure: Any, broken: int, goes_on: bool) -> None:
    made = fleet(on_failure, broken)
    with stage(*made["servers"], waves=made["waves"]) as here:
        run = here.run()
        assert run.status == ("COMPLETED_WITH_FAILURES" if goes_on else "FAILED")
        assert run.server("batch")["status"] == "RECOVERED"
        assert [run.server(f"db-{n}")["status"] for n in range(1, 4)] == ["FAILED"] * broken + [
            "RECOVERED"
        ] * (3 - broken)
        if goes_on:
            assert run.server("web")["status"] == "RECOVERED"
            assert run.wave("data")["status"] == "COMPLETED_WITH_FAILURES"
        else:
            assert run.wave("data")["status"] == "FAILED"
            assert run.wave("web")["status"] == "SKIPPED"
            assert "data is FAILED" in run.wave("web")["reason"]
            assert "data is FAILED" in run.server("web")["reason"]
            assert f"{here.target('web')} has the recovered volumes" in run.server("web")["remedy"]
            assert_left_stopped(here, "web")


def test_by_wave_a_skipped_wave_is_not_even_configured() -> None:
    made = fleet("STOP", 1)
    with stage(*made["servers"], waves=made["waves"], policies={"launchOrder": "BY_WAVE"}) as here:
        before = here.world()
        run = here.run()
        assert run.server("web")["status"] == "SKIPPED"
        assert here.jobs_of("web") == []
        assert here.world()["launch"][here.source("web")] == before["launch"][here.source("web")]
        assert_left_stopped(here, "web")


def test_skipping_goes_down_the_whole_chain() -> None:
    waves = [wave("a"), wave("b", "a"), wave("c", "b")]
    with stage(group("a", "a", **BROKEN), group("b", "b"), group("c", "c"), waves=waves) as here:
        run = here.run()
        assert run.outcomes == {"a": "FAILED", "b": "SKIPPED", "c": "SKIPPED"}
        assert "a is FAILED" in run.server("c")["reason"]


def test_a_server_that_was_blocked_is_no_failure_of_its_wave() -> None:
    waves = [wave("data", onFailure="STOP"), wave("web", "data")]
    groups = [group("db", "data"), group("odd", "data", **issue("noTarget")), group("web", "web")]
    with stage(*groups, waves=waves, policies={"onBlocked": "CONTINUE"}) as here:
        run = here.run()
        assert run.status == "COMPLETED_WITH_FAILURES"
        assert run.outcomes == {"db": "RECOVERED", "odd": "BLOCKED", "web": "RECOVERED"}


def assert_left_stopped(here: Stage, server: str) -> None:
    assert here.instances()[here.target(server)]["state"] == "stopped"
    assert here.source(server) not in here.pairs()
