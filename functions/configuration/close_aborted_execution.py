"""CloseAbortedExecution: close what was aborted, timed out, or could not close itself.

Such an execution takes no further state, so the Step Functions event about it starts this function.
"""

from __future__ import annotations

from typing import Any

from shared.aws.step_functions import CLEAN_UP
from shared.services.abort_closer import AbortCloser, moment
from shared.settings import ConfigurationSettings
from shared.task import Run, task
from shared.times import parse_time


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """The event *Step Functions Execution Status Change* → ``{status, report, totals, …}``.

    ``{status: CLEANING_UP}`` for a drill, ``{status: CLOSED}`` where there is nothing to do.
    """
    detail = run.event["detail"]
    now = moment(detail["stopDate"]) if detail.get("stopDate") else parse_time(run.event.get("time"))
    closer = AbortCloser(run.store, run.settings, run.accounts, detail, now)
    if str(detail.get("stateMachineArn", "")).endswith(CLEAN_UP):
        return closer.clean_up_again()
    return closer.close_execution()
