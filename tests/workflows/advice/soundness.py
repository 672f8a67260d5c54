"""What must be true of any advice, whatever it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.workflows.advice.aws_cli import commands
from tests.workflows.stage import Run

_GLOBAL = ("iam",)
"""Services whose commands need no Region."""
_PLACEHOLDER = re.compile(r"\b(?:NAME|ID|REGION|[A-Z_]+_(?:ID|DEVICE|NAME))\b")


def faults(advice: str) -> list[str]:
    """What is wrong with a text that an operator is to follow; empty where nothing is."""
    found = [f"says {word}" for word in ("None", "()", "{}") if word in advice]
    if re.search(r"\bstop (?:that |this |the )?(?:execution|drill)\b|(?:over|end), or stop\b", advice):
        found.append("an execution is cancelled, not stopped")
    for command in commands(advice):
        if f"aws {command.split()[1]}" not in _without_region() and "--region" not in command:
            found.append(f"no Region: {command}")
        rest = advice.replace(command, "")
        for word in _PLACEHOLDER.findall(command):
            if not re.search(rf"\b{word}\b", rest):
                found.append(f"{word} is not explained: {command}")
    return found


def _without_region() -> tuple[str, ...]:
    return tuple(f"aws {service}" for service in _GLOBAL)


def advice_in(run: Run) -> Iterator[str]:
    """Every text of a report that says what to do."""
    for finding in run.report["findings"]:
        yield finding["remedy"]
    for server in run.report["servers"]:
        yield from (finding["remedy"] for finding in server["findings"])
        yield server["remedy"] or ""


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_in(part)


def is_sound(run: Run) -> None:
    """No advice of a report has a fault, and no text of it shows an empty value of the code."""
    wrong = {text: found for text in set(advice_in(run)) if (found := faults(text))}
    assert not wrong, wrong
    empty = [text for text in texts_in(run.report) if re.search(r"\bNone\b", text)]
    assert not empty, empty
