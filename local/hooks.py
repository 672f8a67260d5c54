"""The registry of the private names of other packages that we replace or lean on, each with its reason.

Those packages are pinned exactly. ``Table.check`` refuses any other version and any name that vanished or
changed its parameters, so that an upgrade fails at the start and in the tests and not in the middle of a
demo. The rows are in ``local.states.hooks`` (moto), ``local.ministack.hooks``, ``local.shortcuts.hooks`` and
``local.simulation.hooks``; only names of a table can be replaced.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

PINS = {"ministack": "1.5.33", "moto": "5.2.5", "botocore": "1.43.106", "boto3": "1.43.102"}


class HookError(RuntimeError):
    """A pinned package is not what the hooks were written for."""


class WrongVersionError(HookError):
    """An installed package is not the version whose private names we hook into."""


class HookChangedError(HookError):
    """A hooked name vanished, or has other parameters than the hook was written for."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One name: dotted in ``module``, as ``Worker._spawn``.

    ``replacement`` gets the original and returns what takes its place; None for a name that is replaced with
    ``Table.replace`` or only read. ``parameters`` of a function as ``inspect`` lists them; None: not checked.
    """

    module: str
    name: str
    reason: str
    parameters: tuple[str, ...] | None = None
    replacement: Callable[[Any], Any] | None = None

    @property
    def package(self) -> str:
        """The distribution that the module comes with."""
        return self.module.split(".", 1)[0]

    def owner(self) -> tuple[Any, str]:
        """The object that holds the name (a module or a class in it), and the last part of the name."""
        holder: Any = importlib.import_module(self.module)
        *path, last = self.name.split(".")
        for part in path:
            holder = getattr(holder, part)
        return holder, last

    def installed(self) -> Any:
        """What stands there now, in the owner itself. Raises ImportError, AttributeError, KeyError."""
        holder, last = self.owner()
        found = vars(holder)[last]
        return found.__func__ if isinstance(found, staticmethod) else found


class Table:
    """Hooks, and what was shipped where something of ours stands now."""

    def __init__(self, rows: Iterable[Hook]) -> None:
        self.rows = tuple(rows)
        self._by_name = {(hook.module, hook.name): hook for hook in self.rows}
        self._shipped: dict[tuple[str, str], Any] = {}
        self._is_applied = False

    def check(self) -> None:
        """Raises WrongVersionError or HookChangedError unless every hook fits what is installed."""
        for package in sorted({hook.package for hook in self.rows}):
            found, pinned = version(package), PINS[package]
            if found != pinned:
                raise WrongVersionError(
                    f"{package} {found} is installed, the local cloud needs exactly {pinned}: it hooks into "
                    f"private names of that version. Install what requirements.lock says."
                )
        problems = [problem for hook in self.rows if (problem := self._problem(hook))]
        if problems:
            raise HookChangedError("; ".join(problems))

    def apply(self) -> None:
        """Puts every replacement of the rows in place, once per process; raises as ``check`` does."""
        if self._is_applied:
            return
        self.check()
        for hook in self.rows:
            if hook.replacement is not None:
                self.replace(hook.module, hook.name, hook.replacement(hook.installed()))
        self._is_applied = True

    def replace(self, module: str, name: str, replacement: Any) -> Any:
        """Put ``replacement`` in the place of a name of the table and return what was there."""
        hook = self._find(module, name)
        before = hook.installed()
        self._shipped.setdefault((module, name), before)
        setattr(*hook.owner(), replacement)
        return before

    def update(self, module: str, name: str, entries: dict[str, Any]) -> None:
        """Put entries into a dict of the table."""
        self._find(module, name).installed().update(entries)

    def shipped(self, module: str, name: str) -> Any:
        """What the package has under a name of the table, whether or not something stands in its place."""
        return self._original(self._find(module, name))

    def _original(self, hook: Hook) -> Any:
        key = hook.module, hook.name
        return self._shipped[key] if key in self._shipped else hook.installed()

    def _find(self, module: str, name: str) -> Hook:
        hook = self._by_name.get((module, name))
        if hook is None:
            raise HookChangedError(f"{module}.{name} is not in the table of hooks")
        return hook

    def _problem(self, hook: Hook) -> str | None:
        where = f"{hook.module}.{hook.name}"
        try:
            value = self._original(hook)
        except (ImportError, AttributeError, KeyError):
            return f"{where} is not there; needed for: {hook.reason}"
        if hook.parameters is None:
            return None
        found = tuple(inspect.signature(inspect.unwrap(value)).parameters)
        if found == hook.parameters:
            return None
        return f"{where} takes {found}, not {hook.parameters}; needed for: {hook.reason}"
