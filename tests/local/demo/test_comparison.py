"""The comparison in virtual time keeps out of the way of what people watch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local.demo.comparison import LAST, share_out


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
