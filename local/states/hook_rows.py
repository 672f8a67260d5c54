"""Short forms for the rows about moto: its modules, and hooks that replace a name whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.hooks import Hook

PARSER = "moto.stepfunctions.parser"
EXEC = "asl.component.state.exec."
SERVICE = EXEC + "state_task.service.state_task_service"
ITERATION = EXEC + "state_map.iteration."


def hook(module: str, name: str, reason: str, make: Callable[[Any], Any]) -> Hook:
    """A row for ``name`` in ``module``, below ``PARSER``."""
    return Hook(f"{PARSER}.{module}", name, reason, replacement=make)


def put(replacement: Any) -> Callable[[Any], Any]:
    """Takes the place of the original, whatever that is."""
    return lambda original: replacement


def put_static(replacement: Any) -> Callable[[Any], Any]:
    """The same for a static method."""
    return lambda original: staticmethod(replacement)
