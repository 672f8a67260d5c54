"""Runs handlers as Lambda would: with the function's folder and the layer on the path, nothing else.

Started with ``python -I -S``, so that of this interpreter only the standard library is there. Reads lines
of JSON ``{folder, module, event, env}`` and answers each with ``{result}`` or ``{error}``. Each invocation
is a process of its own, forked after the packages of the layer were imported.
"""

import importlib
import json
import os
import sys
import sysconfig
import traceback
from types import SimpleNamespace
from typing import Any


def main(layer: str) -> None:
    standard = list(sys.path)
    sys.path[:] = [layer, *standard]
    for package in ("boto3", "aws_lambda_powertools", "cattrs", "jsonschema"):
        importlib.import_module(package)
    for line in sys.stdin:
        request = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            sys.path[:] = [request["folder"], layer, *standard]
            # What a handler prints is its log, which goes to CloudWatch and not to who asked.
            os.dup2(2, 1)
            with os.fdopen(write, "w") as answer:
                json.dump(invoke(request, (request["folder"], layer)), answer)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as answer:
            text = answer.read()
        os.waitpid(child, 0)
        sys.stdout.write((text or json.dumps({"error": "the process ended without an answer"})) + "\n")
        sys.stdout.flush()


def invoke(request: dict[str, Any], places: tuple[str, ...]) -> dict[str, Any]:
    os.environ.clear()
    os.environ.update(request["env"])
    context = SimpleNamespace(function_name=request["module"], aws_request_id="0", memory_limit_in_mb=512)
    try:
        handler = importlib.import_module(request["module"]).handler
        result = handler(request["event"], context)
    except Exception:  # noqa: BLE001  whatever goes wrong is the answer
        return {"error": traceback.format_exc()}
    foreign = [path for path in map(origin, list(sys.modules.values())) if path and not known(path, places)]
    return {"error": f"imported from elsewhere: {foreign}"} if foreign else {"result": result}


def origin(module: object) -> str:
    return getattr(getattr(module, "__spec__", None), "origin", None) or ""


def known(path: str, places: tuple[str, ...]) -> bool:
    paths = sysconfig.get_paths()
    standard = (paths["stdlib"], paths["platstdlib"])
    inside = path.startswith(standard) and "site-packages" not in path
    return path in ("built-in", "frozen") or inside or path.startswith(places)


if __name__ == "__main__":
    main(*sys.argv[1:])
