"""Map states: concurrency limits, long inputs, ItemBatcher, and tolerated failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool
from moto.stepfunctions.parser.asl.eval.states import ItemData, MapData

from local.states.expressions import evaluate_template

INLINE_CONCURRENCY = 40
"""An Inline Map runs at most 40 iterations at once (Step Functions quotas)."""

DISTRIBUTED_CONCURRENCY = 200
"""AWS runs 10,000 child executions at once; here each is a thread."""


class Batch(list[Any]):
    """The items of one iteration of a Map with an ItemBatcher."""

    first_index: int
    batch_input: Any


def eval_inline(original: Callable[..., None]) -> Callable[..., None]:
    """An Inline Map with the concurrency AWS gives it, and no more workers than items."""

    def eval_body(self: Any, env: Any) -> None:
        eval_input = env.stack[-1]
        limit = min(eval_input.max_concurrency or INLINE_CONCURRENCY, INLINE_CONCURRENCY)
        eval_input.max_concurrency = min(limit, max(1, len(eval_input.input_items)))
        original(self, env)

    return eval_body


def eval_pool(end_frame: str) -> Callable[..., None]:
    """A worker's loop over the items it takes; the interpreter recurses once per item instead.

    ``end_frame`` is how the worker's frame ends: ``close_frame`` joins its history with the Map's,
    ``delete_frame`` does not, since the children of a Distributed Map have histories of their own.
    """

    def run(self: Any, job: Any, worker_frame: Any) -> None:
        while job is not None:
            job_frame = worker_frame.open_inner_frame()
            self._eval_job(env=job_frame, job=job)
            getattr(worker_frame, end_frame)(job_frame)
            failed = isinstance(job.job_output, Exception) or self.stopped()
            following = None if failed else self._job_pool.next_job()
            if following is None:
                if not failed and end_frame == "close_frame":
                    worker_frame.event_history_context.source_event_id = (
                        job_frame.event_history_context.last_published_event_id
                    )
                # The frame ends before the job, since the Map goes on as soon as its last job is closed.
                getattr(self._env, end_frame)(worker_frame)
            self._job_pool.close_job(job)
            if following is None:
                return
            job = following
        getattr(self._env, end_frame)(worker_frame)

    return run


def map_run(self: Any, env: Any, eval_input: Any) -> None:
    """All iterations of a Distributed Map; fails when more of them failed than the Map tolerates."""
    items: list[Any] = env.stack.pop()
    batcher = getattr(self, "item_batcher", None)
    inputs = batches(items, evaluate_template(env, batcher)) if batcher else items
    record = eval_input.map_run_record
    pool = JobPool(job_program=self._get_iteration_program(), job_inputs=inputs)
    limit = min(record.max_concurrency or DISTRIBUTED_CONCURRENCY, DISTRIBUTED_CONCURRENCY)
    for _ in range(min(limit, len(inputs))):
        self._launch_worker(env=env, eval_input=eval_input, job_pool=pool)
    pool.await_jobs()
    if (error := pool.get_worker_exception()) is not None:
        raise error
    counter = record.item_counter
    failed = counter.failed.get() + counter.timed_out.get()
    if not tolerated(
        failed, len(inputs), eval_input.tolerated_failure_count, eval_input.tolerated_failure_percentage
    ):
        raise _threshold_exceeded(env)
    env.stack.append([closed.job_output for closed in pool.get_closed_jobs()])


def tolerated(failed: int, total: int, count: int | None, percentage: float | None) -> bool:
    """Whether ``failed`` of ``total`` iterations are within either of the two limits of a Map.

    With both given, the Map fails when either is exceeded (Step Functions guide, tolerated failure
    threshold).
    """
    if failed == 0:
        return True
    if not count and not percentage:
        return False
    within_count = not count or failed <= count
    within_percentage = not percentage or failed * 100 <= percentage * total
    return within_count and within_percentage


def batches(items: list[Any], batcher: dict[str, Any]) -> list[Batch]:
    """``items`` in batches of at most ``MaxItemsPerBatch``."""
    size = int(batcher.get("MaxItemsPerBatch") or max(1, len(items)))
    made = []
    for start in range(0, len(items), size):
        batch = Batch(items[start : start + size])
        batch.first_index = start
        batch.batch_input = batcher.get("BatchInput")
        made.append(batch)
    return made


def eval_input(original: Callable[..., None]) -> Callable[..., None]:
    """The input of an iteration: the selected item, or ``{"Items": […], "BatchInput": …}`` of a batch."""

    def select(self: Any, env_frame: Any) -> None:
        context = env_frame.states.context_object.context_object_data
        batch = context["Map"]["Item"]["Value"]
        if not isinstance(batch, Batch):
            original(self, env_frame)
            return
        selected = []
        for offset, item in enumerate(batch):
            context["Map"] = MapData(Item=ItemData(Index=batch.first_index + offset, Value=item))
            env_frame.states.reset(item)
            depth = len(env_frame.stack)
            original(self, env_frame)
            selected.append(env_frame.states.get_input())
            del env_frame.stack[depth:]
        whole: dict[str, Any] = {"Items": selected}
        if batch.batch_input is not None:
            whole["BatchInput"] = batch.batch_input
        env_frame.states.reset(whole)

    return select


def _threshold_exceeded(env: Any) -> Exception:
    name = StatesErrorNameType.StatesExceedToleratedFailureThreshold
    error: Exception = FailureEventException(
        failure_event=FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=name),
            event_type=HistoryEventType.TaskFailed,
            event_details={
                "taskFailedEventDetails": {
                    "error": name.to_name(),
                    "cause": "The specified tolerated failure threshold was exceeded",
                    "resource": "map",
                    "resourceType": "map",
                }
            },
        )
    )
    return error
