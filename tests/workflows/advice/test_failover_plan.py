"""The remedy of each finding about plan, tags and names is followed, and its server is recovered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.workflows.advice.failover_plan_rows import ROWS, WEST, PlanRow
from tests.workflows.advice.failover_situations import PLAIN
from tests.workflows.advice.soundness import is_sound
from tests.workflows.stage import Run, Stage, group, stage, wave

WAVES = (wave("all"), wave("second"))
OTHERS = (group(PLAIN, "second"), group("in-the-west", site="west"))


def found_of(here: Stage, run: Run, row: PlanRow) -> Iterator[dict[str, Any]]:
    """The findings of the row's server, those of the plan, and those of targets."""
    for server in run.report["servers"]:
        if server["sourceServerId"] == here.source(row.server):
            yield from server["findings"]
    yield from run.report["findings"]
    yield from (target["finding"] for target in run.report["unmatchedTargets"])


def finding(here: Stage, run: Run, row: PlanRow) -> dict[str, Any]:
    found = [one for one in found_of(here, run, row) if one["code"] == row.code]
    if row.variant == "target":
        found = [one for one in found if one["severity"] == "WARNING"]
    assert found, (row.code, [one["code"] for one in found_of(here, run, row)])
    return found[0]


def test_what_findings_about_plan_and_names_advise_recovers_each_server() -> None:
    groups = [group(row.server, **row.fleet) for row in ROWS]
    with stage(*OTHERS, *groups, waves=WAVES, more_sites=[WEST]) as here:
        for row in ROWS:
            row.arises(here, row.server)
        first = here.run("first", dryRun=True)
        is_sound(first)
        for row in ROWS:
            row.follow(here, row.server, finding(here, first, row)["remedy"])

        second = here.run("second", dryRun=True)
        assert second.status == "COMPLETED", second.summary
        left = {name: second.server(name)["reason"] for name, s in second.outcomes.items() if s != "READY"}
        assert not left, left
        assert not second.report["findings"], second.report["findings"]
        run = here.run()
        is_sound(run)
        assert set(run.outcomes.values()) == {"RECOVERED"}, run.summary
        reported = {server["sourceServerId"] for server in run.report["servers"]}
        assert {here.source(name) for name in here.servers} <= reported
