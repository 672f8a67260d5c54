"""One broken account does not keep the others waiting: its site is named with the cause, the rest goes on."""

from __future__ import annotations

from typing import Any

import pytest

from local.wire import Answer
from tests.local.simulation.world import ORIGIN
from tests.workflows.stage import Run, Stage, group, site, stage

CAUSES = {
    "the account is not listed": (
        "User: arn:aws:sts::999988887777:assumed-role/x is not authorized to perform: sts:AssumeRole on "
        "resource: y because no identity-based policy allows the sts:AssumeRole action",
        "MemberAccountIds",
    ),
    "the role is missing or has another ExternalId": (
        "User: arn:aws:sts::999988887777:assumed-role/x is not authorized to perform: sts:AssumeRole on y",
        "Deploy member-account.yaml in",
    ),
}


def west(account: str) -> dict[str, Any]:
    recovery = {"account": account, "region": "us-west-2"}
    return site("west", {"account": ORIGIN["account"], "region": "us-west-1"}, recovery)


def deny(here: Stage, service: str, operation: str, words: str, message: str, role: str = "") -> None:
    """From now on the functions' calls of this kind that contain these words are denied."""
    answer = here.cloud.routes.answer

    def denying(call: Any) -> Any:
        asked = (call.service, call.operation) == (service, operation) and words.encode() in call.body
        if asked and role.encode() in call.body and here.cloud.functions.calling() is not None:
            text = f"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}"
            body = f"{text}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
            return Answer(403, {"Content-Type": "text/xml"}, body.encode())
        return answer(call)

    here.cloud.routes.answer = denying  # type: ignore[method-assign]


def unreadable(run: Run) -> dict[str, str]:
    [finding] = [f for f in run.report["findings"] if f["code"] == "SITE_UNREADABLE"]
    return dict(finding)


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("role", ["drs-orchestrator-query", "drs-orchestrator-configuration"])
def test_a_site_that_denies_access_is_named_and_the_others_are_recovered_if_asked_for(
    cause: str, role: str
) -> None:
    account = f"12341234{list(CAUSES).index(cause)}{len(role)}34"[:12].ljust(12, "0")
    servers = (group("east-app"), group("west-app", site="west"))
    with stage(*servers, more_sites=[west(account)]) as here:
        message, remedy = CAUSES[cause]
        deny(here, "sts", "AssumeRole", account, message, role)
        before = here.world()
        stopped = here.run("stopped")
        assert stopped.status == "BLOCKED"
        assert here.world() == before
        assert "west" in stopped.report["reason"]
        found = unreadable(stopped)
        assert remedy in found["remedy"]
        assert "Site west" in found["found"]

        dry = here.run("dry", dryRun=True, onBlocked="CONTINUE")
        assert dry.status == "COMPLETED_WITH_FAILURES", "never green where a site is not known"
        assert "Nothing was changed. Start it again without dryRun" in dry.summary
        run = here.run(onBlocked="CONTINUE")
        assert run.status == "COMPLETED_WITH_FAILURES"
        assert "with that site under sites" in run.summary
        assert run.outcomes["east-app"] == "RECOVERED"
        assert run.outcomes.get("west-app", "BLOCKED") == "BLOCKED"
        assert unreadable(run) == found
        assert "SITE_UNREADABLE" in run.summary

        # The remedy, followed: the account lets us in, and the advice of the report.
        del here.cloud.routes.answer
        late = here.run("late", sites=["west"])
        assert late.status == "COMPLETED"
        assert late.outcomes == {"west-app": "RECOVERED"}


def test_a_request_may_be_limited_to_the_sites_that_can_be_read() -> None:
    account = "123412349934"
    with stage(group("east-app"), group("west-app", site="west"), more_sites=[west(account)]) as here:
        deny(here, "sts", "AssumeRole", account, CAUSES["the account is not listed"][0])
        run = here.run(sites=["east"])
        assert run.status == "COMPLETED"
        assert run.outcomes == {"east-app": "RECOVERED"}


def test_a_missing_permission_is_another_cause_than_a_missing_role() -> None:
    account = "123412348834"
    with stage(group("east-app"), group("west-app", site="west"), more_sites=[west(account)]) as here:
        here.cloud.calls.clear()
        answer = here.cloud.routes.answer

        def denying(call: Any) -> Any:
            if (call.service, call.account, call.operation) == ("drs", account, "DescribeSourceServers"):
                body = b'{"message": "not authorized to perform: drs:DescribeSourceServers"}'
                return Answer(403, {"x-amzn-ErrorType": "AccessDeniedException"}, body)
            return answer(call)

        here.cloud.routes.answer = denying  # type: ignore[method-assign]
        run = here.run(onBlocked="CONTINUE")
        assert run.outcomes == {"east-app": "RECOVERED"}
        assert run.status == "COMPLETED_WITH_FAILURES"
        assert "the role there lacks a permission" in unreadable(run)["found"]
        assert "drs:DescribeSourceServers" in unreadable(run)["found"]
