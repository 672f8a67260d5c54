"""Every code of a failover has its row: its advice is followed, or it is listed why that cannot be played."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import shared.rules
from shared.model.plan import ManualPair, Matching
from shared.model.policies import Policies
from shared.model.prerequisite_facts import ScopeFacts
from shared.rules.checks.prerequisites import CHECKS, SCOPE_CHECKS, check_scope, check_server
from shared.rules.control.locked import locked_by
from shared.rules.matching.instance_matcher import match_instances
from tests.makers import ELSEWHERE, RECOVERY, TARGET_TAGS, facts, instance, instance_id, record, source_server
from tests.workflows import adversaries
from tests.workflows.advice.aws_cli import commands, parsed
from tests.workflows.advice.failover_plan_rows import ROWS as PLAN_ROWS
from tests.workflows.advice.failover_rows import ROWS
from tests.workflows.advice.failure_rows import FAILURES
from tests.workflows.advice.soundness import faults
from tests.workflows.advice.test_failover_states import PLAYED
from tests.workflows.advice.test_failures import ALSO_PLAYED

RULES = Path(shared.rules.__file__).parent
SOURCES = (
    *sorted((RULES / "matching").glob("*.py")),
    *sorted((RULES / "plan").glob("*.py")),
    *sorted((RULES / "launch").glob("*.py")),
    *sorted((RULES / "resumption").glob("*.py")),
    RULES / "checks" / "pair_decision.py",
    RULES / "closure" / "launch_settings.py",
    RULES / "control" / "locked.py",
)
"""Where findings of a failover are made, beside the tables of checks."""

_FINDING = re.compile(r"(?:Finding|_critical|_warning)\(\s*(?:code=)?(\"[A-Z_]+\"|[A-Z][A-Z_]+)\s*[,)]")
_EITHER = re.compile(r"\"([A-Z_]+)\" if \S+ else \"([A-Z_]+)\"")
_NAMED = re.compile(r"^([A-Z][A-Z_, ]+) = (\"[A-Z_]+\"(?:, \"[A-Z_]+\")*)$", re.MULTILINE)


def codes_in(text: str) -> set[str]:
    """The codes of the findings that a module makes, written out or by a constant of its own."""
    named: dict[str, str] = {}
    for names, values in _NAMED.findall(text):
        named |= dict(zip(names.split(", "), values.split(", "), strict=True))
    either = {code for pair in _EITHER.findall(text) for code in pair}
    return either | {
        named.get(one, one).strip('"')
        for one in _FINDING.findall(text)
        if named.get(one, one).startswith('"')
    }


EVERY = (
    {check.code for check in CHECKS}
    | {check.code for check in SCOPE_CHECKS}
    | {code for source in SOURCES for code in codes_in(source.read_text("utf-8"))}
)
ELSEWHERE_PLAYED = {"LAUNCH_INTO_CHANGED_LATE": "test_launch_settings.py"}
"""Codes whose advice counts within minutes and is typed while a job runs, by this test of adversaries."""
ROWS_OF = (
    {row.code for row in ROWS}
    | {row.code for row in PLAN_ROWS}
    | {row.code for row in FAILURES if row.code}
    | PLAYED
    | ALSO_PLAYED
    | set(ELSEWHERE_PLAYED)
)

NOT_PLAYED: dict[str, tuple[str, Any]] = {
    "LAG_UNKNOWN": ("the emulator always knows the lag", facts(server=source_server(lag_seconds=None))),
    "DIRECTION_REVERSED": (
        "discovery of a failover leaves out reversed servers",
        facts(server=source_server(replication_direction="FAILBACK")),
    ),
    "TARGET_NOT_FOUND": ("no test terminates a target", facts(target=instance(state="terminated"))),
    "TARGET_OTHER_SCOPE": ("matching refuses such a pair before", facts(target=instance(scope=ELSEWHERE))),
    "ARCHITECTURE_UNKNOWN": (
        "DRS reports the architecture of every server",
        facts(server=source_server(architecture=None)),
    ),
    "TARGET_SPOT": ("the emulated EC2 has no spot instances", facts(target=instance(lifecycle="spot"))),
    "TARGET_AUTO_SCALING": (
        "the emulated AWS has no Auto Scaling",
        facts(target=instance(tags=TARGET_TAGS | {"aws:autoscaling:groupName": "web"})),
    ),
    "SUBNET_MISSING": ("EC2 deletes no subnet with an instance", facts(subnet_exists=False)),
    "SECURITY_GROUP_MISSING": (
        "EC2 deletes no group that an instance uses",
        facts(missing_security_groups=("sg-9",)),
    ),
    "LAUNCH_SETTINGS_UNREADABLE": ("only of a server that is deleted meanwhile", facts(launch=None)),
    "DRS_NOT_INITIALIZED": (
        "a server was found, so DRS is set up",
        ScopeFacts(RECOVERY, drs_initialized=False),
    ),
    "MANUAL_PAIR_TARGET_TWICE": (
        "the parser of plans refuses it",
        (ManualPair(instance_id(1), "s-1"), ManualPair(instance_id(1), "s-2")),
    ),
    "LOCKED_BY_EXECUTION": ("only where two reserve at the same moment", record(1)),
}
"""Why, and the facts that lead to the finding."""


def remedy_of(code: str) -> str:
    _, given = NOT_PLAYED[code]
    if code == "LOCKED_BY_EXECUTION":
        return locked_by(given, "other", is_drill=False).remedy or ""
    if code == "MANUAL_PAIR_TARGET_TWICE":
        servers = [source_server(n, source_server_id=f"s-{n}") for n in (1, 2)]
        found = match_instances(servers, [instance(1)], Matching(manual_pairs=given)).unmatched_servers
        return next(one.remedy for one in found.values() if one.code == code)
    findings = check_scope(given) if isinstance(given, ScopeFacts) else check_server(given, Policies())
    return next(one.remedy for one in findings if one.code == code)


def test_each_code_is_played_or_listed_with_the_reason() -> None:
    assert {"DECIDED_PAIR_CHANGED", "SELECTOR_EMPTY"} <= EVERY, "by constants and conditions"
    assert EVERY - ROWS_OF - set(NOT_PLAYED) == set()
    assert set(NOT_PLAYED) & ROWS_OF == set(), "what is played is not excused"
    assert set(NOT_PLAYED) <= EVERY
    assert ROWS_OF <= EVERY, "no row outlives its code"
    for code, name in ELSEWHERE_PLAYED.items():
        text = (Path(adversaries.__file__).parent / name).read_text("utf-8")
        assert "typed(here" in text
        assert code in text


@pytest.mark.parametrize("code", NOT_PLAYED)
def test_what_cannot_be_played_advises_commands_that_exist_and_explains_what_to_fill_in(code: str) -> None:
    remedy = remedy_of(code)
    assert faults(remedy) == []
    assert parsed(remedy) == len(commands(remedy))
