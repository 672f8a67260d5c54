"""Nothing of moto that should be replaced is missed."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

from local.states.hooks import TABLE

PARSER = "moto.stepfunctions.parser"

# Modules of the control plane and of TestState, which nothing here uses.
UNUSED = (
    "provider",
    "models",
    "asl.component.test_state",
    "backend.test_state",
    "backend.activity",
    "backend.alias",
    "backend.state_machine",
    "asl.eval.event.logging",
)


def modules() -> list[tuple[str, ast.Module]]:
    """The interpreter's modules that an execution can reach, parsed."""
    package = importlib.import_module(PARSER)
    found = []
    for info in pkgutil.walk_packages(package.__path__, PARSER + "."):
        name = info.name.removeprefix(PARSER + ".")
        if info.ispkg or name.startswith(UNUSED) or "antlr" in name:
            continue
        path = Path(next(iter(package.__path__))) / (name.replace(".", "/") + ".py")
        found.append((name, ast.parse(path.read_text())))
    return found


@pytest.mark.parametrize(
    ("imported", "names"),
    [
        ("threading", {"threading", "Thread", "Event", "Lock"}),
        ("moto.stepfunctions.parser.asl.utils.boto_client", {"boto_client_for"}),
    ],
)
def test_every_import_that_must_be_replaced_is(imported: str, names: set[str]) -> None:
    hooked = {(hook.module.removeprefix(PARSER + "."), hook.name) for hook in TABLE.rows}
    missed = []
    for module, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                bound = {alias.name for alias in node.names if alias.name == imported}
            elif isinstance(node, ast.ImportFrom) and node.module == imported:
                bound = {alias.name for alias in node.names}
            else:
                continue
            missed += [(module, name) for name in bound & names if (module, name) not in hooked]
    assert missed == []


def test_nothing_left_reads_the_machines_clock_or_sleeps() -> None:
    hooked = {(hook.module.removeprefix(PARSER + "."), hook.name) for hook in TABLE.rows}
    replaced_whole = {
        "asl.component.common.retry.retrier_decl",  # RetrierDecl._eval_body
        "asl.component.state.wait.wait_function.wait_function",  # WaitFunction._wait_interval
        "asl.component.state.state",  # StateData
        "asl.component.state.exec.state_task.service.state_task_service_callback",  # _eval_sync
        "asl.component.state.exec.state_task.service.state_task_service_batch",  # not used
    }
    missed = [
        f"{module}:{node.lineno}"
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func) in ("time.time", "time.sleep", "datetime.datetime.now", "datetime.now")
        and (module, "datetime") not in hooked
        and module not in replaced_whole
    ]
    assert missed == []
