"""The comparison in virtual time keeps out of the way of what people watch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cli.subprocesses import Children
from local.demo import comparison
from local.demo.comparison import LAST, Aside, Outcome, share_out
from local.demo.console_lines import times
from local.paths import ROOT, shown

ANSWER = json.dumps({"status": "COMPLETED", "seconds": 61.5})

BUSY_AT_THE_END = """
import sys, threading
from local.demo import comparison

def run(*_):
    print("a handler logs", flush=True)
    sys.stdout, streams = sys.stderr, (sys.stdout, sys.__stdout__)
    threading.Thread(target=lambda streams: threading.Event().wait(), args=(streams,), daemon=True).start()
    return comparison.Outcome("COMPLETED", 61.5)

comparison.run = run
comparison.main()
"""
"""The child process as what it runs may leave it: with stdout swapped and a thread that holds the old one."""


def test_a_session_that_steps_back_gets_what_others_leave() -> None:
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as process:
        group = Path(f"/proc/{process.pid}/autogroup")
        try:
            if not group.exists() or not group.read_text(encoding="ascii"):
                pytest.skip("processors are not shared out among sessions here")
            share_out(process.pid, LAST)
            assert group.read_text(encoding="ascii").split()[-1] == str(LAST)
        finally:
            process.communicate(b"\n")


def test_where_there_are_no_sessions_of_the_kind_nothing_happens() -> None:
    share_out(2**31 - 1, LAST)


def test_the_child_hands_its_whole_answer_over_whatever_its_stdout_has_become() -> None:
    command = [sys.executable, "-c", BUSY_AT_THE_END, "any.yaml"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60)

    assert json.loads(done.stdout) == {"status": "COMPLETED", "seconds": 61.5}
    assert "a handler logs" in done.stderr


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    monkeypatch.setattr(comparison, "LOG", tmp_path / "by-wave.log")
    with Children() as made:
        yield made


def outcome_of(children: Children, code: str) -> Outcome | None:
    return Aside(children, Path("any.yaml"), 0, program=("-c", code)).outcome()


def test_the_answer_of_the_child_is_the_outcome(children: Children) -> None:
    assert outcome_of(children, f"print({ANSWER!r})") == Outcome("COMPLETED", 61.5)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "print()",
        f"print({ANSWER[:-5]!r})",
        f"print('a log line'); print({ANSWER!r})",
        "import os; os.write(1, bytes([0xff, 0xfe]))",
        "print('[]')",
        "print('61.5')",
        """print('{"status": "COMPLETED"}')""",
        """print('{"status": "COMPLETED", "seconds": null}')""",
        """print('{"status": null, "seconds": 61.5}')""",
        f"print({ANSWER!r}, flush=True); raise SystemExit(1)",
        f"import os; print({ANSWER!r}, flush=True); os.kill(os.getpid(), 9)",
    ],
)
def test_no_answer_a_garbled_one_or_a_failure_is_no_outcome(children: Children, code: str) -> None:
    assert outcome_of(children, code) is None
    assert "exit status" in comparison.LOG.read_text(encoding="utf-8")


def test_a_child_that_does_not_end_is_no_outcome(children: Children) -> None:
    aside = Aside(children, Path("any.yaml"), 0, program=("-c", "import time; time.sleep(600)"), timeout=0.1)
    assert aside.outcome() is None


def test_a_child_that_cannot_be_started_is_no_outcome(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    assert outcome_of(children, f"print({ANSWER!r})") is None


def test_without_an_outcome_the_demo_names_the_log() -> None:
    report = {"durationSeconds": 90, "launchOrder": "TOGETHER"}
    assert times(report, 2.0, None) == [
        "recovery time: 1m30s simulated, 0m02s here, with launchOrder TOGETHER",
        f"  with BY_WAVE: could not be computed; read {shown(comparison.LOG)}",
    ]
