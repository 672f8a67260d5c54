"""Every name of moto that is replaced, and why. The only module that changes moto.

The names are private, so that the version is pinned exactly; ``check_hooks`` names what vanished when the
pin is moved. Each replacement looks at ``runtime.current()`` when it is called, so that applying the table
once per process is enough however often ``install`` is called.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName

from local.states import casing, definition, expressions, machine, maps, nested, tasks, times, waits
from local.states.runtime import ThreadsProxy, current

MOTO_VERSION = "5.2.5"


class HookError(RuntimeError):
    """moto is not the version this was written for, or a name that is replaced has vanished."""


@dataclass(frozen=True, slots=True)
class Hook:
    """``module`` (below moto.stepfunctions.parser) and the dotted ``name`` in it; ``make`` gets the
    original and returns what takes its place."""

    module: str
    name: str
    why: str
    make: Callable[[Any], Any]


def _put(replacement: Any) -> Callable[[Any], Any]:
    return lambda original: replacement


def _put_static(replacement: Any) -> Callable[[Any], Any]:
    return lambda original: staticmethod(replacement)


def _client(region: str, service: str, state_credentials: Any = None) -> Any:
    return current().client(region, service, state_credentials)


_EXEC = "asl.component.state.exec."
_SERVICE = _EXEC + "state_task.service.state_task_service"
_ITERATION = _EXEC + "state_map.iteration."

_CLIENT_MODULES = (
    "asl.utils.boto_client",
    _EXEC + "state_map.result_writer.resource_eval.resource_eval_s3",
    _EXEC + "state_map.item_reader.eval.resource_eval_s3",
    _EXEC + "state_task.lambda_eval_utils",
    *(
        f"{_SERVICE}_{service}"
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
    _EXEC + "execute_state",
    _EXEC + "state_map.iteration.inline_iteration_component",
    _EXEC + "state_map.iteration.itemprocessor.map_run_record",
    _EXEC + "state_map.iteration.job",
    _EXEC + "state_parallel.branch_worker",
    _EXEC + "state_parallel.branches_decl",
    _SERVICE + "_callback",
)
_THREADING_NAMES = (
    (_EXEC + "execute_state", "Thread"),
    ("asl.eval.callback.callback", "Event"),
    ("asl.eval.callback.callback", "Lock"),
    ("backend.execution_worker", "Thread"),
)
_DATETIME_MODULES = (
    "asl.component.state.wait.wait_function.timestamp",
    "asl.eval.event.event_manager",
    _EXEC + "state_map.iteration.itemprocessor.map_run_record",
    _EXEC + "state_parallel.branches_decl",
    "backend.execution",
)
_ID_MODULES = (
    "asl.component.intrinsic.function.statesfunction.unique_id_generation.uuid",
    "asl.eval.callback.callback",
    "asl.eval.states",
    _EXEC + "state_map.iteration.itemprocessor.map_run_record",
)


class _NoThreads(list[Any]):
    """Stands for moto's list of all threads ever started, which only its own reset empties."""

    def append(self, thread: Any) -> None:
        return None


class _Random:
    @staticmethod
    def uniform(low: float, high: float) -> float:
        return current().random.uniform(low, high)


HOOKS: tuple[Hook, ...] = (
    *(
        Hook(module, "boto_client_for", "clients act as the state's role and are reused", _put(_client))
        for module in _CLIENT_MODULES
    ),
    *(
        Hook(module, "threading", "threads and timeouts of the installed kind", _put(ThreadsProxy))
        for module in _THREADING_MODULES
    ),
    *(
        Hook(module, name, "threads and timeouts of the installed kind", _put(getattr(ThreadsProxy, name)))
        for module, name in _THREADING_NAMES
    ),
    *(
        Hook(module, "datetime", "history and records carry the clock's time", _put(times.DatetimeModule))
        for module in _DATETIME_MODULES
    ),
    *(
        Hook(module, "long_uid", "ids come from the runtime", _put(lambda: current().new_id()))
        for module in _ID_MODULES
    ),
    *(
        Hook(module, "TMP_THREADS", "moto keeps every thread for ever", _put(_NoThreads()))
        for module in (
            "asl.component.program.program",
            _EXEC + "execute_state",
            _EXEC + "state_map.iteration.inline_iteration_component",
            _EXEC + "state_parallel.branch_worker",
            _SERVICE + "_callback",
            "backend.execution_worker",
        )
    ),
    *(
        Hook(module, "CustomErrorName", "States.* errors keep their names on the way up", _put(ErrorName))
        for module in (
            "asl.component.state.fail.state_fail",
            _EXEC + "state_parallel.branches_decl",
            _ITERATION + "iteration_worker",
            _SERVICE + "_callback",
            _SERVICE + "_lambda",
        )
    ),
    Hook(
        "asl.component.component",
        "Component.__str__",
        "moto puts the whole machine's text into thread names and logs",
        _put(lambda self: f"({type(self).__name__})"),
    ),
    Hook(
        "asl.component.state.state", "StateData", "State.EnteredTime is the clock's", _put(times.state_data)
    ),
    Hook(
        "asl.component.common.retry.jitter_strategy_decl",
        "random",
        "jitter comes from the runtime's generator",
        _put(_Random),
    ),
    Hook(
        "asl.component.common.string.string_expression",
        "StringJSONata._eval_body",
        "moto has no JSONata evaluator",
        _put(expressions.eval_expression),
    ),
    Hook(
        "asl.component.common.string.string_expression",
        "StringVariableSample._eval_body",
        "moto has no JSONata evaluator, which variables are read with",
        _put(expressions.eval_sample),
    ),
    Hook(
        "asl.parse.asl_parser",
        "AmazonStateLanguageParser.parse",
        "transitions are checked, ItemBatcher is read, a definition is parsed once",
        lambda original: staticmethod(definition.parser(original)),
    ),
    Hook(
        "asl.component.program.program",
        "Program.eval",
        "a machine's time limit is in its history; no thread without one",
        _put(machine.eval_program),
    ),
    Hook(
        "asl.component.state.choice.state_choice",
        "StateChoice._eval_state",
        "no matching rule is States.NoChoiceMatched",
        machine.eval_choice,
    ),
    Hook(
        "asl.component.state.state",
        "CommonStateField._get_state_entered_event_details",
        "the observer sees states entered",
        machine.entered_details,
    ),
    Hook(
        "asl.component.state.state",
        "CommonStateField._get_state_exited_event_details",
        "the observer sees states left",
        machine.exited_details,
    ),
    Hook(
        "asl.component.state.wait.wait_function.wait_function",
        "WaitFunction._wait_interval",
        "Wait goes by the clock",
        _put(waits.wait_interval),
    ),
    Hook(
        "asl.component.common.retry.retrier_decl",
        "RetrierDecl._eval_body",
        "retry delays go by the clock",
        _put(tasks.eval_retrier),
    ),
    Hook(
        "asl.component.common.error_name.error_equals_decl",
        "ErrorEqualsDecl._eval_body",
        "which errors States.ALL, States.TaskFailed and States.Timeout name",
        _put(tasks.error_matches),
    ),
    Hook(
        _EXEC + "execute_state",
        "ExecutionState._evaluate_with_timeout",
        "a stopped execution does not wait for its tasks",
        _put(tasks.evaluate_with_timeout),
    ),
    Hook(
        _EXEC + "execute_state",
        "ExecutionState._handle_retry",
        "the observer sees retries",
        tasks.observed_retry,
    ),
    Hook(
        _EXEC + "execute_state",
        "ExecutionState._handle_catch",
        "the observer sees catches",
        tasks.observed_catch,
    ),
    Hook(
        _EXEC + "state_task.state_task",
        "StateTask._from_error",
        "a missed heartbeat is States.HeartbeatTimeout",
        tasks.task_failure,
    ),
    Hook(
        _SERVICE + "_aws_sdk",
        "StateTaskServiceAwsSdk._from_error",
        "errors of services that send no request id",
        tasks.sdk_failure,
    ),
    Hook(
        _SERVICE + "_aws_sdk",
        "StateTaskServiceAwsSdk._normalise_service_error_name",
        "Drs.ConflictException and not drs.ConflictException",
        _put_static(casing.service_error_name),
    ),
    Hook(
        _SERVICE,
        "StateTaskService._normalise_parameters",
        "emptied in moto",
        _put(casing.normalise_parameters),
    ),
    Hook(
        _SERVICE, "StateTaskService._normalise_response", "emptied in moto", _put(casing.normalise_response)
    ),
    Hook(
        _SERVICE,
        "StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES",
        "services that boto3 names otherwise",
        lambda original: {**original, **casing.BOTO_NAMES},
    ),
    Hook(
        _SERVICE + "_callback",
        "StateTaskServiceCallback._eval_sync",
        "a nested execution's end is told and not polled for",
        _put(nested.eval_sync),
    ),
    Hook(
        _SERVICE + "_callback",
        "StateTaskServiceCallback._eval_wait_for_task_token",
        "a stopped execution does not wait for tokens",
        _put(nested.eval_wait_for_task_token),
    ),
    Hook(
        _SERVICE + "_sfn",
        "StateTaskServiceSfn._build_sync_resolver",
        "a stopped parent stops its child",
        nested.child_resolver,
    ),
    Hook(
        _SERVICE + "_sfn",
        "StateTaskServiceSfn._build_sync2_resolver",
        "a stopped parent stops its child",
        nested.child_resolver,
    ),
    *(
        Hook(
            "asl.eval.environment",
            f"Environment.{name}",
            "what waits in an environment ends with it; its first end is final",
            waits.ringing,
        )
        for name in ("set_ended", "set_error", "set_timed_out", "set_stop")
    ),
    Hook(
        _ITERATION + "inline_iteration_component",
        "InlineIterationComponent._eval_body",
        "at most 40 iterations at once",
        maps.eval_inline,
    ),
    Hook(
        _ITERATION + "distributed_iteration_component",
        "DistributedIterationComponent._map_run",
        "ItemBatcher, tolerated failures, bounded threads",
        _put(maps.map_run),
    ),
    Hook(
        _ITERATION + "iteration_worker",
        "IterationWorker._eval_pool",
        "a loop: moto recurses once per item",
        _put(maps.eval_pool("close_frame")),
    ),
    *(
        Hook(
            _ITERATION + module,
            f"{name}._eval_pool",
            "a loop: moto recurses once per item",
            _put(maps.eval_pool("delete_frame")),
        )
        for module, name in (
            ("itemprocessor.distributed_item_processor_worker", "DistributedItemProcessorWorker"),
            ("iterator.distributed_iterator_worker", "DistributedIteratorWorker"),
        )
    ),
    Hook(
        _ITERATION + "itemprocessor.inline_item_processor_worker",
        "InlineItemProcessorWorker._eval_input",
        "a batch is one iteration's input",
        maps.eval_input,
    ),
)

_applied = False


def check_hooks(hooks: tuple[Hook, ...] = HOOKS, version: str | None = None) -> None:
    """Raises HookError when moto is another version or does not have one of the names."""
    version = version or importlib.metadata.version("moto")
    if version != MOTO_VERSION:
        raise HookError(
            f"local/states is written for moto {MOTO_VERSION}, found {version}: see local/states/hooks.py"
        )
    vanished = []
    for hook in hooks:
        try:
            _find(hook)
        except (ImportError, AttributeError, KeyError):
            vanished.append(f"{hook.module}:{hook.name} ({hook.why})")
    if vanished:
        raise HookError("moto no longer has " + "; ".join(vanished))


def apply_hooks() -> None:
    """Changes moto, once per process. Raises HookError before changing anything."""
    global _applied
    if _applied:
        return
    check_hooks()
    for hook in HOOKS:
        owner, attribute, original = _find(hook)
        setattr(owner, attribute, hook.make(original))
    # An execution that fails is in its history; as an error in the log it would bury those of the engine.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    _applied = True


def _find(hook: Hook) -> tuple[Any, str, Any]:
    """The owner of the name, its last part, and its value in the owner itself (not an inherited one)."""
    owner: Any = importlib.import_module(f"moto.stepfunctions.parser.{hook.module}")
    *path, attribute = hook.name.split(".")
    for part in path:
        owner = getattr(owner, part)
    original = vars(owner)[attribute]
    return owner, attribute, original.__func__ if isinstance(original, staticmethod) else original
