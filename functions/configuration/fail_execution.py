"""Failed: ends an execution as failed, in a way that lets the console's Redrive go on from here.

Step Functions redrives an execution from the state that failed. A Fail state would only fail again, so this
task fails, and succeeds when the execution was redriven since.
"""

from __future__ import annotations

from typing import Any

from shared.settings import ConfigurationSettings
from shared.store import ExecutionNotFoundError, execution_store
from shared.task import Task, task


class ExecutionFailed(Exception):
    """The execution has failed; the message says why, what to do, and where its report is."""


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, redrives, redriveCount, reason, report}`` → ``{}``; raises ExecutionFailed.

    ``redrives``: how often it had been redriven when it was opened; ``redriveCount``: by now.
    """
    if task.number("redriveCount") > task.number("redrives"):
        return {}
    store = execution_store(ConfigurationSettings.from_env().executions_table)
    try:
        remedy = store.execution(task.execution_id).remedy
    except ExecutionNotFoundError:
        remedy = None
    told = (task.event.get("reason"), remedy, f"Report: {task.event.get('report') or 'could not be written'}")
    raise ExecutionFailed(" ".join(str(part) for part in told if part))
