"""MiniStack is changed through its tables of hooks only, and every private name in use is in one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import local.hooks
from local.ministack import hooks
from local.shortcuts import hooks as shortcuts

LOCAL = Path(local.hooks.__file__).parent
SOURCES = [path for folder in ("ministack", "shortcuts") for path in (LOCAL / folder).glob("*.py")]
MODULES = {
    "sfn": "ministack.services.stepfunctions",
    "ec2": "ministack.services.ec2",
    "iam": "ministack.services.iam",
    "sts": "ministack.services.sts",
    "dynamodb": "ministack.services.dynamodb",
    "eventbridge": "ministack.services.eventbridge",
    "lambda_svc": "ministack.services.lambda_svc",
    "lambda_runtime": "ministack.core.lambda_runtime",
    "iam_evaluator": "ministack.core.iam_evaluator",
}
ANY = "|".join(MODULES)


@pytest.mark.parametrize("path", sorted(SOURCES), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_module_changes_ministack_past_the_tables(path: Path) -> None:
    text = path.read_text()
    assert "setattr(" not in text
    assert not re.search(rf"^\s*({ANY})\._\w+ = ", text, re.M)


def test_every_private_name_of_ministack_in_use_is_in_a_table() -> None:
    known = {(hook.module, hook.name) for hook in (*hooks.HOOKS, *shortcuts.HOOKS)}
    used = {
        (MODULES[alias], name)
        for path in SOURCES
        for alias, name in re.findall(rf"\b({ANY})\.(_\w+)", path.read_text())
    }
    assert used - known == set()
