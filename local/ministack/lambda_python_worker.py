"""The process that runs a Python function: one JSON line per invocation in, one out.

Started by ``lambda_workers``, or forked by ``lambda_zygote``. It imports nothing of the project. What the
function prints, also straight to file descriptor 1, goes to its log (stderr), never into the answer. Import
order is that of AWS: the function's code, then its layers, then the runtime.
"""

from __future__ import annotations

import importlib
import json
import os
import site
import sys
import threading
import time
import traceback
from types import SimpleNamespace
from typing import Any

_SDK = {
    "boto3": "boto3",
    "botocore": "botocore",
    "s3transfer": "s3transfer",
    "jmespath": "jmespath",
    "urllib3": "urllib3",
    "dateutil": "python_dateutil",
}
"""The packages of the SDK, each with the name of its distribution."""
END_OF_LOG = "\x1e end of invocation"


def main(requests_fd: int, answers_fd: int, life_fd: int) -> None:
    """Serve invocations until the requests end or the cloud does."""
    threading.Thread(target=_die_with_the_cloud, args=(life_fd,), daemon=True).start()
    with os.fdopen(requests_fd, encoding="utf-8") as requests, os.fdopen(answers_fd, "w") as answers:
        init = json.loads(requests.readline())
        broken: dict[str, Any] | None = None
        handler: Any = None
        try:
            handler = _load(init)
        except BaseException as error:  # noqa: BLE001 - whatever the import raised is the answer, as on AWS
            broken = _init_error(init, error)
        _answer(answers, {"status": "ready", "cold": True})
        for line in requests:
            message = json.loads(line)
            answer = _failed(broken) if broken else _invoke(handler, init, message)
            sys.stdout.flush()
            print(END_OF_LOG, file=sys.stderr, flush=True)
            _answer(answers, answer)
            if broken:
                return


def _die_with_the_cloud(life_fd: int) -> None:
    os.read(life_fd, 1)  # nothing is ever written: this returns when the other end is closed
    os._exit(1)


def _load(init: dict[str, Any]) -> Any:
    paths = [init["code_dir"]]
    for layer in init["layers"]:
        python = os.path.join(layer, "python")
        library = os.path.join(python, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}")
        packages = os.path.join(library, "site-packages")
        if os.path.isdir(packages):
            paths.append(packages)
            site.addsitedir(packages)
        if os.path.isdir(python):
            paths.append(python)
    sys.path[:] = paths + [path for path in sys.path if path not in paths]
    _prefer_own_sdk(paths)
    _forward_invocation_depth()
    module = importlib.import_module(init["module"])
    try:
        return getattr(module, init["handler"])
    except AttributeError:
        raise HandlerNotFoundError(
            f"Handler '{init['handler']}' missing on module '{init['module']}'"
        ) from None


def _prefer_own_sdk(paths: list[str]) -> None:
    """Forget a preloaded SDK when the function or a layer brings another one, which comes first on AWS.

    The very version of a package that is loaded already makes no difference: many layers bring jmespath.
    """
    brought = [(path, name) for path in paths for name in _SDK if os.path.isdir(os.path.join(path, name))]
    if not all(_is_loaded(path, name) for path, name in brought):
        for name in [name for name in sys.modules if name.split(".")[0] in _SDK]:
            del sys.modules[name]


def _is_loaded(path: str, name: str) -> bool:
    """Whether the package below ``path`` is of the version that is loaded."""
    loaded = getattr(sys.modules.get(name), "__version__", None)
    return os.path.isdir(os.path.join(path, f"{_SDK[name]}-{loaded}.dist-info"))


class HandlerNotFoundError(Exception):
    """The module has no such function."""


def _forward_invocation_depth() -> None:
    """Let the cloud see loops of functions that invoke each other, as Lambda's recursion detection does."""
    try:
        import botocore.handlers
    except ImportError:
        return

    def add_depth(params: dict[str, Any], **_: Any) -> None:
        depth = os.environ.get("_MINISTACK_INVOKE_DEPTH")
        if depth:
            params["headers"].setdefault("X-Ministack-Invoke-Depth", depth)

    botocore.handlers.BUILTIN_HANDLERS.append(("before-call", add_depth))


def _init_error(init: dict[str, Any], error: BaseException) -> dict[str, Any]:
    kind, message = type(error).__name__, str(error)
    if isinstance(error, ImportError):
        kind, message = "Runtime.ImportModuleError", f"Unable to import module '{init['module']}': {error}"
    elif isinstance(error, HandlerNotFoundError):
        kind = "Runtime.HandlerNotFound"
    traceback.print_exc()
    return {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": _frames(error)}


def _invoke(handler: Any, init: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    context = message.get("ctx") or {}
    request_id = context.get("request_id", "")
    _environment(context)
    try:
        result = handler(message["event"], _context(init, context))
    except SystemExit as error:
        return _failed(
            {
                "errorType": "Runtime.ExitError",
                "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: {error.code}",
            }
        )
    except BaseException as error:  # noqa: BLE001 - becomes the answer of the function, as on AWS
        print(f"[ERROR] {type(error).__name__}: {error}", file=sys.stderr)
        traceback.print_exc()
        return _failed(
            {
                "errorMessage": str(error),
                "errorType": type(error).__name__,
                "requestId": request_id,
                "stackTrace": _frames(error),
            }
        )
    try:
        json.dumps(result)
    except (TypeError, ValueError) as error:
        return _failed(
            {
                "errorMessage": f"Unable to marshal response: {error}",
                "errorType": "Runtime.MarshalError",
                "requestId": request_id,
                "stackTrace": [],
            }
        )
    return {"status": "ok", "result": result}


def _environment(context: dict[str, Any]) -> None:
    """Set what changes with each invocation."""
    for name, value in (
        ("_X_AMZN_TRACE_ID", context.get("trace_id")),
        ("_MINISTACK_INVOKE_DEPTH", context.get("depth")),
    ):
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = str(value)


def _context(init: dict[str, Any], context: dict[str, Any]) -> SimpleNamespace:
    """The context object (Lambda developer guide, python-context)."""
    deadline = time.monotonic() + float(init["timeout"])
    return SimpleNamespace(
        function_name=init["function_name"],
        function_version=os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
        invoked_function_arn=context.get("invoked_function_arn", init["arn"]),
        memory_limit_in_mb=str(init["memory"]),
        aws_request_id=context.get("request_id", ""),
        log_group_name=os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
        log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
        identity=None,
        client_context=None,
        get_remaining_time_in_millis=lambda: max(0, int((deadline - time.monotonic()) * 1000)),
    )


def _frames(error: BaseException) -> list[str]:
    """The stack trace without this file's own frames."""
    frames = traceback.extract_tb(error.__traceback__)
    return traceback.format_list([frame for frame in frames if frame.filename != __file__])


def _failed(error: dict[str, Any]) -> dict[str, Any]:
    """A handled failure: the worker stays warm. ``lambda_workers`` parses it again."""
    return {"status": "ok", "result": {"__function_error__": error}}


def _answer(answers: Any, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def start(life_fd: int) -> None:
    """Serve on descriptors 0 and 1, and keep whatever uses these two from now on from disturbing it."""
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    main(requests, answers, life_fd)


if __name__ == "__main__":
    sys.path.pop(0)  # this file's own directory is not on a function's path
    start(int(sys.argv[1]))
