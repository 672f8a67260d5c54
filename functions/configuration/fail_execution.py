"""FailExecution: ends an execution as failed, so that a redrive resumes here.

Step Functions redrives an execution from the state that failed. A Fail state would only fail again, so this
task fails, and succeeds when the execution was redriven since.
"""

from __future__ import annotations

from typing import Any

from shared.settings import ConfigurationSettings
from shared.store import ExecutionNotFoundError
from shared.task import Run, task


class ExecutionFailed(Exception):
    """The execution has failed; the message says why, what to do, and where its report is."""


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, redrives, redriveCount, reason, report}`` → ``{}``; raises ExecutionFailed.

    ``redrives``: how often it had been redriven when it was opened; ``redriveCount``: by now.
    """
    if run.number("redriveCount") > run.number("redrives"):
        return {}
    store = run.store
    try:
        remedy = store.execution(run.execution_id).remedy
    except ExecutionNotFoundError:
        remedy = None
    parts = (run.event.get("reason"), remedy, f"Report: {run.event.get('report') or 'could not be written'}")
    raise ExecutionFailed(" ".join(str(part) for part in parts if part))
