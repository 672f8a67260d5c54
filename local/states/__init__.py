"""Amazon States Language on a laptop: moto's interpreter (LocalStack's), with what it lacks.

JSONata, SDK casing and error names, ItemBatcher, tolerated failures, checks of transitions, time by a
clock, waits that end with their execution, clients per role. What is replaced in moto is listed in
``local.states.hooks`` and nowhere else.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from typing import cast

from drs_emulator.clock import Clock
from local.hooks import HookError
from local.states.errors import DefinitionError, StatesError, TaskDoesNotExistError, TaskTimedOutError
from local.states.execution import AslExecution, check
from local.states.hooks import apply_hooks
from local.states.runtime import ClientFactory, Observer, Runtime, Threads, use
from local.states.waits import execution_ended

__all__ = [
    "AslExecution",
    "DefinitionError",
    "HookError",
    "Observer",
    "StatesError",
    "TaskDoesNotExistError",
    "TaskTimedOutError",
    "Threads",
    "check",
    "execution_ended",
    "install",
]


def install(
    clock: Clock,
    client_factory: ClientFactory,
    *,
    threads: Threads | None = None,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    seed: int | None = None,
    observer: Observer | None = None,
    poll_seconds: float | None = 0.5,
    history_quota: int = 25_000,
) -> None:
    """Make moto's interpreter run by ``clock`` with the clients of ``client_factory``.

    ``client_factory(service, region, role_arn)`` returns a boto3 client that acts as that role; it is
    reused for ten minutes. Wait, Retry delays and all times shown go by ``clock``: a thread that waits
    blocks on an event of ``threads`` (default: ``threading``) that ``clock.call_later`` sets.
    TimeoutSeconds and HeartbeatSeconds go by the timeouts of ``threads``, so in real time by default;
    TimeoutSeconds of a task that waits for its token goes by ``clock``.
    A task that waits for a nested execution is resumed by ``execution_ended``, which AslExecution calls,
    and asks every ``poll_seconds`` besides (None: never). ``seed`` fixes jitter and
    ``$random``. An execution whose history reaches ``history_quota`` events fails, as on AWS.

    May be called again at any time with other arguments; executions that still run take these up too.
    Raises HookError when moto is not the pinned version.
    """
    apply_hooks()
    use(
        Runtime(
            clock=clock,
            client_factory=client_factory,
            threads=threads if threads is not None else cast(Threads, threading),
            new_id=new_id,
            random=random.Random(seed),
            observer=observer,
            poll_seconds=poll_seconds,
            history_quota=history_quota,
        )
    )
