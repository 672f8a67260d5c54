"""What a preparation did to a server's launch settings, what others changed since, and the undo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from shared.model.drs import LaunchSettings
from shared.model.scope import Scope
from shared.serialization import camel

TOUCHED = tuple(field.name for field in fields(LaunchSettings) if field.name != "os_byol")
"""The settings that launching into an instance changes."""


class Outcome(StrEnum):
    """What came of one server in a preparation."""

    PREPARED = "PREPARED"
    ALREADY_RIGHT = "ALREADY_RIGHT"
    UNDONE = "UNDONE"
    BLOCKED = "BLOCKED"  # by the checks, or because DRS refused the settings
    YIELDED = "YIELDED"  # an execution or a job holds it


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is remembered of a prepared server, until it is undone.

    ``previous``: the settings as they were before we changed any; ``prepared``: as we set them. ``done`` is
    False from before they are written until they are: a preparation that died may have written some.
    """

    source_server_id: str
    name: str
    scope: Scope
    plan_name: str
    previous: LaunchSettings
    prepared: LaunchSettings
    prepared_by: str  # execution id
    prepared_at: str
    done: bool = False


@dataclass(frozen=True, slots=True)
class ServerOutcome:
    """The line of one server in the report of a preparation. ``changed_since``: names of settings."""

    source_server_id: str
    name: str
    outcome: Outcome
    code: str | None = None
    reason: str | None = None
    remedy: str | None = None
    changed_since: tuple[str, ...] = ()


def changed_since(known: Preparation | None, current: LaunchSettings) -> tuple[str, ...]:
    """The settings that others have changed since they were prepared."""
    if known is None or not known.done:
        return ()
    return tuple(camel(name) for name in _different(known.prepared, current))


def previous_settings(known: Preparation | None, current: LaunchSettings) -> LaunchSettings:
    """What an undo is to put back: as it was before us, and what others have set since."""
    if known is None:
        return current
    return replace(known.previous, **_of(current, _different(known.prepared, current)))


def undone(known: Preparation, current: LaunchSettings) -> LaunchSettings:
    """The settings after an undo: what still is as prepared goes back, what others have set stays."""
    ours = [name for name in TOUCHED if getattr(known.prepared, name) == getattr(current, name)]
    return replace(current, **_of(known.previous, ours))


def _different(one: LaunchSettings, other: LaunchSettings) -> list[str]:
    return [name for name in TOUCHED if getattr(one, name) != getattr(other, name)]


def _of(settings: LaunchSettings, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in names}
