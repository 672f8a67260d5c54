"""One attempt of an execution and the history that it continues."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from local.states.execution import AslExecution
from local.states.orders import Order
from local.states.runtime import current
from local.states.times import iso
from local.states.waits import execution_ended

Event = dict[str, Any]


class Run:
    """One attempt of an execution; a redrive is another. ``before`` are the events up to ExecutionRedriven.

    ``on_end(run)`` is called once, in the interpreter's thread, when the attempt has ended by itself or
    after ``stop``; ``ended`` (an Event of the installed threads) is set after it.
    """

    def __init__(self, order: Order, on_end: Callable[[Run], None], before: tuple[Event, ...] = ()) -> None:
        self.order = order
        self.ended = current().threads.Event()
        self.execution = AslExecution(order, self._ended)
        self._on_end = on_end
        self._before = before
        self._frozen: list[Event] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        self.execution.start()

    def stop(self, at: datetime, error: str | None, cause: str | None) -> None:
        """Abort: no further state starts, and the history ends here even if a task still runs."""
        events = self.history()
        aborted = {key: value for key, value in (("error", error), ("cause", cause)) if value}
        with self._lock:
            self._frozen = [
                *events,
                {
                    "id": len(events) + 1,
                    "previousEventId": 0,
                    "type": "ExecutionAborted",
                    "timestamp": iso(at),
                    "executionAbortedEventDetails": aborted,
                },
            ]
        self.execution.stop(error, cause)
        execution_ended(self.order.arn)

    def history(self) -> list[Event]:
        """The events so far, of earlier attempts first, as GetExecutionHistory words them."""
        with self._lock:
            if self._frozen is not None:
                return self._frozen
        own = self.execution.history()
        if not self._before:
            return own
        shift = len(self._before) - 1  # the new ExecutionStarted is the ExecutionRedriven that ends _before
        return [*self._before, *(_shifted(event, shift) for event in own[1:])]

    def _ended(self, execution: AslExecution) -> None:
        try:
            self._on_end(self)
        finally:
            self.ended.set()


def _shifted(event: Event, by: int) -> Event:
    """``event`` with its ids moved behind those of earlier attempts."""
    previous = event.get("previousEventId")
    return {**event, "id": event["id"] + by, "previousEventId": previous + by if previous else 0}
