"""Start and stop the local cloud as a child process."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from local.ministack.server import environment

START_SECONDS = 60.0
STOP_SECONDS = 10.0


class CloudDidNotStartError(RuntimeError):
    """The local cloud ended or stayed silent instead of getting ready; the message names its log."""


class AdminCallError(RuntimeError):
    """A ``/_local`` route answered an error. ``status`` is the HTTP status, the message the route's own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LocalCloud:
    """The cloud as a child process; also a context manager.

    It listens on 127.0.0.1 only, keeps its state in memory, and ends with this process, whatever ends it:
    its life hangs on a pipe that only this process holds open.
    """

    def __init__(self, process: subprocess.Popen[bytes], life: int, endpoint: str, log: Path) -> None:
        self._process = process
        self._life = life
        self.endpoint = endpoint
        self.log = log

    @classmethod
    def start(
        cls,
        *,
        port: int | None = None,
        speed: float = 60.0,
        auth: bool = True,
        log: Path,
        seed: int = 0,
    ) -> LocalCloud:
        """Start the cloud and wait until it serves. ``port`` None takes a free one.

        ``speed`` is simulated seconds per real second while nothing runs; ``auth`` enforces IAM; ``seed``
        decides every random duration; ``log`` is overwritten. Raises CloudDidNotStartError naming the log
        or the port that is taken.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        listener = _listen(port)
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ready_read, ready_write = os.pipe()
        life_read, life_write = os.pipe()
        handed = (listener.fileno(), ready_write, life_read)
        command = [sys.executable, "-m", "local.ministack.server"]
        for name, value in zip(("--socket", "--ready", "--life"), handed, strict=True):
            command += [name, str(value)]
        command += ["--speed", str(speed), "--seed", str(seed)]
        root = Path(__file__).resolve().parents[2]
        settings = environment(endpoint, auth=auth, folder=Path(tempfile.gettempdir()))
        try:
            with log.open("wb") as output:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=handed,
                    env={**settings, "PYTHONPATH": str(root)},
                    start_new_session=True,  # Ctrl-C in the terminal is for us; we then stop the cloud
                )
        finally:
            listener.close()
            os.close(ready_write)
            os.close(life_read)
        cloud = cls(process, life_write, endpoint, log)
        try:
            cloud._await_ready(ready_read)
        except BaseException:
            cloud.stop()
            raise
        finally:
            os.close(ready_read)
        return cloud

    def stop(self) -> None:
        """End the cloud and every process of it. Harmless when it has ended already."""
        if self._life >= 0:
            os.close(self._life)
            self._life = -1
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call a route of ours, ``path`` with or without ``/_local``. Raises AdminCallError on an error."""
        path = path if path.startswith("/_local") else f"/_local{path}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(  # noqa: S310 - always our own http endpoint
            self.endpoint + path, data=data, method=method, headers={"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                result: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            try:
                message = str(json.loads(text).get("message", text))
            except ValueError:
                message = text
            raise AdminCallError(error.code, f"{method} {path}: {message}") from error
        return result

    def __enter__(self) -> LocalCloud:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _await_ready(self, ready: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        readable, _, _ = select.select([ready], [], [], START_SECONDS)
        if readable and os.read(ready, 16):
            return
        what = "was not ready in time" if time.monotonic() >= deadline else "ended while starting"
        raise CloudDidNotStartError(f"the local cloud {what}; read {self.log}:\n{_tail(self.log)}")


def _listen(port: int | None) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port or 0))
        listener.listen(1000)
    except OSError as taken:
        listener.close()
        raise CloudDidNotStartError(
            f"port {port} on 127.0.0.1 cannot be used ({taken.strerror}); give another port or none"
        ) from taken
    return listener


def _tail(log: Path, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
