"""The project as a newcomer has it: a copy of what git has, and the commands of the local cloud in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = (
    "drs_emulator",
    "events",
    "fleets",
    "functions",
    "local",
    "shared",
    "stacks",
    "statemachines",
    "template.yaml",
    "member-account.yaml",
)


def copy_project(folder: Path) -> Path:
    """What git has of the project, as far as the commands need it."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


def begin(clone: Path, *words: str) -> subprocess.Popen[str]:
    """Output is buffered as it is in a newcomer's shell, whatever this one says."""
    command = [sys.executable, "-m", "local", *words]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(
        command,
        cwd=clone,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def endpoint_of(process: subprocess.Popen[str]) -> str:
    """Where the cloud that ``up`` starts is, once it is up."""
    assert process.stdout
    printed = ""
    for line in process.stdout:
        printed += line
        if found := re.search(r"is up at (http://127\.0\.0\.1:\d+)", line):
            return found[1]
    raise AssertionError(printed)
