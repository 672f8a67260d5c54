"""Lambda as AWS runs it, where MiniStack's local executor differs.

The class, message and trace of an exception reach the caller and the worker stays warm; the function's own
code comes before its layers; stray output is log; the environment holds nothing of this process; and the
simulated clock runs at real speed while a function does. Invocations beyond what the machine can run wait
for their turn. Code and layers are unpacked once per content and
keep their compiled modules, which makes a cold start several times cheaper.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.ministack import hooks, lambda_python_worker
from local.ministack.lambda_zygote import Zygote

_WORKER = Path(lambda_python_worker.__file__)
_LOG_LIMIT_SECONDS = 0.25
_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
"""Invocations that run in parallel. More are no faster on this machine, and each takes some 100 MB."""
_RESERVED = lambda_runtime._RESERVED_RUNTIME_ENV_VARS


class FunctionDidNotStartError(RuntimeError):
    """The worker process of a function ended before it could take an invocation."""


class LambdaWorkers:
    """Installs the replacements; ``close`` removes the unpacked code. One per process.

    ``endpoint`` is what functions get as AWS_ENDPOINT_URL; ``real_speed`` is entered around each invocation.
    """

    def __init__(self, endpoint: str, real_speed: Callable[[], AbstractContextManager[None]]) -> None:
        self._endpoint = endpoint
        self._real_speed = real_speed
        self._folder = Path(tempfile.mkdtemp(prefix="local-cloud-lambda-"))
        self._unpacking = threading.Lock()
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._life_read, self._life_write = os.pipe()
        self._zygote = Zygote(self._life_read) if Zygote.works_here() else None
        self._invoke: Any = None
        self._spawn_original: Any = None
        self._drain_original: Any = None

    def install(self) -> None:
        service, runtime = "ministack.services.lambda_svc", "ministack.core.lambda_runtime"
        self._invoke = hooks.replace(service, "_execute_function_warm", self._execute)
        self._spawn_original = hooks.replace(runtime, "Worker._spawn", lambda worker: self._spawn(worker))
        self._drain_original = hooks.replace(
            runtime,
            "Worker._drain_stderr_bounded",
            lambda worker, *limits, **named: self._drain(worker, *limits, **named),
        )

    def close(self) -> None:
        """End all workers, also those in the middle of an invocation."""
        os.close(self._life_write)
        if self._zygote is not None:
            self._zygote.close()
        lambda_runtime.reset()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _execute(self, func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        with self._real_speed(), self._turns:
            answer: dict[str, Any] = self._invoke(func, event, request_id)
        body = answer.get("body")
        if isinstance(body, dict) and "__function_error__" in body:
            return {"body": body["__function_error__"], "error": True, "log": answer.get("log", "")}
        return answer

    def _spawn(self, worker: Any) -> None:
        config = worker.config
        if not str(config.get("Runtime", "")).startswith("python"):
            self._spawn_original(worker)
            return
        code = self._unpacked(worker.code_zip)
        contents = [lambda_svc._resolve_layer_zip(layer) for layer in config.get("Layers") or []]
        layers = [str(self._unpacked(content)) for content in contents if content]
        module, handler = config.get("Handler", "index.handler").rsplit(".", 1)
        worker._proc = process = self._process(code, self._environment(config, code))
        worker._stderr_queue = queue.Queue()
        worker._stderr_thread = threading.Thread(target=worker._read_stderr, daemon=True)
        worker._stderr_thread.start()
        init = {
            "code_dir": str(code),
            "layers": layers,
            "module": module.replace("/", "."),
            "handler": handler,
            "function_name": config.get("FunctionName", ""),
            "memory": config.get("MemorySize", 128),
            "timeout": config.get("Timeout", 3),
            "arn": config.get("FunctionArn", ""),
        }
        process.stdin.write(json.dumps(init) + "\n")
        process.stdin.flush()
        if not process.stdout.readline():
            raise FunctionDidNotStartError(
                f"the worker of {config.get('FunctionName')} ended with {process.wait()}: "
                f"{worker._drain_stderr()}"
            )
        worker._start_time = time.time()
        worker.marks_end_of_log = True

    def _process(self, code: Path, environment: dict[str, str]) -> Any:
        """A worker process, forked where that works."""
        if self._zygote is not None:
            return self._zygote.fork(code, environment)
        return subprocess.Popen(
            [sys.executable, str(_WORKER), str(self._life_read)],
            cwd=code,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            bufsize=1,
            env=environment,
            pass_fds=(self._life_read,),
        )

    def _environment(self, config: dict[str, Any], code: Path) -> dict[str, str]:
        """The environment of a function (Lambda developer guide, configuration-envvars); nothing of ours."""
        own = (config.get("Environment") or {}).get("Variables") or {}
        name = config.get("FunctionName", "")
        _, region = lambda_runtime._account_region_from_function_config(config)
        return {
            **{key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ},
            "AWS_ENDPOINT_URL": self._endpoint,
            lambda_runtime.HOST_PREFIX_ENV: "true",
            "PYTHONUTF8": "1",
            "TZ": ":UTC",
            **{key: str(value) for key, value in own.items() if key not in _RESERVED},
            **lambda_runtime.execution_credentials(config),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime')}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
            "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": uuid4().hex,
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": config.get("Handler", ""),
        }

    def _unpacked(self, archive: bytes) -> Path:
        """The folder with the content of a zip archive; one per content, shared by all workers."""
        folder = self._folder / hashlib.sha256(archive).hexdigest()[:24]
        with self._unpacking:
            if not folder.exists():
                part = folder.with_suffix(".part")
                with zipfile.ZipFile(io.BytesIO(archive)) as files:
                    files.extractall(part)
                part.rename(folder)
        return folder

    def _drain(self, worker: Any, *limits: Any, **named: Any) -> str:
        """The log of the invocation that just ended."""
        if not getattr(worker, "marks_end_of_log", False):
            text: str = self._drain_original(worker, *limits, **named)
            return text
        lines: list[str] = []
        deadline = time.monotonic() + _LOG_LIMIT_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = worker._stderr_queue.get(timeout=left)
            except queue.Empty:
                break
            if line == lambda_python_worker.END_OF_LOG:
                break
            lines.append(line)
        return "\n".join(lines)
