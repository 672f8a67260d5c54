"""What the interpreter needs from outside: a clock, threads, clients, ids. One at a time per process."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from drs_emulator.clock import Clock

ClientFactory = Callable[[str, str, str | None], Any]
"""``(service, region, role_arn) -> boto3 client`` that acts as the role; the service is botocore's name."""

CLIENT_SECONDS = 600.0
"""How long (real seconds) a client is reused, well under the life of an assumed role session."""


class Threads(Protocol):
    """The part of the ``threading`` module that the interpreter uses; ``threading`` itself is one."""

    @property
    def Thread(self) -> Callable[..., Any]: ...

    @property
    def Event(self) -> Callable[[], Any]: ...

    @property
    def Condition(self) -> Callable[..., Any]: ...

    @property
    def Lock(self) -> Callable[[], Any]: ...

    @property
    def RLock(self) -> Callable[[], Any]: ...


class Observer(Protocol):
    """Notified of what happens inside executions; it must be quick and must not raise."""

    def entered(self, execution_arn: str, state: str, input_json: str) -> None: ...

    def exited(self, execution_arn: str, state: str, output_json: str, variable_bytes: int) -> None: ...

    def retried(self, execution_arn: str, state: str, error: str) -> None: ...

    def caught(self, execution_arn: str, state: str, error: str) -> None: ...


@dataclass(slots=True)
class Runtime:
    """The interpreter's surroundings.

    ``client_factory(service, region, role_arn)`` returns a boto3 client that acts as that role; it is
    reused for ten minutes. Wait, Retry delays and all times shown go by ``clock``: a thread that waits
    blocks on an event of ``threads`` that ``clock.call_later`` sets. TimeoutSeconds and HeartbeatSeconds go
    by the timeouts of ``threads``, so in real time by default; TimeoutSeconds of a task that waits for its
    token goes by ``clock``. ``random`` fixes jitter and ``$random``.

    A task that waits for a nested execution is resumed by ``execution_ended``, which AslExecution calls, and
    asks every ``poll_seconds`` (of ``threads``) besides; None means never. An execution whose history reaches
    ``history_quota`` events fails, as on AWS.
    """

    clock: Clock
    client_factory: ClientFactory
    threads: Threads = field(default_factory=lambda: cast(Threads, threading))
    new_id: Callable[[], str] = lambda: str(uuid.uuid4())
    random: random.Random = field(default_factory=random.Random)
    observer: Observer | None = None
    poll_seconds: float | None = 0.5
    history_quota: int = 25_000
    _clients: dict[tuple[str, str, str | None], tuple[float, Any]] = field(default_factory=dict)
    _guard: Any = field(default_factory=threading.Lock)

    def client(self, region: str, service: str, state_credentials: Any = None) -> Any:
        """The client for a task; takes the interpreter's arguments, in its order."""
        role_arn: str | None = getattr(state_credentials, "role_arn", None)
        name = {"stepfunctions": "stepfunctions", "eventbridge": "events"}.get(service, service)
        key = (name, region, role_arn)
        with self._guard:
            made = self._clients.get(key)
        if made is not None and time.monotonic() - made[0] < CLIENT_SECONDS:
            return made[1]
        client = self.client_factory(name, region, role_arn)
        with self._guard:
            self._clients[key] = (time.monotonic(), client)
        return client


class NotInstalledError(RuntimeError):
    """The interpreter was used before ``local.states.install``."""


_current: Runtime | None = None


def use(runtime: Runtime) -> None:
    """Make ``runtime`` the one that every hook looks at from now on."""
    global _current
    _current = runtime


def current() -> Runtime:
    """The installed runtime. Raises NotInstalledError."""
    if _current is None:
        raise NotInstalledError("call local.states.install before running an execution")
    return _current


class ThreadsProxy:
    """Stands where the interpreter imported ``threading``; makes each object with the installed threads."""

    @staticmethod
    def Thread(*args: Any, **kwargs: Any) -> Any:
        return current().threads.Thread(*args, **kwargs)

    @staticmethod
    def Event() -> Any:
        return current().threads.Event()

    @staticmethod
    def Condition(*args: Any) -> Any:
        return current().threads.Condition(*args)

    @staticmethod
    def Lock() -> Any:
        return current().threads.Lock()

    @staticmethod
    def RLock() -> Any:
        return current().threads.RLock()
