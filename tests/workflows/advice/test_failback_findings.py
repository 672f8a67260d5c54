"""The remedy of findings before a failback is followed, and each server comes back."""

from __future__ import annotations

from shared.rules.checks.prerequisites import CHECKS as FAILOVER_CHECKS
from shared.rules.checks.prerequisites import SCOPE_CHECKS as FAILOVER_SCOPE_CHECKS
from shared.rules.checks.reverse_prerequisites import CHECKS, IDENTIFICATION_CODES, SCOPE_CHECKS
from tests.workflows.advice.failback_rows import ROWS
from tests.workflows.advice.soundness import is_sound
from tests.workflows.failback_stage import away, back, fail_back
from tests.workflows.stage import Stage, group

NOT_YET = {
    "RECOVERY_INSTANCE_WILL_BE_STARTED",
    "RECOVERY_INSTANCE_UNHEALTHY",
    "REVERSED_ELSEWHERE",
    "AGENT_DENIED",
    "IMDS_UNKNOWN",
    "ROUTE_MISSING",
    "NETWORK_ACL_CLOSED",
    "NETWORK_UNKNOWN",
    "ORIGINAL_NOT_FOUND",
    "ORIGINAL_WILL_BE_TAGGED",
    "ORIGINAL_RUNNING",
    "ORIGINAL_WILL_BE_STOPPED",
    "ORIGINAL_SPOT",
    "ORIGINAL_AUTO_SCALING",
    "ORIGINAL_PROFILE_UNREADABLE",
    "NOT_TERMINATED",
    "REPLICATION_TEMPLATE_MISSING",
    "STAGING_SUBNET_MISSING",
    "LAUNCH_TEMPLATE_CONTRADICTS",
    "QUOTA_REPLICATING",
    *IDENTIFICATION_CODES,
}
"""Codes of a failback alone whose advice no row follows; other tests play the situations of most of them."""


def test_each_code_has_a_row_or_is_known_to_have_none() -> None:
    of_failover = {check.code for check in FAILOVER_CHECKS} | {check.code for check in FAILOVER_SCOPE_CHECKS}
    own = (
        {check.code for check in CHECKS} | {check.code for check in SCOPE_CHECKS} | set(IDENTIFICATION_CODES)
    )
    rows = {row.code for row in ROWS} | {code for row in ROWS for code in row.also}
    assert own - of_failover - rows - NOT_YET == set()
    assert rows & NOT_YET == set(), "what is played is not excused"
    assert rows | NOT_YET <= own


def test_what_the_findings_of_a_failback_advise_brings_each_server_back() -> None:
    groups = [group(row.server, **row.fleet) for row in ROWS]
    with away(group("plain"), *groups) as (here, before):
        _strike(here)
        for row in ROWS:
            row.arises(here, row.server)
        here.cloud.advance(60)
        first = fail_back(here, "first", checkOnly=True)
        is_sound(first)
        for row in ROWS:
            found = {one["code"]: one["remedy"] for one in first.server(row.server)["findings"]}
            assert {row.code, *row.also} <= found.keys(), (row, first.server(row.server))
            for code in (row.code, *row.also):
                row.follow(here, row.server, found[code])
        here.cloud.advance(120)

        second = fail_back(here, "second", checkOnly=True)
        assert set(second.outcomes.values()) == {"READY"}, second.summary
        run = fail_back(here)
        is_sound(run)
        back(here, before, run)


def _strike(here: Stage) -> None:
    """The originals are stopped, as the disaster left them."""
    here.strike()
    here.cloud.advance(60)
