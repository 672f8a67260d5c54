"""Threads that take turns in virtual time.

Exactly one of these threads runs at a time, until it waits; then the next that can run does, in the order
in which they became able to. When none can, the clock moves to the next time at which something is due.
So a run depends on nothing but its input, and an hour that every thread sleeps through takes no time.

Each is a real thread that holds a baton. The thread that calls ``Scheduler.run`` drives: it gets the baton
back when all others wait, moves the clock, and runs what is due.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from drs_emulator.clock import ManualClock

FOREVER = 99_999_999.0
"""TimeoutSeconds of a task that has none (Step Functions guide): no timer is kept for it."""


class DeadlockError(RuntimeError):
    """Every thread waits, and nothing is due that could wake one."""


class OutsideSchedulerError(RuntimeError):
    """Something that no thread of the scheduler runs tried to wait in virtual time."""


class Timer:
    """Wakes a waiting thread at its time unless cancelled."""

    __slots__ = ("action", "cancelled")

    def __init__(self, action: Callable[[], None]) -> None:
        self.action = action
        self.cancelled = False


class Task:
    """A thread of the scheduler. ``tag`` is inherited from the thread that started it."""

    def __init__(self, scheduler: Scheduler, target: Callable[[], object], name: str, tag: Any) -> None:
        self.name = name
        self.tag = tag
        self.done = False
        self.failure: BaseException | None = None
        self.waiting_for: str | None = None
        self.waiting_since: datetime | None = None
        self.joiners: list[Callable[[], None]] = []
        self.carrier: _Carrier | None = None
        self.target = target
        self.scheduler = scheduler


class _Carrier:
    """A real thread that carries one task after another; starting threads is slow."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.baton = threading.Semaphore(0)
        self.task: Task | None = None
        self._scheduler = scheduler
        self.thread = threading.Thread(target=self._carry, name="virtual", daemon=True)
        self.thread.start()

    def _carry(self) -> None:
        self._scheduler.local.carrier = self
        while True:
            self.baton.acquire()
            task = self.task
            if task is None:
                return
            try:
                task.target()
            except BaseException as error:  # noqa: BLE001  kept for the driver, which raises it
                task.failure = error
            self._scheduler.finish(self, task)


class Scheduler:
    """Runs tasks by ``clock``, which only it may move while it runs."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.local = threading.local()
        self._ready: deque[Task] = deque()
        self._waiting: set[Task] = set()
        self._idle: list[_Carrier] = []
        self._timers: list[tuple[datetime, int, Timer]] = []
        self._order = itertools.count()
        self._driver = threading.Semaphore(0)
        self._driving: int | None = None
        self._running: Task | None = None
        self._failures: list[BaseException] = []
        self._closed = False

    def current(self) -> Task | None:
        """The task that runs, or None in the driver and in threads from elsewhere."""
        carrier: _Carrier | None = getattr(self.local, "carrier", None)
        return carrier.task if carrier is not None else None

    def running(self) -> Task | None:
        """The task whose turn it is, also when asked from a thread that this task made and waits for."""
        return self._running

    def spawn(self, target: Callable[[], object], name: str, tag: Any = None) -> Task:
        """A task that runs when its turn comes."""
        current = self.current()
        task = Task(self, target, name, tag if tag is not None else (current.tag if current else None))
        self._ready.append(task)
        return task

    def wake(self, task: Task) -> None:
        """Lets a waiting task run when its turn comes."""
        if task in self._waiting:
            self._waiting.discard(task)
            self._ready.append(task)

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Calls ``action`` in ``seconds`` unless the timer is cancelled."""
        timer = Timer(action)
        if seconds < FOREVER:
            due = self.clock.now() + timedelta(seconds=max(0.0, seconds))
            heapq.heappush(self._timers, (due, next(self._order), timer))
        return timer

    def wait(self, waiting_for: str) -> None:
        """Ends the turn of the current task until it is resumed."""
        task = self.current()
        if self._closed:
            raise SystemExit
        if task is None or task.carrier is None:
            raise OutsideSchedulerError(f"only a task of the virtual cloud can wait for {waiting_for}")
        task.waiting_for, task.waiting_since = waiting_for, self.clock.now()
        self._waiting.add(task)
        self._hand_over()
        task.carrier.baton.acquire()
        task.waiting_for = None
        if self._closed:
            raise SystemExit

    def sleep(self, seconds: float) -> None:
        """Ends the turn of the current task for ``seconds``; others run meanwhile."""
        task = self.current()
        if task is None:
            raise OutsideSchedulerError("only a task of the virtual cloud can sleep")
        self.after(seconds, lambda: self.wake(task))
        self.wait(f"{seconds:g} s to pass")

    def finish(self, carrier: _Carrier, task: Task) -> None:
        """The end of a task, in its own thread: what joined it runs, and its carrier is free."""
        task.done = True
        if task.failure is not None and not isinstance(task.failure, SystemExit):
            self._failures.append(task.failure)
        for resumed in task.joiners:
            resumed()
        carrier.task = None
        self._idle.append(carrier)
        self._hand_over()

    def run(self, until: Callable[[], bool], deadline: datetime | None = None) -> bool:
        """Runs tasks, and time up to ``deadline``, until ``until()`` holds with all tasks waiting.

        Returns whether it holds. Without a deadline, raises DeadlockError when it cannot come to hold.
        """
        if self._driving is not None:
            raise OutsideSchedulerError(
                "the virtual cloud already runs; start executions from within instead"
            )
        self._driving = threading.get_ident()
        try:
            while True:
                self._run_ready()
                if until():
                    return True
                due = self._next_due()
                if deadline is not None and (due is None or due > deadline):
                    self.clock.advance_to(deadline)
                    return until()
                if due is None:
                    raise DeadlockError(self._describe())
                self.clock.advance_to(due)
                self._fire(due)
        finally:
            self._driving = None

    def close(self) -> None:
        """Ends every task, also those that wait, and their threads."""
        self._closed = True
        for task in [*self._waiting]:
            self.wake(task)
        self._ready = deque(task for task in self._ready if task.carrier is not None)
        self._run_ready(raise_failures=False)
        for carrier in self._idle:
            carrier.baton.release()
        for carrier in self._idle:  # an interpreter that ends, or forks, wants no thread at work
            carrier.thread.join()
        self._idle.clear()

    def _run_ready(self, raise_failures: bool = True) -> None:
        while self._ready:
            self._start_next()
            self._driver.acquire()
            self._running = None
        if self._failures and raise_failures:
            raise self._failures.pop(0)

    def _start_next(self) -> None:
        task = self._ready.popleft()
        if task.carrier is None:
            task.carrier = self._idle.pop() if self._idle else _Carrier(self)
            task.carrier.task = task
        self._running = task
        task.carrier.baton.release()

    def _hand_over(self) -> None:
        if self._ready:
            self._start_next()
        else:
            self._driver.release()

    def _next_due(self) -> datetime | None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        times = [self.clock.next_due(), self._timers[0][0] if self._timers else None]
        known = [time for time in times if time is not None]
        return min(known) if known else None

    def _fire(self, now: datetime) -> None:
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled:
                timer.cancelled = True
                timer.action()

    def _describe(self) -> str:
        lines = [f"at {self.clock.now().isoformat()} every thread waits and nothing is due:"]
        for task in sorted(self._waiting, key=lambda task: (task.waiting_since, task.name)):
            places = " < ".join(itertools.islice(_places(task), 3))
            lines.append(f"  {task.tag or ''} {task.name}: waits for {task.waiting_for} in {places}")
        return "\n".join(lines)


def _places(task: Task) -> Iterator[str]:
    """Where in the interpreter a waiting task stands, innermost first."""
    carrier = task.carrier
    frame = sys._current_frames().get(carrier.thread.ident or 0) if carrier is not None else None
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(("moto.stepfunctions", "local.states")):
            yield f"{module.rsplit('.', 1)[-1]}.{frame.f_code.co_name}"
        frame = frame.f_back
