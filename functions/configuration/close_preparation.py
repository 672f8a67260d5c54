"""ClosePreparation: the report of a preparation, a message if somebody has to do something, and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.aws.report_bucket import put_report
from shared.aws.sns import notify
from shared.model.execution import ExecutionRecord
from shared.model.policies import LaunchOrder, Mode
from shared.model.status import ExecutionStatus
from shared.rules.preparation.changes import ServerOutcome
from shared.rules.preparation.report import preparation_report, summarize_preparation
from shared.services.execution_closer import message_of
from shared.settings import ConfigurationSettings
from shared.store import ExecutionNotFoundError, ExecutionStore, LockStore, execution_store, preparation_lock
from shared.task import Task, task
from shared.times import iso


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, startedAt, undo?, holder?, failure?}`` → ``{status, report, totals, reason}``.

    Repeating it is harmless.
    """
    settings = ConfigurationSettings.from_env()
    store = execution_store(settings.executions_table)
    record = _record(store, task)
    outcomes = store.facts(task.execution_id, ServerOutcome)
    servers = store.servers(task.execution_id)
    options: dict[str, Any] = {
        "undo": bool(task.event.get("undo")),
        "holder": task.event.get("holder") or None,
    }
    totals = preparation_report(record, servers, outcomes, **options)["totals"]
    values = _end(task, totals)
    store.change_execution(task.execution_id, values)
    report = preparation_report(replace(record, **values), servers, outcomes, **options)
    summary = summarize_preparation(report)
    uri = put_report(settings.reports_bucket, report, summary)
    LockStore(settings.executions_table).release([preparation_lock(record.plan_name)], task.execution_id)
    if values["status"] is not ExecutionStatus.COMPLETED:
        what = "failed" if values["status"] is ExecutionStatus.FAILED else f"{totals['blocked']} blocked"
        notify(settings.topic_arn, f"{record.plan_name}: preparation: {what}", f"{summary}\nReport: {uri}")
    return {"status": values["status"].value, "report": uri, "totals": totals, "reason": values.get("reason")}


def _end(task: Task, totals: dict[str, int]) -> dict[str, Any]:
    failure = task.event.get("failure") or {}
    end: dict[str, Any] = {"status": ExecutionStatus.COMPLETED, "ended_at": iso(task.now)}
    if failure:
        return end | {
            "status": ExecutionStatus.FAILED,
            "reason": f"{failure.get('Error')}: {message_of(failure.get('Cause')) or 'no cause given'}",
            "remedy": "Repair the cause, and prepare again. A failover sets by itself what is not prepared.",
        }
    if totals["blocked"]:
        return end | {
            "status": ExecutionStatus.COMPLETED_WITH_FAILURES,
            "reason": f"{totals['blocked']} servers are blocked.",
            "remedy": "Follow the remedy of each: a failover would be blocked by the same.",
        }
    return end


def _record(store: ExecutionStore, task: Task) -> ExecutionRecord:
    try:
        return store.execution(task.execution_id)
    except ExecutionNotFoundError:
        return ExecutionRecord(
            execution_id=task.execution_id,
            plan_name="unknown",
            mode=Mode.FAILOVER,
            status=ExecutionStatus.RUNNING,
            started_at=task.text("startedAt"),
            dry_run=True,
            launch_order=LaunchOrder.TOGETHER,
            request={},
        )
