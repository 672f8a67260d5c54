"""What an attacker with one function of a tier reaches is what docs/iam.md says, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import pytest

from tests.policies import (
    PROJECT,
    RECOVERY,
    REGION,
    TIERS,
    Statement,
    function_statements,
    functions,
    member,
    role_name,
    role_statements,
    tier_of,
)
from tests.reach import (
    Check,
    Probe,
    function_may,
    functions_that_reach,
    hub_probes,
    is_probed,
    member_probes,
    role_may,
    role_of,
    role_reaches,
)

HEADINGS = {"itself": "### With its own permissions", "member": "### As the member role of its tier"}
NONE, YES, FEW = "no", "yes", 3
READING = ("Describe", "Get", "List", "BatchGet", "Query", "Scan", "Simulate")


@cache
def documented(part: str) -> dict[str, dict[str, str]]:
    """The cells of a table of docs/iam.md: by reach, then by tier."""
    page = (PROJECT / "docs" / "iam.md").read_text("utf-8")
    section = re.split(r"\n##+ ", page.split(HEADINGS[part], 1)[1], maxsplit=1)[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    assert rows[0][1:] == [tier.rsplit("/", 1)[-1] for tier in TIERS]
    cells = {row[0].strip(): dict(zip(TIERS, map(str.strip, row[1:]), strict=True)) for row in rows[2:]}
    assert len(cells) == len(rows) - 2, "a reach has two rows"
    return cells


def of_functions(tier: str, probe: Probe) -> str:
    """As a cell says which functions reach it: all, their names, or how many of them."""
    found = functions_that_reach(tier, probe)
    count = len([name for name in functions() if tier_of(name) == tier])
    if not found:
        return NONE
    if len(found) == count:
        return "all"
    return ", ".join(found) if len(found) <= FEW else f"{len(found)} of {count}"


@pytest.mark.parametrize("tier", TIERS)
def test_what_a_function_reaches_itself_is_documented_and_nothing_else_is(tier: str) -> None:
    reached = {probe.words: of_functions(tier, probe) for probe in hub_probes(tier)}
    assert reached == {words: cells[tier] for words, cells in documented("itself").items()}


@pytest.mark.parametrize("tier", TIERS)
def test_what_it_reaches_as_a_member_role_is_documented_and_nothing_else_is(tier: str) -> None:
    reached = {probe.words: YES if role_reaches(tier, probe) else NONE for probe in member_probes()}
    assert reached == {words: cells[tier] for words, cells in documented("member").items()}


def unprobed(
    found: Iterable[Statement], principal: str, probes: Iterable[Probe]
) -> set[tuple[str, str, str]]:
    """What these statements allow beside reading, and no probe meets with the conditions of the statement."""
    checks = [check for probe in probes for check in probe.checks]
    return {
        (statement.sid, *grant)
        for statement in found
        if statement.effect == "Allow"
        for grant in statement.grants
        if not grant[0].split(":")[1].startswith(READING)
        and not is_probed(statement, *grant, principal, checks)
    }


@pytest.mark.parametrize("tier", TIERS)
def test_every_permission_that_changes_anything_is_probed(tier: str) -> None:
    """Else a new permission would be a reach that the page does not have."""
    for name in functions():
        if tier_of(name) == tier:
            assert unprobed(function_statements(name), role_of(name), hub_probes(tier)) == set(), name
    role = f"arn:aws:iam::{RECOVERY}:role/{member().ref(role_name(tier))}"
    assert unprobed(role_statements(tier), role, member_probes()) == set()


@pytest.mark.parametrize("tier", TIERS)
def test_the_evaluator_distinguishes_what_the_tables_rest_on(tier: str) -> None:
    """Else the tables would be empty, or full, whatever the policies are."""
    assert role_may(tier, Check("ec2:DescribeInstances", "*"))
    assert not role_may(tier, Check("ec2:DescribeVpcs", "*"))
    assert not role_may(tier, Check("ec2:StartInstances", f"arn:aws:ec2:{REGION}:{RECOVERY}:instance/i-1"))
    role = f"arn:aws:iam::{RECOVERY}:role/{member().ref(role_name(tier))}"
    may = {function_may(name, Check("sts:AssumeRole", role)) for name in functions() if tier_of(name) == tier}
    assert True in may
    assert not any(
        function_may(name, Check("sts:AssumeRole", role)) for name in functions() if tier_of(name) != tier
    )
