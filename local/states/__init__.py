"""Amazon States Language on a laptop: moto's interpreter (LocalStack's), with what it lacks.

JSONata, SDK casing and error names, ItemBatcher, tolerated failures, checks of transitions, time by a
clock, waits that end with their execution, clients per role. What is replaced in moto is listed in
``local.states.hooks`` and nowhere else.
"""

from __future__ import annotations

from local.hooks import HookError
from local.states.errors import DefinitionError, StatesError, TaskDoesNotExistError, TaskTimedOutError
from local.states.execution import AslExecution, check
from local.states.hooks import apply_hooks
from local.states.runtime import Observer, Runtime, Threads, use
from local.states.waits import execution_ended

__all__ = [
    "AslExecution",
    "DefinitionError",
    "HookError",
    "Observer",
    "Runtime",
    "StatesError",
    "TaskDoesNotExistError",
    "TaskTimedOutError",
    "Threads",
    "check",
    "execution_ended",
    "install",
]


def install(runtime: Runtime) -> None:
    """Make moto's interpreter run in these surroundings.

    May be called again at any time with others; executions that still run take these up too. Raises HookError
    when moto is not the pinned version.
    """
    apply_hooks()
    use(runtime)
