"""Hooks that make the interpreter's language and its tasks those of Step Functions."""

from __future__ import annotations

from functools import lru_cache

from local.hooks import Hook
from local.states import casing, definition, expressions, machine, maps, nested, tasks, waits
from local.states.hook_rows import EXEC, ITERATION, SERVICE, hook, put, put_static

ROWS: tuple[Hook, ...] = (
    hook(
        "asl.component.common.path.result_path",
        "parse",
        "each path is read once; every state has one",
        lambda original: lru_cache(maxsize=256)(original),
    ),
    hook(
        "asl.component.component",
        "Component.__str__",
        "moto puts the whole machine's text into thread names and logs",
        put(lambda self: f"({type(self).__name__})"),
    ),
    hook(
        "asl.component.common.string.string_expression",
        "StringJSONata._eval_body",
        "moto has no JSONata evaluator",
        put(expressions.eval_expression),
    ),
    hook(
        "asl.component.common.string.string_expression",
        "StringVariableSample._eval_body",
        "moto has no JSONata evaluator, which variables are read with",
        put(expressions.eval_sample),
    ),
    hook(
        "asl.parse.asl_parser",
        "AmazonStateLanguageParser.parse",
        "transitions are checked, ItemBatcher is read, a definition is parsed once",
        lambda original: staticmethod(definition.parser(original)),
    ),
    hook(
        "asl.component.program.program",
        "Program.eval",
        "a machine's time limit is in its history; no thread without one",
        put(machine.eval_program),
    ),
    hook(
        "asl.component.state.choice.state_choice",
        "StateChoice._eval_state",
        "no matching rule is States.NoChoiceMatched",
        machine.eval_choice,
    ),
    hook(
        "asl.component.state.state",
        "CommonStateField._get_state_entered_event_details",
        "the observer sees states entered",
        machine.entered_details,
    ),
    hook(
        "asl.component.state.state",
        "CommonStateField._get_state_exited_event_details",
        "the observer sees states left",
        machine.exited_details,
    ),
    hook(
        "asl.component.state.wait.wait_function.wait_function",
        "WaitFunction._wait_interval",
        "Wait goes by the clock",
        put(waits.wait_interval),
    ),
    hook(
        "asl.component.common.retry.retrier_decl",
        "RetrierDecl._eval_body",
        "retry delays go by the clock",
        put(tasks.eval_retrier),
    ),
    hook(
        "asl.component.common.error_name.error_equals_decl",
        "ErrorEqualsDecl._eval_body",
        "which errors States.ALL, States.TaskFailed and States.Timeout name",
        put(tasks.error_matches),
    ),
    hook(
        EXEC + "execute_state",
        "ExecutionState._evaluate_with_timeout",
        "a stopped execution does not wait for its tasks",
        put(tasks.evaluate_with_timeout),
    ),
    hook(
        EXEC + "execute_state",
        "ExecutionState._handle_retry",
        "the observer sees retries",
        tasks.observed_retry,
    ),
    hook(
        EXEC + "execute_state",
        "ExecutionState._handle_catch",
        "the observer sees catches",
        tasks.observed_catch,
    ),
    hook(
        EXEC + "state_task.state_task",
        "StateTask._from_error",
        "a missed heartbeat is States.HeartbeatTimeout",
        tasks.task_failure,
    ),
    hook(
        SERVICE + "_aws_sdk",
        "StateTaskServiceAwsSdk._from_error",
        "errors of services that send no request id",
        tasks.sdk_failure,
    ),
    hook(
        SERVICE + "_aws_sdk",
        "StateTaskServiceAwsSdk._normalise_service_error_name",
        "Drs.ConflictException and not drs.ConflictException",
        put_static(casing.service_error_name),
    ),
    hook(
        SERVICE,
        "StateTaskService._normalise_parameters",
        "emptied in moto",
        put(casing.normalise_parameters),
    ),
    hook(SERVICE, "StateTaskService._normalise_response", "emptied in moto", put(casing.normalise_response)),
    hook(
        SERVICE,
        "StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES",
        "services that boto3 names otherwise",
        lambda original: {**original, **casing.BOTO_NAMES},
    ),
    hook(
        SERVICE + "_callback",
        "StateTaskServiceCallback._eval_sync",
        "a nested execution's end is notified and not polled for",
        put(nested.eval_sync),
    ),
    hook(
        SERVICE + "_callback",
        "StateTaskServiceCallback._eval_wait_for_task_token",
        "a stopped execution does not wait for tokens",
        put(nested.eval_wait_for_task_token),
    ),
    hook(
        SERVICE + "_sfn",
        "StateTaskServiceSfn._build_sync_resolver",
        "a stopped parent stops its child",
        nested.child_resolver,
    ),
    hook(
        SERVICE + "_sfn",
        "StateTaskServiceSfn._build_sync2_resolver",
        "a stopped parent stops its child",
        nested.child_resolver,
    ),
    *(
        hook(
            "asl.eval.environment",
            f"Environment.{name}",
            "what waits in an environment ends with it; its first end is final",
            waits.ringing,
        )
        for name in ("set_ended", "set_error", "set_timed_out", "set_stop")
    ),
    hook(
        ITERATION + "inline_iteration_component",
        "InlineIterationComponent._eval_body",
        "at most 40 iterations at once",
        maps.eval_inline,
    ),
    hook(
        ITERATION + "distributed_iteration_component",
        "DistributedIterationComponent._map_run",
        "ItemBatcher, tolerated failures, bounded threads",
        put(maps.map_run),
    ),
    hook(
        ITERATION + "iteration_worker",
        "IterationWorker._eval_pool",
        "a loop: moto recurses once per item",
        put(maps.eval_pool("close_frame")),
    ),
    *(
        hook(
            ITERATION + module,
            f"{name}._eval_pool",
            "a loop: moto recurses once per item",
            put(maps.eval_pool("delete_frame")),
        )
        for module, name in (
            ("itemprocessor.distributed_item_processor_worker", "DistributedItemProcessorWorker"),
            ("iterator.distributed_iterator_worker", "DistributedIteratorWorker"),
        )
    ),
    hook(
        ITERATION + "itemprocessor.inline_item_processor_worker",
        "InlineItemProcessorWorker._eval_input",
        "a batch is one iteration's input",
        maps.eval_input,
    ),
)
