"""The remedy of each failure during a failover is followed, and the next run recovers its server."""

from __future__ import annotations

import re

import pytest

from shared.rules.drs.drs_error_table import BY_CODE, BY_MESSAGE, BY_SUFFIX, OFF_BY_DEFAULT, RAW_ERRORS
from tests.workflows.advice.aws_cli import typed
from tests.workflows.advice.failover_situations import PLAIN
from tests.workflows.advice.failure_rows import FAILURES, Failure
from tests.workflows.advice.soundness import faults, is_sound
from tests.workflows.stage import Run, group, stage, wave

ALSO_PLAYED = frozenset({"LAUNCH_SETTINGS_NOT_RESTORED", "ADOPTED"})
POLICIES = {"onBlocked": "CONTINUE", "verifyTimeoutSeconds": 120, "launchTimeoutSeconds": 600}
WAVES = [wave(name, onFailure="CONTINUE") for name in ("all", "slow")]


def advice(run: Run, row: Failure) -> str:
    """The remedy of the server, or of the finding that the row is about."""
    server = run.server(row.name)
    found = {finding["code"]: finding["remedy"] for finding in server["findings"]}
    assert server["status"] == row.outcome, (row.name, server)
    text = str(found[row.code] if row.code else server["remedy"])
    assert row.says in text, (row.name, text)
    return text


def test_what_a_failure_advises_lets_the_next_run_recover_its_server() -> None:
    groups = [group(row.name, row.wave) for row in FAILURES]
    with stage(group(PLAIN), *groups, waves=WAVES, policies=POLICIES) as here:
        for row in FAILURES:
            row.arises(here, row.name)
        settings = here.launch_settings("stuck")
        run = here.run()
        is_sound(run)
        assert run.outcomes[PLAIN] == "RECOVERED"
        [runs] = [line for line in run.summary.splitlines() if line.startswith("| ORIGINAL_RUNS ")]
        alone = {name for name, outcome in run.outcomes.items() if outcome != "RECOVERED"}
        assert not alone & set(re.findall(r"[\w-]+", runs.split("|")[2])), "nothing else runs their workload"
        here.cloud.ec2.clear_faults()
        here.cloud.drs.admin("DELETE", "/faults", None)
        for row in FAILURES:
            row.follow(here, row.name, advice(run, row))
        [left] = [one for one in run.report["findings"] if one["code"] == "LAUNCH_SETTINGS_NOT_RESTORED"]
        typed(here, left["remedy"])
        assert here.launch_settings("stuck") == settings

        again = here.run("again", retryOf="run", retryBlocked=True)
        is_sound(again)
        assert again.status == "COMPLETED", again.summary
        assert "ADOPTED" in again.codes("untagged-after"), "it is started, and not launched again"
        failed = {row.name for row in FAILURES if row.outcome != "RECOVERED"}
        assert {name for name, outcome in again.outcomes.items() if outcome == "RECOVERED"} >= failed
        assert here.overlapping_jobs() == []
        assert {pair["workloadSide"] for pair in here.pairs().values()} == {"RECOVERY"}
        assert len(here.pairs()) == len(here.servers), "each is on record: it can fail back"


@pytest.mark.parametrize(
    "text",
    sorted(
        {remedy for _, remedy in BY_CODE.values()}
        | {remedy for *_, remedy in (*BY_MESSAGE, *BY_SUFFIX)}
        | {remedy for _, remedy in RAW_ERRORS}
        | set(OFF_BY_DEFAULT.values())
    ),
)
def test_what_the_tables_of_errors_advise_can_be_followed(text: str) -> None:
    assert faults(text) == []
