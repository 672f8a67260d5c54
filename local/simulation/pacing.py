"""The time by which handlers pace their calls: virtual, so that waiting takes none."""

from __future__ import annotations

from local.simulation.scheduler import Scheduler


class VirtualPace:
    """``shared.aws.rate_limits.Clock``. Outside of executions nothing can wait."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def now(self) -> float:
        return self._scheduler.clock.now().timestamp()

    def sleep(self, seconds: float) -> None:
        if self._scheduler.current() is not None:
            self._scheduler.sleep(seconds)
