"""``python -m local``: help for every command, and errors that say what to do."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from local.__main__ import COMMANDS, main

ROOT = Path(__file__).parents[3]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        status = main(words)
    except SystemExit as end:  # argparse ends the program itself
        status = int(end.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_process_that_goes_on_has_its_own_signal_handlers_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    assert said(capsys, "fleet", "no-such-fleet.yaml")[0] == 1
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "--help")

    assert status == 0
    assert all(f"\n    {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, command, "--help")

    assert status == 0
    assert out.startswith(f"usage: python -m local {command}")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "COMMAND"),
        (("upp",), "invalid choice: 'upp'"),
        (("up", "--speed", "fast"), "'fast' is not a speed"),
        (("up", "--speed", "0"), "'0' is not a speed"),
        (("up", "--port", "70000"), "'70000' is not a port"),
        (("fleet",), "file"),
        (("demo", "--rounds", "0"), "'0' is not a number of rounds"),
        (("start", "three", "--mode", "HOLIDAY"), "HOLIDAY"),
    ],
)
def test_wrong_usage_is_refused_with_status_2(
    words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = said(capsys, *words)

    assert status == 2
    assert complaint in err


def test_a_good_fleet_file_is_found_good(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "fleet", "--check", str(ROOT / "fleets" / "default.yaml"))

    assert status == 0
    assert out.endswith("default.yaml: 100 servers, 5 waves, 2 accounts\n")


def test_the_plan_of_a_fleet_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "fleet", "--plan", str(ROOT / "fleets" / "three.yaml"))

    assert status == 0
    assert '"dr:wave": "all"' in out


def test_a_bad_fleet_file_fails_with_place_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = (ROOT / "fleets" / "three.yaml").read_text(encoding="utf-8")
    file = tmp_path / "bad.yaml"
    file.write_text(good.replace("count: 3", "cuont: 3"), encoding="utf-8")

    status, _, err = said(capsys, "demo", "--fleet", str(file))

    assert status == 1
    assert err.startswith(f"error: {file}:")
    assert "servers[0].cuont: is not known here.\n    Write 'count'." in err


def test_a_fleet_that_leaves_servers_away_goes_round_once_only(capsys: pytest.CaptureFixture[str]) -> None:
    file = ROOT / "fleets" / "trouble.yaml"

    status, _, err = said(capsys, "demo", "--fleet", str(file), "--rounds", "2")

    assert status == 1
    assert "leaves 7 servers on the recovery side" in err
