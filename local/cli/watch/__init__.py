"""Follows an execution in the terminal: a live view where there is one, plain lines where there is not."""

from __future__ import annotations

import time
from collections import deque

from rich.console import Console
from rich.live import Live

from local.cli.client import Cloud
from local.cli.executions import Standing, standing
from local.cli.state import State
from local.cli.watch.events import duration, happened
from local.cli.watch.snapshot import Reader, Snapshot
from local.cli.watch.view import view

__all__ = ["await_end", "follow"]

_SECONDS = 1.0
_EVENTS = 8


def follow(cloud: Cloud, there: State, arn: str, console: Console) -> Snapshot:
    """Show the execution until it has ended; gives its last snapshot."""
    reader = Reader(cloud, there, arn)
    return _live(reader, console) if console.is_terminal else _plain(reader, console)


def await_end(cloud: Cloud, there: State, arn: str) -> Standing:
    """Wait until the execution has ended, showing nothing."""
    while not (found := standing(cloud, there, arn)).ended:
        time.sleep(_SECONDS / 4)
    return found


def _live(reader: Reader, console: Console) -> Snapshot:
    started, last, events = time.monotonic(), None, deque[str](maxlen=_EVENTS)
    with Live(console=console, auto_refresh=False) as live:
        while True:
            began = time.monotonic()
            snapshot = reader.take()
            events.extend(_stamped(last, snapshot))
            live.update(view(snapshot, events, time.monotonic() - started), refresh=True)
            if snapshot.standing.ended:
                return snapshot
            last = snapshot
            _pause(time.monotonic() - began)


def _plain(reader: Reader, console: Console) -> Snapshot:
    last = None
    while True:
        began = time.monotonic()
        snapshot = reader.take()
        for line in _stamped(last, snapshot):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        if snapshot.standing.ended:
            return snapshot
        last = snapshot
        _pause(time.monotonic() - began)


def _stamped(before: Snapshot | None, after: Snapshot) -> list[str]:
    stamp = duration(after.simulated_seconds)
    return [f"{stamp:>8}  {line}" for line in happened(before, after)]


def _pause(looking: float) -> None:
    """Wait until the next poll: reading a thousand servers must not slow them down."""
    time.sleep(max(_SECONDS, 9 * looking))
