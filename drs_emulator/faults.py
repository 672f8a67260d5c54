"""Faults on demand: their kinds, which one applies now, and what waits for its end.

A fault is a plain JSON object. It applies until it is deleted, has applied ``times`` times, or ``seconds``
have passed (for kinds where ``seconds`` has no other meaning). ``probability`` is sampled from the emulator's
seed, so that a run repeats.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from drs_emulator.errors import BY_CODE, AdminError
from drs_emulator.state import SourceServer
from drs_emulator.wire.service_model import service_model, values_of

PHASES = ("CLEANUP", "SNAPSHOT", "CONVERSION", "LAUNCH")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: fields it must have, and may have beside ``kind``."""

    required: tuple[str, ...]
    optional: tuple[str, ...]


KINDS: dict[str, Kind] = {
    "PHASE_FAILS": Kind(("phase",), ("server", "direction", "times", "probability", "message")),
    "SERVER_BUSY": Kind(("server",), ("seconds",)),
    "NATIVE_PLAN_RUNS": Kind(("server",), ("seconds",)),
    "THROTTLED": Kind((), ("operation", "times", "probability", "seconds")),
    "ACCEPTED_BUT_TIMES_OUT": Kind(("operation",), ("times", "probability")),
    "ERROR": Kind(("operation", "code"), ("message", "times", "probability")),
    "IGNORES_DISPOSITION": Kind((), ("server", "times", "probability")),
    "JOB_STUCK": Kind(("phase",), ("server", "direction", "times", "probability", "seconds")),
    "REPLICATION": Kind(("server",), ("direction", "state", "lagSeconds", "error", "seconds")),
    "STALLS": Kind(("error",), ("server", "direction", "state", "seconds")),
    "NOT_CONVERGING": Kind((), ("server", "direction", "seconds")),
    "AGENT_NEVER_CHECKS_IN": Kind((), ("server", "direction", "seconds")),
    "WRONG_STAGING_ACCOUNT": Kind(("account",), ("server",)),
}
"""``seconds``: how long it lasts; but JOB_STUCK how long the phase hangs, STALLS how long each stall is, and
THROTTLED the Retry-After it answers with."""

_LASTS = frozenset(
    {"SERVER_BUSY", "NATIVE_PLAN_RUNS", "REPLICATION", "NOT_CONVERGING", "AGENT_NEVER_CHECKS_IN"}
)
REPLICATION_KINDS = frozenset({"REPLICATION", "STALLS", "NOT_CONVERGING"})
"""Faults that change a server's replication."""


@dataclass(slots=True)
class Fault:
    """One fault. ``values`` are its fields; it ends by itself at ``until``."""

    number: int
    kind: str
    values: dict[str, Any]
    left: int | None
    until: datetime | None
    since: datetime
    tried: int = 0
    over_for: set[tuple[str, int]] = field(default_factory=set)
    """(server id, generation of its replication) whose stall by this fault has ended."""
    parked: list[Callable[[], None]] = field(default_factory=list)
    end: Callable[[], None] = lambda: None

    def concerns(self, server: SourceServer | None) -> bool:
        """Whether it applies to ``server``; a fault without a server applies to all.

        A reversed server also matches the id of the server it reverses; both have the same name.
        """
        wanted, direction = self.values.get("server"), self.values.get("direction")
        if server is None:
            return wanted is None and direction is None
        if direction not in (None, server.direction):
            return False
        names = {server.server_id, server.name, server.hostname}
        if server.direction == "FAILBACK" and server.counterpart is not None:
            names.add(server.counterpart.name)
        return wanted is None or wanted in names

    def as_json(self) -> dict[str, Any]:
        """As the admin API shows it."""
        left = {} if self.left is None else {"timesLeft": self.left}
        return {"kind": self.kind, **self.values, **left}


class Faults:
    """All faults in force. Guarded by the emulator's state lock, like all state."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._faults: list[Fault] = []
        self._count = 0

    def add(self, spec: Any, now: datetime) -> Fault:
        """Add a fault; AdminError names an unknown kind, field or value."""
        values = check(spec)
        kind = values.pop("kind")
        self._count += 1
        until = now + timedelta(seconds=values["seconds"]) if kind in _LASTS and "seconds" in values else None
        fault = Fault(self._count, kind, values, values.get("times"), until, now)
        self._faults.append(fault)
        return fault

    def all(self) -> tuple[Fault, ...]:
        """Every fault since the last ``clear``, ended ones too."""
        return tuple(self._faults)

    def clear(self) -> list[Callable[[], None]]:
        """End all faults; the caller runs the actions that waited for that."""
        parked = [action for fault in self._faults for action in fault.parked]
        self._faults.clear()
        return parked

    def in_force(self, now: datetime) -> list[Fault]:
        """The faults that still apply."""
        return [
            fault
            for fault in self._faults
            if (fault.left is None or fault.left > 0) and (fault.until is None or now < fault.until)
        ]

    def strike(
        self,
        kind: str,
        now: datetime,
        *,
        server: SourceServer | None = None,
        operation: str | None = None,
        phase: str | None = None,
    ) -> Fault | None:
        """The fault of ``kind`` that applies here and now, if any; it counts as one of its ``times``."""
        for fault in self.in_force(now):
            if fault.kind != kind or not fault.concerns(server):
                continue
            if fault.values.get("operation", operation) != operation:
                continue
            if fault.values.get("phase", phase) != phase:
                continue
            if self._draw(fault):
                if fault.left is not None:
                    fault.left -= 1
                return fault
        return None

    def standing(self, kind: str, now: datetime, server: SourceServer) -> Fault | None:
        """The latest fault of ``kind`` on ``server``, without counting it: for kinds that are a condition."""
        found = [fault for fault in self.in_force(now) if fault.kind == kind and fault.concerns(server)]
        return found[-1] if found else None

    def stall(self, now: datetime, server: SourceServer) -> Fault | None:
        """The fault that stalls ``server`` in the state its replication has now, if any."""
        status = server.replication
        for fault in self.in_force(now):
            if (
                fault.kind == "STALLS"
                and fault.values.get("state", status.state) == status.state
                and (server.server_id, status.generation) not in fault.over_for
                and fault.concerns(server)
            ):
                return fault
        return None

    def _draw(self, fault: Fault) -> bool:
        fault.tried += 1
        probability = fault.values.get("probability", 1.0)
        draw = random.Random(f"{self._seed}/fault/{fault.number}/{fault.tried}").random()
        return draw < float(probability)


def check(spec: Any) -> dict[str, Any]:
    """A copy of ``spec``; AdminError names an unknown kind, field or value."""
    if not isinstance(spec, dict):
        raise AdminError(f"a fault is a JSON object, not {spec!r}")
    kind = KINDS.get(spec.get("kind", ""))
    if kind is None:
        raise AdminError(f"unknown fault kind {spec.get('kind')!r}; known are {', '.join(KINDS)}")
    known = ("kind", *kind.required, *kind.optional)
    for name in spec:
        if name not in known:
            raise AdminError(
                f"fault {spec['kind']} has no field {name!r}; known are {', '.join(sorted(known))}"
            )
    for name in kind.required:
        if name not in spec:
            raise AdminError(f"fault {spec['kind']} needs the field {name!r}")
    for name, value in spec.items():
        _check_value(name, value)
    return dict(spec)


def _check_value(name: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    choices: dict[str, tuple[str, ...] | list[str]] = {
        "phase": PHASES,
        "state": values_of("DataReplicationState"),
        "error": values_of("DataReplicationErrorString"),
        "code": list(BY_CODE),
        "direction": values_of("ReplicationDirection"),
        "operation": service_model().operation_names,
    }
    if name in choices and value not in choices[name]:
        raise AdminError(f"fault field {name!r}: {value!r} is not one of {', '.join(choices[name])}")
    if name == "times" and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise AdminError(f"fault field 'times': {value!r} is not a whole number of at least 1")
    if name in ("seconds", "lagSeconds") and (not number or value < 0):
        raise AdminError(f"fault field {name!r}: {value!r} is not a number of at least 0")
    if name == "probability" and (not number or not 0 <= value <= 1):
        raise AdminError(f"fault field 'probability': {value!r} is not between 0 and 1")
    if name == "account" and not re.fullmatch(r"\d{12}", str(value)):
        raise AdminError(f"fault field 'account': {value!r} is not an account id of 12 digits")
    if name in ("server", "message", "account") and not isinstance(value, str):
        raise AdminError(f"fault field {name!r}: {value!r} is not a string")
