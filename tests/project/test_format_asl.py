"""The state machines are written in one form, which a command makes and a check holds."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from tests.policies import PROJECT

FILES = sorted((PROJECT / "statemachines").glob("*.asl.json"))


def _formatter() -> Any:
    spec = importlib.util.spec_from_file_location("format_asl", PROJECT / ".ci" / "format_asl.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FORMATTER = _formatter()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_formatted_whatever_it_was_before(file: Path) -> None:
    text = file.read_text("utf-8")
    for before in (text, json.dumps(json.loads(text)), json.dumps(json.loads(text), indent=4)):
        assert FORMATTER.format_asl(before) == text


def test_formatting_keeps_the_order_and_gives_each_rule_a_line() -> None:
    long = {"ErrorEquals": [f"Error{number}" for number in range(40)], "Next": "End"}
    machine = {
        "StartAt": "B",
        "States": {"B": {"Type": "Task", "Catch": [long, long]}, "A": {"Type": "Succeed"}},
    }
    text = FORMATTER.format_asl(json.dumps(machine))
    assert json.dumps(json.loads(text)) == json.dumps(machine)
    assert text.count(json.dumps(long)) == 2
    assert '    "A": {"Type": "Succeed"}\n' in text


def test_the_formatter_says_which_file_it_would_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.asl.json"
    path.write_text('{"StartAt": "A",\n"States": {}}', "utf-8")
    assert FORMATTER.main(["--check", str(path)]) == 1
    assert "odd.asl.json" in capsys.readouterr().out
    assert FORMATTER.main([str(path)]) == 0
    assert FORMATTER.main(["--check", str(path)]) == 0
