"""Tools that commands run as child processes leave a log, and nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from local.cli.subprocesses import Children
from local.errors import CommandError

WAITS = "import time; print('here', flush=True); time.sleep(60)"


def test_what_a_tool_prints_is_in_its_log(tmp_path: Path) -> None:
    with Children() as children:
        children.run(
            [sys.executable, "-c", "print('built')"], log=tmp_path / "a.log", env=os.environ, what="it"
        )

    assert (tmp_path / "a.log").read_text(encoding="utf-8") == "built\n"


def test_a_tool_that_fails_is_reported_with_its_last_lines_and_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such template')"]

    with Children() as children, pytest.raises(CommandError) as caught:
        children.run(command, log=tmp_path / "b.log", env=os.environ, what="sam build")

    assert str(caught.value) == (
        f"sam build failed (exit status 1):\nno such template\nRead {tmp_path / 'b.log'}"
    )


def test_a_tool_that_is_waited_for_ends_with_an_interruption(tmp_path: Path) -> None:
    log = tmp_path / "c.log"

    def interrupt_once_it_runs() -> None:
        while not (log.exists() and log.read_text()):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt_once_it_runs).start()
        command = [sys.executable, "-c", f"import os; print(os.getpid()); {WAITS}"]
        with pytest.raises(KeyboardInterrupt), Children() as children:
            children.run(command, log=log, env=os.environ, what="it")
    finally:
        signal.signal(signal.SIGINT, previous)

    pid = int(log.read_text(encoding="utf-8").split()[0])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_tool_that_is_just_being_started_ends_with_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    class Interrupted(subprocess.Popen[bytes]):
        """It runs, and its starter does not have it yet."""

        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            started.append(self.pid)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), Children() as children:
            children.run([sys.executable, "-c", WAITS], log=tmp_path / "d.log", env=os.environ, what="it")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, previous)
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


def test_nothing_is_started_once_all_were_ended(tmp_path: Path) -> None:
    children = Children()
    children.end()

    with pytest.raises(KeyboardInterrupt):
        children.start([sys.executable, "-c", WAITS], log=tmp_path / "d.log", env=os.environ)
