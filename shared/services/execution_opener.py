"""Opens an execution: what its request refers to must exist and be over, and its plan must be free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.model.approval import Subject
from shared.model.execution import ExecutionRecord
from shared.model.policies import Mode
from shared.rules.control.opening import in_progress, may_be_superseded
from shared.rules.plan.contracts import Problem
from shared.rules.plan.requests import Request, RequestInvalidError
from shared.services.execution_liveness import execution_is_over
from shared.services.stored_plans import stored_plan
from shared.store import ExecutionNotFoundError, ExecutionStore, LockStore, PlanStore, plan_lock


class ExecutionInProgressError(Exception):
    """Another execution of the same plan runs."""


class ExecutionOpener:
    """For one execution. ``arn`` is its own in Step Functions."""

    def __init__(self, store: ExecutionStore, execution_id: str, arn: str) -> None:
        self._store = store
        self._id = execution_id
        self._arn = arn
        self._locks = LockStore(store.table_name)

    def check_references(self, request: Request, modes: Sequence[str]) -> None:
        """Raises RequestInvalidError. ``modes``: those that the calling state machine can run."""
        if request.mode not in modes:
            machine = "failback" if request.mode is Mode.FAILBACK else "failover"
            raise _invalid(
                "mode",
                f"{request.mode.value} is not what this state machine runs: {' and '.join(modes)}.",
                f"Start the state machine whose name ends in -{machine} with this request.",
            )
        if request.failover:
            self._refuse_unless_failed_over(request.failover)
        if request.retry_of:
            self._refuse_unless_over(request.retry_of)

    def plan_document(
        self, plans: PlanStore, request: Request, *, allow_inline: bool = False
    ) -> dict[str, Any]:
        """The plan in the request, else the stored one that it names, else that of the failover it names.

        Raises RequestInvalidError, PlanNotFoundError.
        """
        if request.inline_plan is None and not request.plan_name and request.failover:
            return self._store.plan_document(request.failover)
        if request.inline_plan is None:
            return stored_plan(plans, request.plan_name)
        if not request.dry_run:
            _refuse_inline(plans, request.inline_plan, allowed=allow_inline)
        return request.inline_plan

    def lock_plan(self, plan_name: str, request: Request, control_function: str) -> bool:
        """Lock the plan; True where a drill has it that is to be cancelled first.

        Raises ExecutionInProgressError.
        """
        waits_for_drill = False
        locked = self._locks.take(
            [plan_lock(plan_name)],
            self._id,
            lambda holder: (
                execution_is_over(self._store, holder, self._arn) or self._supersedes(holder, request)
            ),
        )
        for holder in locked.values():
            record = self._store.execution(holder)
            if not (request.cancel_drill and record.mode is Mode.DRILL):
                answers = self._store.answers(holder, _asked(record))
                raise ExecutionInProgressError(in_progress(record, request, control_function, answers))
            waits_for_drill = True
        # If it was called late, no other task would release the lock.
        if self._store.execution(self._id).status.is_final:
            self._locks.release([plan_lock(plan_name)], self._id)
        return waits_for_drill

    def _supersedes(self, holder: str, request: Request) -> bool:
        """Whether an event's execution that waits for its approval leaves the plan to this one.

        It is recorded there before the lock is taken: from then on no approval lets it go on. One that was
        read just before does; then the locks of the servers separate the two, and one of them recovers.
        """
        record = self._store.execution(holder)
        if not may_be_superseded(record, request, self._store.answers(holder, Subject.START)):
            return False
        self._store.change_execution(holder, {"superseded_by": self._id})
        return True

    def _refuse_unless_failed_over(self, failover: str) -> None:
        try:
            record = self._store.execution(failover)
        except ExecutionNotFoundError:
            found = f"{failover} is no execution that is recorded."
            remedy = "Correct the id; or, if its record has expired, name the plan instead."
            raise _invalid("failover", found, remedy) from None
        if record.mode is not Mode.FAILOVER or record.dry_run:
            what = "a dry run" if record.dry_run else f"a {record.mode.value.lower()}"
            raise _invalid("failover", f"{failover} is {what}.", "Name the execution that failed over.")
        if not execution_is_over(self._store, failover, self._arn):
            remedy = "Start the failback when it has ended."
            raise _invalid("failover", f"{failover} still runs.", remedy)

    def _refuse_unless_over(self, earlier: str) -> None:
        path = "retryOf"
        try:
            self._store.execution(earlier)
        except ExecutionNotFoundError:
            found = f"{earlier} is no execution that is recorded."
            raise _invalid(path, found, "Correct the id.") from None
        if not execution_is_over(self._store, earlier, self._arn):
            raise _invalid(path, f"{earlier} still runs.", "Start it when that has ended.")


def _asked(record: ExecutionRecord) -> Subject | None:
    return Subject(record.approval_subject) if record.approval_subject else None


def _refuse_inline(plans: PlanStore, plan: dict[str, Any], *, allowed: bool) -> None:
    """Its approvals and policies would be those that the sender of the request likes."""
    name = plan.get("name")
    if not allowed:
        found = (
            f"INLINE_PLAN_REFUSED: this stack takes only stored plans, and {name!r} came with the request."
        )
        remedy = (
            "Store it with the StorePlan function and name it, or ask for a dry run. To take plans from "
            "requests, deploy with AllowInlinePlans=true."
        )
        raise _invalid("plan", found, remedy)
    if isinstance(name, str) and plans.get(name) not in (None, plan):
        found = f"INLINE_PLAN_REFUSED: a plan {name!r} is stored, and differs from that of the request."
        raise _invalid("plan", found, "Name the stored plan, or store this one with the StorePlan function.")


def _invalid(path: str, found: str, remedy: str) -> RequestInvalidError:
    return RequestInvalidError([Problem(path, found, remedy)])
