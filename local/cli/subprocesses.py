"""Runs tools such as SAM as child processes whose output goes to a log, and leaves none behind."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.errors import CommandError
from local.paths import ROOT

_TAIL_LINES = 12


_SIGNALS: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def _interrupted_afterwards() -> Iterator[None]:
    """Handles signals that come meanwhile at the end. They reach the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)


class Children:
    """The child processes of one command; a context manager that ends those that still run."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, command: Sequence[str], *, log: Path, env: Mapping[str, str], what: str) -> None:
        """Run ``command`` in the project's folder until it ends. Raises CommandError naming ``log``."""
        process = self.start(command, log=log, env=env)
        status = process.wait()  # interrupted here, it stays among the running: ``end`` sees to it
        with self._lock:
            self._running.discard(process)
        if status:
            tail = "\n".join(log.read_text("utf-8", "replace").strip().splitlines()[-_TAIL_LINES:])
            raise CommandError(f"{what} failed (exit status {status}):\n{tail}", log=log)

    def start(
        self, command: Sequence[str], *, log: Path, env: Mapping[str, str], stdout: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start ``command`` and return at once. ``stdout`` as for Popen; by default it goes to the log."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output, self._lock:
            if self._closed:
                raise KeyboardInterrupt
            with _interrupted_afterwards():  # or it would run, and be on no list
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output if stdout is None else stdout,
                    stderr=output if stdout is not None else subprocess.STDOUT,
                    cwd=ROOT,
                    env=dict(env),
                    start_new_session=True,  # Ctrl-C is for us; we then end it
                )
                self._running.add(process)
        return process

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End those that still run; none can be started after this."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
