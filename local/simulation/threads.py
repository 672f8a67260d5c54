"""``threading`` in virtual time: what the ASL interpreter uses of it, on a Scheduler."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

from local.simulation.scheduler import FOREVER, Scheduler, Task


class _Waiters:
    """The tasks that wait for one thing, first come first served."""

    def __init__(self, scheduler: Scheduler, what: str) -> None:
        self._scheduler = scheduler
        self._what = what
        self._tasks: deque[list[Any]] = deque()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the task was resumed before ``timeout`` virtual seconds were over."""
        scheduler = self._scheduler
        task = scheduler.current()
        entry: list[Any] = [task, False]
        self._tasks.append(entry)
        timer = None
        if timeout is not None and task is not None:
            timer = scheduler.after(timeout, lambda: scheduler.wake(task))
        limit = "" if timeout is None or timeout >= FOREVER else f" (at most {timeout:g} s)"
        scheduler.wait(f"{self._what}{limit}")
        if timer is not None:
            timer.cancelled = True
        if not entry[1]:
            self._tasks.remove(entry)
        return bool(entry[1])

    def wake(self, count: int | None = None) -> None:
        """Wakes the first ``count`` waiting tasks, or all."""
        for _ in range(len(self._tasks) if count is None else min(count, len(self._tasks))):
            entry = self._tasks.popleft()
            entry[1] = True
            self._scheduler.wake(entry[0])


class VirtualThreads:
    """Makes threads, events and locks of one scheduler; stands in for the ``threading`` module."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._numbers = itertools.count(1)

    def Thread(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> VirtualThread:
        number = next(self._numbers)
        return VirtualThread(self._scheduler, target, name or f"thread {number}", args, kwargs or {}, number)

    def Event(self) -> VirtualEvent:
        return VirtualEvent(self._scheduler)

    def Lock(self) -> VirtualLock:
        return VirtualLock(self._scheduler, reentrant=False)

    def RLock(self) -> VirtualLock:
        return VirtualLock(self._scheduler, reentrant=True)

    def Condition(self, lock: VirtualLock | None = None) -> VirtualCondition:
        return VirtualCondition(self._scheduler, lock if lock is not None else self.RLock())


class VirtualThread:
    """``threading.Thread``."""

    def __init__(
        self,
        scheduler: Scheduler,
        target: Callable[..., object] | None,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        number: int,
    ) -> None:
        self.name = name
        self.daemon = True
        self.native_id = self.ident = number
        self._scheduler = scheduler
        self._call = (target, args, kwargs)
        self._task: Task | None = None

    def start(self) -> None:
        """Lets it run when its turn comes; the caller goes on."""
        target, args, kwargs = self._call
        if target is None:
            raise ValueError("a virtual thread needs a target")
        self._task = self._scheduler.spawn(lambda: target(*args, **kwargs), self.name)

    def is_alive(self) -> bool:
        return self._task is not None and not self._task.done

    def join(self, timeout: float | None = None) -> None:
        """Waits for its end, at most ``timeout`` virtual seconds."""
        if self._task is None or self._task.done:
            return
        waiters = _Waiters(self._scheduler, f"the end of thread {self.name!r}")
        self._task.joiners.append(waiters.wake)
        waiters.wait(timeout)


class VirtualEvent:
    """``threading.Event``."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._flag = False
        self._waiters = _Waiters(scheduler, "an event")

    def is_set(self) -> bool:
        return self._flag

    def set(self) -> None:
        self._flag = True
        self._waiters.wake()

    def clear(self) -> None:
        self._flag = False

    def wait(self, timeout: float | None = None) -> bool:
        if self._flag:
            return True
        return self._waiters.wait(timeout)


class VirtualLock:
    """``threading.Lock`` and ``threading.RLock``.

    Locked by a task, or by what is not one (the test, a clock action): these never run at the same time.
    """

    def __init__(self, scheduler: Scheduler, *, reentrant: bool) -> None:
        self._scheduler = scheduler
        self._reentrant = reentrant
        self._depth = 0
        self._owner: Task | None = None
        self._waiters = _Waiters(scheduler, "a lock")

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        current = self._scheduler.current()
        while self._depth and not (self._reentrant and self._owner is current):
            if not blocking or not (self._waiters.wait(timeout if timeout >= 0 else None)):
                return False
        self._depth += 1
        self._owner = current
        return True

    def release(self) -> None:
        if not self._depth:
            raise RuntimeError("release unlocked lock")
        self._depth -= 1
        if not self._depth:
            self._owner = None
            self._waiters.wake(1)

    def locked(self) -> bool:
        return self._depth > 0

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc: object) -> None:
        self.release()


class VirtualCondition:
    """``threading.Condition``."""

    def __init__(self, scheduler: Scheduler, lock: VirtualLock) -> None:
        self._lock = lock
        self._waiters = _Waiters(scheduler, "a condition")
        self.acquire = lock.acquire
        self.release = lock.release

    def wait(self, timeout: float | None = None) -> bool:
        depth, self._lock._depth = self._lock._depth, 1
        self._lock.release()
        try:
            return self._waiters.wait(timeout)
        finally:
            self._lock.acquire()
            self._lock._depth = depth

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        while not (is_true := predicate()):
            if not self.wait(timeout):
                return bool(predicate())
        return bool(is_true)

    def notify(self, n: int = 1) -> None:
        self._waiters.wake(n)

    def notify_all(self) -> None:
        self._waiters.wake()

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *exc: object) -> None:
        self._lock.release()
