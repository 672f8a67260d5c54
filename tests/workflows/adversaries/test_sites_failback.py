"""In a failback and a preparation, too, one broken account does not keep the others waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.aws.cross_account import member_accounts
from tests.workflows.adversaries.test_sites import CAUSES, deny, unreadable
from tests.workflows.preparing import prepare
from tests.workflows.stage import Run, Stage, group, site, stage

ORIGIN = {"account": "111122220001", "region": "us-west-1"}
RECOVERY = {"account": "444455550002", "region": "us-west-2"}
SERVERS = (group("east-app"), group("west-app", site="west"))
ROLES = ("drs-orchestrator-query", "drs-orchestrator-configuration")


@contextmanager
def both_away() -> Iterator[Stage]:
    """Two sites, failed over."""
    with stage(*SERVERS, more_sites=[site("west", ORIGIN, RECOVERY)]) as here:
        assert here.run("out").status == "COMPLETED"
        here.cloud.advance(600)
        member_accounts.cache_clear()  # hours later, functions are cold and have no session any more
        yield here


def why(run: Run) -> dict[str, str]:
    """Of the site; where the recovery side can be read, of the server there."""
    if run.report["findings"]:
        assert run.status == "BLOCKED" or "start the failback again with that site under sites" in run.summary
        return unreadable(run)
    [finding] = [one for one in run.server("west-app")["findings"] if one["code"] == "ORIGIN_UNREADABLE"]
    return dict(finding)


@pytest.mark.parametrize(("side", "role"), [(ORIGIN, ROLES[0]), (RECOVERY, ROLES[0]), (RECOVERY, ROLES[1])])
def test_a_site_of_which_one_side_denies_access_stays_and_the_others_fail_back_if_asked_for(
    side: dict[str, str], role: str
) -> None:
    message, remedy = CAUSES["the account is not listed"]
    with both_away() as here:
        deny(here, "sts", "AssumeRole", side["account"], message, role)
        before = here.instances(RECOVERY)

        stopped = here.run("stopped", mode="FAILBACK")
        assert stopped.status == "BLOCKED"
        found = why(stopped)
        assert f"Site west ({side['account']}/" in found["found"]
        assert remedy in found["remedy"]

        run = here.run("back", mode="FAILBACK", onBlocked="CONTINUE")
        assert run.status == "COMPLETED_WITH_FAILURES"
        assert run.outcomes["east-app"] == "RECOVERED"
        assert run.outcomes.get("west-app", "BLOCKED") == "BLOCKED"
        assert why(run) == found
        assert here.instances(RECOVERY) == before, "nothing is stopped of what cannot be read"

        # The remedy, followed.
        del here.cloud.routes.answer
        late = here.run("late", mode="FAILBACK", sites=["west"])
        assert (late.status, late.outcomes) == ("COMPLETED", {"west-app": "RECOVERED"})


@pytest.mark.parametrize("role", ROLES)
def test_a_preparation_prepares_the_other_sites_and_says_which_it_could_not_read(role: str) -> None:
    message, remedy = CAUSES["the role is missing or has another ExternalId"]
    member_accounts.cache_clear()
    with stage(*SERVERS, more_sites=[site("west", ORIGIN, RECOVERY)]) as here:
        deny(here, "sts", "AssumeRole", RECOVERY["account"], message, role)

        done = prepare(here)
        assert done.report["status"] == "COMPLETED_WITH_FAILURES"
        assert done.outcomes["east-app"] == "PREPARED"
        assert done.outcomes.get("west-app", "BLOCKED") == "BLOCKED"
        assert "Site west" in done.report["reason"]
        assert remedy in done.report["remedy"]

        del here.cloud.routes.answer
        again = prepare(here, "again")
        assert again.report["status"] == "COMPLETED"
        assert again.outcomes == {"east-app": "ALREADY_RIGHT", "west-app": "PREPARED"}
