"""The state file has the cloud that is up for later commands, and no cloud that has ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.cli import state
from local.errors import CommandError
from local.fleet import BuiltServer


def running(pid: int) -> state.State:
    return state.State(pid=pid, endpoint="http://127.0.0.1:4566", speed=60.0, outputs={"TopicArn": "arn"})


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    servers = (BuiltServer("db-1", "s-1", "i-1", ("i-2", "i-3")),)
    written = running(os.getpid()).with_fleet(state.BuiltFleet("fleets/three.yaml", "three", servers))

    state.write(written, tmp_path / "state.json")

    assert state.read(tmp_path / "state.json") == written


def test_the_state_of_a_process_that_has_ended_counts_for_nothing(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    state.write(running(ended.pid), tmp_path / "state.json")

    assert state.read(tmp_path / "state.json") is None


@pytest.mark.parametrize("content", [None, "", "{"])
def test_without_a_readable_state_the_error_says_how_to_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "state.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")

    with pytest.raises(CommandError, match="python -m local up"):
        state.current(file)


def test_an_output_that_is_missing_says_to_deploy() -> None:
    assert running(1).output("TopicArn") == "arn"
    with pytest.raises(CommandError, match="python -m local deploy"):
        running(1).output("FailoverStateMachineArn")


def test_a_state_that_was_forgotten_does_not_exist(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    state.write(running(os.getpid()), file)

    state.forget(file)
    state.forget(file)

    assert state.read(file) is None
