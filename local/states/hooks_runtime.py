"""Hooks that give the interpreter the installed clock, threads, clients, ids and random numbers.

Each replacement looks at ``runtime.current()`` when it is called, so that applying the table once per process
is enough however often ``install`` is called.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName

from local.hooks import Hook
from local.states import times
from local.states.hook_rows import EXEC, ITERATION, SERVICE, hook, put
from local.states.runtime import ThreadsProxy, current


def _client(region: str, service: str, state_credentials: Any = None) -> Any:
    return current().client(region, service, state_credentials)


_CLIENT_MODULES = (
    "asl.utils.boto_client",
    EXEC + "state_map.result_writer.resource_eval.resource_eval_s3",
    EXEC + "state_map.item_reader.eval.resource_eval_s3",
    EXEC + "state_task.lambda_eval_utils",
    *(
        f"{SERVICE}_{service}"
        for service in [
            "aws_sdk",
            "batch",
            "dynamodb",
            "ecs",
            "events",
            "glue",
            "sfn",
            "sns",
            "sqs",
            "unsupported",
        ]
    ),
)
_THREADING_MODULES = (
    "asl.component.program.program",
    "asl.eval.count_down_latch",
    "asl.eval.environment",
    "asl.eval.event.event_manager",
    EXEC + "execute_state",
    EXEC + "state_map.iteration.inline_iteration_component",
    EXEC + "state_map.iteration.itemprocessor.map_run_record",
    EXEC + "state_map.iteration.job",
    EXEC + "state_parallel.branch_worker",
    EXEC + "state_parallel.branches_decl",
    SERVICE + "_callback",
)
_THREADING_NAMES = (
    (EXEC + "execute_state", "Thread"),
    ("asl.eval.callback.callback", "Event"),
    ("asl.eval.callback.callback", "Lock"),
    ("backend.execution_worker", "Thread"),
)
_DATETIME_MODULES = (
    "asl.component.state.wait.wait_function.timestamp",
    "asl.eval.event.event_manager",
    EXEC + "state_map.iteration.itemprocessor.map_run_record",
    EXEC + "state_parallel.branches_decl",
    "backend.execution",
)
_ID_MODULES = (
    "asl.component.intrinsic.function.statesfunction.unique_id_generation.uuid",
    "asl.eval.callback.callback",
    "asl.eval.states",
    EXEC + "state_map.iteration.itemprocessor.map_run_record",
)


class _NoThreads(list[Any]):
    """Stands for moto's list of all threads ever started, which only its own reset empties."""

    def append(self, thread: Any) -> None:
        return None


class _Random:
    @staticmethod
    def uniform(low: float, high: float) -> float:
        return current().random.uniform(low, high)


ROWS: tuple[Hook, ...] = (
    *(
        hook(module, "boto_client_for", "clients act as the state's role and are reused", put(_client))
        for module in _CLIENT_MODULES
    ),
    *(
        hook(module, "threading", "threads and timeouts of the installed kind", put(ThreadsProxy))
        for module in _THREADING_MODULES
    ),
    *(
        hook(module, name, "threads and timeouts of the installed kind", put(getattr(ThreadsProxy, name)))
        for module, name in _THREADING_NAMES
    ),
    *(
        hook(module, "datetime", "history and records carry the clock's time", put(times.DatetimeModule))
        for module in _DATETIME_MODULES
    ),
    *(
        hook(module, "long_uid", "ids come from the runtime", put(lambda: current().new_id()))
        for module in _ID_MODULES
    ),
    *(
        hook(module, "TMP_THREADS", "moto keeps every thread for ever", put(_NoThreads()))
        for module in (
            "asl.component.program.program",
            EXEC + "execute_state",
            EXEC + "state_map.iteration.inline_iteration_component",
            EXEC + "state_parallel.branch_worker",
            SERVICE + "_callback",
            "backend.execution_worker",
        )
    ),
    *(
        hook(module, "CustomErrorName", "States.* errors keep their names on the way up", put(ErrorName))
        for module in (
            "asl.component.state.fail.state_fail",
            EXEC + "state_parallel.branches_decl",
            ITERATION + "iteration_worker",
            SERVICE + "_callback",
            SERVICE + "_lambda",
        )
    ),
    hook("asl.component.state.state", "StateData", "State.EnteredTime is the clock's", put(times.state_data)),
    hook(
        "asl.component.common.retry.jitter_strategy_decl",
        "random",
        "jitter comes from the runtime's generator",
        put(_Random),
    ),
)
