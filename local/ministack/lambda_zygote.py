"""A process that has imported the AWS SDK and forks one function worker after another.

Importing boto3 and reading its service descriptions is most of a cold start. AWS starts environments on as
many machines as it takes; here they would share the laptop's processors. A function that brings an SDK of its
own gets that one. Linux only (pidfd); elsewhere workers start the plain way.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

_SERVICES = (
    "sts",
    "ec2",
    "drs",
    "dynamodb",
    "s3",
    "sns",
    "stepfunctions",
    "events",
    "iam",
    "ssm",
    "cloudwatch",
    "service-quotas",
)
_MESSAGE_BYTES = 256 * 1024


class ZygoteEndedError(RuntimeError):
    """The forking process has ended."""


class Forked:
    """A worker process as ``subprocess.Popen`` shows one, as far as MiniStack looks at it."""

    def __init__(self, pid: int, pipes: tuple[IO[str], IO[str], IO[str]]) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = pipes
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._pidfd = -1

    def poll(self) -> int | None:
        """None while it runs. How it ended is not known."""
        return None if self._alive(0) else -1

    def wait(self, timeout: float | None = None) -> int:
        if self._alive(timeout):
            raise subprocess.TimeoutExpired(f"worker {self.pid}", timeout or 0.0)
        return -1

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._alive(0):
            signal.pidfd_send_signal(self._pidfd, number)

    def _alive(self, seconds: float | None) -> bool:
        if self._pidfd < 0:
            return False
        waiting = select.poll()
        waiting.register(self._pidfd, select.POLLIN)
        if not waiting.poll(None if seconds is None else seconds * 1000):
            return True
        os.close(self._pidfd)
        self._pidfd = -1
        return False


class Zygote:
    """Starts the process at once and forks workers from it on request. Thread-safe."""

    def __init__(self, life_fd: int) -> None:
        self._lock = threading.Lock()
        self._life_fd = life_fd
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**kept, "PYTHONUTF8": "1"},
            )

    @staticmethod
    def works_here() -> bool:
        return hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")

    def fork(self, cwd: Path, environment: dict[str, str]) -> Forked:
        """A new worker that waits for its first line. Raises ZygoteEndedError."""
        ends = [os.pipe() for _ in range(3)]
        (in_read, in_write), (out_read, out_write), (err_read, err_write) = ends
        message = json.dumps({"cwd": str(cwd), "environment": environment}).encode()
        theirs = [in_read, out_write, err_write, self._life_fd]
        try:
            with self._lock:
                socket.send_fds(self._control, [message], theirs)
                answer = self._control.recv(64)
        except OSError as error:
            raise ZygoteEndedError(f"the process that forks function workers has ended: {error}") from error
        finally:
            for descriptor in theirs[:3]:
                os.close(descriptor)
        if not answer:
            raise ZygoteEndedError("the process that forks function workers has ended")
        pipes = (
            os.fdopen(in_write, "w", buffering=1, encoding="utf-8"),
            os.fdopen(out_read, "r", encoding="utf-8", errors="replace"),
            os.fdopen(err_read, "r", encoding="utf-8", errors="replace"),
        )
        return Forked(int(answer), pipes)

    def close(self) -> None:
        self._control.close()
        self._process.wait(5)


def main(control: socket.socket) -> None:
    """The process: preload, then fork for each message until the other end is closed."""
    folder = sys.path.pop(0)  # not on a function's path
    sys.path.insert(0, folder)
    import lambda_python_worker as worker  # type: ignore[import-not-found]

    sys.path.pop(0)
    _preload()
    gc.freeze()  # the collector of a worker then leaves these objects alone, and their memory stays shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nothing waits for workers: their end is seen by pidfd
    while True:
        try:
            data, descriptors, _, _ = socket.recv_fds(control, _MESSAGE_BYTES, 4)
        except OSError:
            return
        if not data:
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            _become_worker(worker, json.loads(data), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(str(pid).encode())


def _become_worker(worker: Any, order: dict[str, Any], descriptors: list[int]) -> None:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(order["environment"])
        time.tzset()
        random.seed()
        os.chdir(order["cwd"])
        for target in range(3):
            os.dup2(descriptors[target], target)
            os.close(descriptors[target])
        worker.start(descriptors[3])
        status = 0
    finally:
        os._exit(status)


def _preload() -> None:
    """Import the SDK and read the service descriptions that functions here are likely to want."""
    import boto3
    import botocore.loaders

    load = functools.lru_cache(maxsize=None)(botocore.loaders.JSONFileLoader().load_file)
    botocore.loaders.JSONFileLoader.load_file = lambda self, path: load(path)  # type: ignore[assignment, method-assign]
    for service in _SERVICES:
        session: Any = boto3.session.Session()
        session.client(
            service,
            region_name="us-east-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",  # noqa: S106
        )


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
