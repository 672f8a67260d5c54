"""Waiting by the clock, and ending every wait at once when the execution, branch or task it belongs to ends.

The interpreter sleeps through a StopExecution in a Retry, a task token, a nested execution or a Lambda
task. Here whatever waits leaves a callback with its environment, which is called when that environment
stops running.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from local.states.runtime import current

Interrupt = Callable[[], None]
_interrupts: WeakKeyDictionary[Any, list[Interrupt]] = WeakKeyDictionary()
_ends: dict[str, list[Interrupt]] = {}


def sleep(env: Any, seconds: float) -> None:
    """Returns after ``seconds`` of the clock, or as soon as ``env`` no longer runs."""
    if seconds <= 0:
        return
    runtime = current()
    done = runtime.threads.Event()
    with interrupted(env, done.set):
        if env.is_running():
            runtime.clock.call_later(seconds, done.set)
            done.wait()


@contextmanager
def interrupted(env: Any, action: Interrupt) -> Iterator[None]:
    """Calls ``action`` when ``env`` stops running before the block ends (also when it already has)."""
    _interrupts.setdefault(env, []).append(action)
    try:
        if not env.is_running():
            action()
        yield
    finally:
        _interrupts[env].remove(action)


def ring(env: Any) -> None:
    """Ends the waits that belong to ``env``."""
    for action in list(_interrupts.get(env, ())):
        action()


def ringing(original: Callable[..., None]) -> Callable[..., None]:
    """A method that ends an environment, if it still runs (the first end is final), and its waits."""

    def end(self: Any, *args: Any, **kwargs: Any) -> None:
        if self._program_state is None or self.is_running():
            original(self, *args, **kwargs)
            ring(self)

    return end


def wait_interval(self: Any, env: Any, wait_seconds: float) -> None:
    """A Wait state."""
    sleep(env, wait_seconds)


@contextmanager
def when_ended(execution_arn: str, action: Interrupt) -> Iterator[None]:
    """Calls ``action`` when that execution ends."""
    _ends.setdefault(execution_arn, []).append(action)
    try:
        yield
    finally:
        _ends[execution_arn].remove(action)
        if not _ends[execution_arn]:
            _ends.pop(execution_arn, None)


def execution_ended(execution_arn: str) -> None:
    """Resumes the tasks that wait for this execution."""
    for action in list(_ends.get(execution_arn, ())):
        action()
