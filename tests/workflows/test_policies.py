"""Each function's policy, and each member role's, allows exactly the calls that the code makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policies import (
    TIERS,
    Statement,
    function_statements,
    functions,
    matches,
    member,
    role_name,
    role_statements,
    tier_of,
)
from tests.workflows.policy_scenarios import SCENARIOS, stage
from tests.workflows.recorded_calls import Recorded, forget_sessions


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> set[Recorded]:
    """Everything that the functions did in all scenarios."""
    forget_sessions()
    calls: set[Recorded] = set()
    for scenario, servers in SCENARIOS:
        folder: Path = tmp_path_factory.mktemp(scenario.__name__)
        with stage(folder, servers) as at:
            scenario(at)
            calls |= at.cloud.recorded
    return calls


def allowing(statements: tuple[Statement, ...], call: Recorded) -> list[Statement]:
    return [
        statement
        for statement in statements
        if statement.effect == "Allow"
        and not statement.forwarded
        and call.action in statement.actions
        and any(matches(pattern, call.resource) for pattern in statement.resources)
    ]


def unused(statements: tuple[Statement, ...], calls: set[Recorded]) -> set[tuple[str, str]]:
    """(action, resource pattern) pairs that are allowed, for direct calls, and that no call needs."""
    return {
        (action, pattern)
        for statement in statements
        if statement.effect == "Allow" and not statement.forwarded
        for action, pattern in statement.grants
        if not any(call.action == action and matches(pattern, call.resource) for call in calls)
    }


@pytest.mark.parametrize("function", functions())
def test_a_function_may_do_what_it_does_and_nothing_else(function: str, recorded: set[Recorded]) -> None:
    calls = {call for call in recorded if call.function == function and call.role is None}
    statements = function_statements(function)
    assert calls, f"no scenario calls {function}"
    missing = sorted({(c.action, c.resource) for c in calls if not allowing(statements, c)})
    assert not missing, f"{function} needs what template.yaml does not allow"
    assert not unused(statements, calls), f"template.yaml allows {function} what it never does"


@pytest.mark.parametrize("tier", TIERS)
def test_a_member_role_may_do_what_its_functions_do_and_nothing_else(
    tier: str, recorded: set[Recorded]
) -> None:
    name = member().ref(role_name(tier))
    calls = {call for call in recorded if call.role and call.role.endswith(f"role/{name}")}
    missing = {
        (call.action, call.resource)
        for call in calls
        if not allowing(role_statements(tier, account=call.role.split(":")[4] if call.role else ""), call)
    }
    assert not missing, f"{tier} functions need what member-account.yaml does not allow"
    # What is left is what DRS does with the role's permissions: see below.
    assert not unused(role_statements(tier), calls)


def test_functions_assume_the_role_of_their_tier_and_no_other(recorded: set[Recorded]) -> None:
    assumed = {(tier_of(call.function), call.role.rsplit("/", 1)[-1]) for call in recorded if call.role}
    assert assumed == {(tier, member().ref(role_name(tier))) for tier in TIERS}
