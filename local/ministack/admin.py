"""The routes under ``/_local``: the clock, DRS seeding and faults, EC2 faults, what the cloud has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from drs_emulator.scaled_clock import ScaledClock
from local.ministack.asgi import Calls
from local.states.records import Record
from local.states.run import Run
from local.states.times import iso

Body = dict[str, Any] | None
Answer = tuple[int, dict[str, Any]]
Route = Callable[[str, str, Body], Answer]


class HasAdmin(Protocol):
    """What answers the routes below one prefix: the DRS emulator, the EC2 extras."""

    def admin(self, method: str, path: str, body: Body) -> Answer:
        """``path`` begins with ``/`` and has no prefix."""


class Admin:
    """Answers one request: ``admin("GET", "/clock", None)`` → ``(200, {...})``."""

    def __init__(
        self,
        clock: ScaledClock,
        calls: Calls,
        executions: Mapping[str, Record],
        mounted: Mapping[str, HasAdmin],
    ) -> None:
        self._clock = clock
        self._calls = calls
        self._records = executions
        self._mounted = dict(mounted)
        self._sizes: dict[str, tuple[Run, dict[str, Any]]] = {}

    def __call__(self, method: str, path: str, body: Body) -> Answer:
        _, first, *rest = path.split("/")
        if first in self._mounted:
            return self._mounted[first].admin(method, "/" + "/".join(rest), body)
        if (method, path) == ("GET", "/clock"):
            return 200, self._time()
        if (method, path) == ("GET", "/calls"):
            return 200, {"calls": self._calls.by_service()}
        if (method, path) == ("DELETE", "/calls"):
            self._calls.reset()
            return 200, {}
        if (method, path) == ("GET", "/executions"):
            return 200, self._executions()
        known = ["/clock", "/calls", "/executions", *(f"/{name}/…" for name in self._mounted)]
        return 404, {"message": f"no route {method} /_local{path}; there are {', '.join(known)}"}

    def _time(self) -> dict[str, Any]:
        return {
            "now": iso(self._clock.now()),
            "realNow": iso(datetime.now(UTC)),
            "speed": self._clock.speed,
            "rate": self._clock.rate,
            "startedAt": iso(self._clock.started_at),
        }

    def _executions(self) -> dict[str, Any]:
        found = [self._measure(arn, record.run) for arn, record in list(self._records.items())]
        largest = max((one["largestPayloadBytes"] for one in found), default=0)
        return {"executions": found, "largestPayloadBytes": largest}

    def _measure(self, arn: str, run: Run) -> dict[str, Any]:
        known = self._sizes.get(arn)
        if known and known[0] is run:
            return known[1]
        measured = measure(arn, run)
        if run.ended.is_set():
            self._sizes[arn] = (run, measured)
        return measured


def measure(arn: str, run: Run) -> dict[str, Any]:
    """The largest state input or output in bytes, the transitions and the length of the history of a run."""
    largest, where, transitions = 0, "", 0
    history = run.history()
    for event in history:
        for key, details in event.items():
            if not key.endswith("EventDetails"):
                continue
            for payload in ("input", "output"):
                size = len(str(details.get(payload) or "").encode())
                if size > largest:
                    largest, where = size, f"{payload} of {details.get('name') or event['type']}"
        transitions += event["type"].endswith("StateEntered")
    return {
        "executionArn": arn,
        "status": run.execution.status,
        "largestPayloadBytes": largest,
        "largestPayload": where,
        "transitions": transitions,
        "historyLength": len(history),
    }
