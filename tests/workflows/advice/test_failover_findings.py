"""The remedy of each finding before a failover is followed, and its server is recovered."""

from __future__ import annotations

from typing import Any

from tests.workflows.advice.failover_rows import ROWS, Operator, Row, type_it
from tests.workflows.advice.failover_situations import PLAIN, elsewhere
from tests.workflows.advice.soundness import is_sound
from tests.workflows.stage import Run, Stage, group, stage

OF_EACH = {"ORIGINAL_RUNS", "LAUNCH_SETTINGS_CHANGE"}
"""Found of every server in quiet times."""


def finding(run: Run, row: Row, code: str = "") -> dict[str, Any]:
    found = {one["code"]: one for one in run.server(row.server)["findings"]}
    assert (code or row.code) in found, (row.code, sorted(found), run.server(row.server)["reason"])
    return dict(found[code or row.code])


def after(run: Run, row: Row, before: set[str]) -> list[str]:
    """What is not better of a row's server after its advice was followed."""
    server, codes = run.server(row.server), run.codes(row.server)
    wrong = [f"{row.code}: {server['status']}: {server['reason']}"] if server["status"] != "READY" else []
    if row.code in codes and (not row.stays or finding(run, row)["severity"] != "WARNING"):
        wrong.append(f"{row.code} is still there")
    worse = codes - before - OF_EACH - set(row.becomes)
    return wrong + [f"{row.code}: {code} is new" for code in sorted(worse)]


def follow_what_it_became(operator: Operator, run: Run) -> None:
    for row in ROWS:
        for code in row.becomes:
            type_it(operator, row, finding(run, row, code)["remedy"])


def states(here: Stage, servers: tuple[str, ...]) -> list[str]:
    instances = here.instances()
    return [instances[one]["state"] for one in servers]


def test_what_the_findings_of_a_failover_advise_makes_each_server_ready_and_recovers_it() -> None:
    with stage(group(PLAIN), *(group(row.server, **row.fleet) for row in ROWS)) as here:
        operator = Operator(here)
        for row in ROWS:
            row.arises(here, row.server)
        kept = tuple(elsewhere(here, row.server) for row in ROWS if row.code.startswith("RECOVERY_INSTANCE"))

        first = here.run("first", dryRun=True)
        is_sound(first)
        for row in ROWS:
            row.follow(operator, row, finding(first, row)["remedy"])
        drilled = here.run("drill", mode="DRILL", servers=operator.drill)
        assert set(drilled.outcomes.values()) == {"RETURNED"}

        second = here.run("second", dryRun=True, overrides=operator.overrides)
        wrong = [one for row in ROWS for one in after(second, row, first.codes(row.server))]
        assert not wrong, wrong
        follow_what_it_became(operator, second)

        run = here.run(overrides=operator.overrides)
        is_sound(run)
        assert set(run.outcomes.values()) == {"RECOVERED"}, run.summary
        assert states(here, kept) == ["stopped", "stopped"], "protected, as the advice promised"
