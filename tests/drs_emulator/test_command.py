"""``python -m drs_emulator``: what it prints, how it ends, what it refuses."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import urllib.request

import pytest

from drs_emulator.__main__ import main
from drs_emulator.server import Standalone
from drs_emulator.settings import Settings
from drs_emulator.settings_help import field_texts

COMMAND = (sys.executable, "-m", "drs_emulator")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_exports_and_ends_on_a_signal(number: signal.Signals) -> None:
    with subprocess.Popen([*COMMAND, "--speed", "600"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        assert first.startswith("export AWS_ENDPOINT_URL_DRS=http://127.0.0.1:")
        assert second.startswith("export AWS_ACCESS_KEY_ID=")
        endpoint = first.strip().partition("=")[2]
        state = json.loads(urllib.request.urlopen(f"{endpoint}/_drs_emulator/state", timeout=10).read())
        assert state["scopes"] == []
        process.send_signal(number)
        assert process.wait(10) == 0


def test_a_port_in_use_is_reported_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with Standalone() as running:
        port = running.endpoint.rpartition(":")[2]
        assert main(["--port", port]) == 1
    printed = capsys.readouterr()
    assert printed.err == (
        f"error: port {port} of 127.0.0.1 is in use; name another one, or omit --port to get a free one\n"
    )
    assert printed.out == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--speed", "0"], "'0' is not a number greater than 0"),
        (["--speed", "-1"], "'-1' is not a number greater than 0"),
        (["--speed", "nan"], "'nan' is not a number greater than 0"),
        (["--speed", "inf"], "'inf' is not a number greater than 0"),
        (["--speed", "fast"], "'fast' is not a number greater than 0"),
        (["--port", "65536"], "'65536' is not a port from 0 to 65535"),
        (["--port", "http"], "'http' is not a port from 0 to 65535"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["--colour", "blue"], "unrecognized arguments: --colour blue"),
    ],
)
def test_wrong_usage_is_refused_with_its_reason(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(arguments)
    assert refusal.value.code == 2
    assert reason in capsys.readouterr().err


def test_every_setting_is_printed_with_its_default_and_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--settings"]) == 0
    printed = f"\n{capsys.readouterr().out}"
    for field in dataclasses.fields(Settings):
        assert f"\n{field.name} = " in printed
        assert field_texts()[field.name], f"{field.name} has no text"
    assert "\nrunning_target = CONFLICT\n    StartRecovery for a target that is not stopped." in printed
    assert "\nterminate_seconds = [90, 210]\n" in printed
    assert "\nempty_target_clears = True\n" in printed
