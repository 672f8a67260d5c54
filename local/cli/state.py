"""The state file: what ``up`` and ``deploy`` and ``fleet`` record for the commands that come after them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from local.errors import CommandError
from local.fleet import BuiltServer
from local.paths import STATE


@dataclass(frozen=True, slots=True)
class BuiltFleet:
    """A fleet that was made in the cloud: its file, the name of its plan, and what was made."""

    file: str
    name: str
    servers: tuple[BuiltServer, ...]


@dataclass(frozen=True, slots=True)
class State:
    """A local cloud that is up. ``pid`` is the process that keeps it up and that ``down`` ends.

    ``outputs`` are those of the orchestration stack, empty until it is deployed; ``account`` and
    ``region`` say where it is.
    """

    pid: int
    endpoint: str
    speed: float
    account: str = "999988887777"
    region: str = "us-east-1"
    outputs: dict[str, str] = field(default_factory=dict)
    fleets: tuple[BuiltFleet, ...] = ()

    def output(self, name: str) -> str:
        """An output of the orchestration stack. Raises CommandError if it is not deployed."""
        try:
            return self.outputs[name]
        except KeyError:
            message = f"The cloud at {self.endpoint} has no output {name}: nothing is deployed to it yet."
            raise CommandError(f"{message}\nRun: python -m local deploy") from None

    def with_fleet(self, fleet: BuiltFleet) -> State:
        return replace(self, fleets=(*self.fleets, fleet))


def write(state: State, file: Path = STATE) -> None:
    """Replace the state file, all at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(state), indent=2) + "\n", encoding="utf-8")
    fresh.replace(file)


def read(file: Path = STATE) -> State | None:
    """The state of the cloud that is up, or None. What an ended process left behind does not count."""
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    fleets = tuple(
        BuiltFleet(fleet["file"], fleet["name"], tuple(_built(server) for server in fleet["servers"]))
        for fleet in content.pop("fleets")
    )
    state = State(**content, fleets=fleets)
    return state if _lives(state.pid) else None


def current(file: Path = STATE) -> State:
    """As ``read``. Raises CommandError when no cloud is up."""
    state = read(file)
    if state is None:
        raise CommandError("No local cloud is up in this clone.\nRun: python -m local up, or: make cloud")
    return state


def forget(file: Path = STATE) -> None:
    """Remove the state file, if it is there."""
    file.unlink(missing_ok=True)


def _built(server: dict[str, Any]) -> BuiltServer:
    return BuiltServer(**{**server, "target_instance_ids": tuple(server["target_instance_ids"])})


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the id is another user's process by now
        return False
    return True
