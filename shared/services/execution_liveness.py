"""Whether an execution is over, by our record and by Step Functions."""

from __future__ import annotations

from shared.aws.step_functions import CLEAN_UP, arn_of, has_ended, in_stack_of
from shared.store import ExecutionNotFoundError, ExecutionStore


def execution_is_over(store: ExecutionStore, execution_id: str, sibling_arn: str) -> bool:
    """Whether an execution of the same stack as ``sibling_arn`` is over, by our record or Step Functions'.

    An execution that was stopped from outside did not close its record, so Step Functions is asked too.
    A stopped drill is not over while its clean-up runs.
    """
    try:
        record = store.execution(execution_id)
    except ExecutionNotFoundError:
        return True
    if record.status.is_final:
        return True
    if not has_ended(record.arn or arn_of(execution_id, record.mode, sibling_arn)):
        return False
    return record.clean_up is None or has_ended(in_stack_of(sibling_arn, CLEAN_UP, record.clean_up))
