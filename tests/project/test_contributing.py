"""The contributor's door opens: hooks call what is there, templates are what GitHub reads."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
SUBJECT = ROOT / ".ci" / "commit-subject"


def hooks() -> list[dict[str, Any]]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    return [hook for repository in config["repos"] for hook in repository["hooks"]]


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook["id"])
def test_a_hook_calls_a_tool_of_the_project(hook: dict[str, Any]) -> None:
    assert hook["language"] == "system"
    command, *words = hook["entry"].split()
    for file in [command, *(word for word in words if word.startswith(".ci/"))]:
        assert shutil.which(ROOT / file), f"{file} is not there, or not executable"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_an_issue_form_is_what_github_reads(form: Path) -> None:
    document = yaml.safe_load(form.read_text("utf-8"))
    if form.name == "config.yml":
        assert document["blank_issues_enabled"] is False
        return
    assert document["name"]
    assert document["description"]
    fields = [field for field in document["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)


@pytest.mark.parametrize(
    ("message", "accepted"),
    [
        ("emulator: refuse a job of no servers\n\nDRS does.\n", True),
        ("docs, tests: one page for each\n", True),
        ("Merge branch 'main'\n", True),
        (f"emulator: {'x' * 62}\n", True),
        (f"emulator: {'x' * 63}\n", False),
        ("Refuse a job of no servers\n", False),
        ("emulator:\n", False),
    ],
)
def test_a_commit_subject_has_an_area_and_72_characters(message: str, accepted: bool, tmp_path: Path) -> None:
    (tmp_path / "message").write_text(message, "utf-8")
    ended = subprocess.run([sys.executable, SUBJECT, tmp_path / "message"], capture_output=True, text=True)
    assert (ended.returncode == 0) == accepted
    assert bool(ended.stderr) != accepted
