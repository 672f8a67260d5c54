"""``down``: ends the cloud that is up in this clone."""

from __future__ import annotations

import argparse
import os
import signal
import time

from local.cli import state
from local.cli.client import Cloud
from local.errors import CommandError

_SECONDS = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="say nothing, and be content if none is up")


def run(args: argparse.Namespace) -> int:
    there = state.read()
    if there is None or not _answers(there):
        state.forget()
        if not args.quiet:
            print("No local cloud is up in this clone.")
        return 0
    os.kill(there.pid, signal.SIGTERM)
    deadline = time.monotonic() + _SECONDS
    while state.read() is not None:
        if time.monotonic() > deadline:
            raise CommandError(f"Process {there.pid}, which keeps the local cloud up, does not end.")
        time.sleep(0.1)  # the process is not our child: nothing reports its end
    if not args.quiet:
        print(f"The local cloud at {there.endpoint} has ended.")
    return 0


def _answers(there: state.State) -> bool:
    """Whether the cloud of the state file is really there: by now its process id may be another's."""
    try:
        Cloud(there.endpoint).get("/_local/clock")
    except CommandError:
        return False
    return True
