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
from shared.store import ExecutionNotFoundError, ExecutionStore, LockStore, preparation_lock
from shared.task import Run, task
from shared.times import iso


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, startedAt, undo?, holder?, failure?}`` → ``{status, report, totals, reason}``.

    Repeating it is harmless.
    """
    store = run.store
    record = _record(store, run)
    outcomes = store.facts(run.execution_id, ServerOutcome)
    servers = store.servers(run.execution_id)
    options: dict[str, Any] = {
        "undo": bool(run.event.get("undo")),
        "holder": run.event.get("holder") or None,
    }
    totals = preparation_report(record, servers, outcomes, **options)["totals"]
    values = _end(run, totals)
    store.change_execution(run.execution_id, values)
    report = preparation_report(replace(record, **values), servers, outcomes, **options)
    summary = summarize_preparation(report)
    uri = put_report(run.settings.reports_bucket, report, summary)
    LockStore(run.settings.executions_table).release([preparation_lock(record.plan_name)], run.execution_id)
    if values["status"] is not ExecutionStatus.COMPLETED:
        what = "failed" if values["status"] is ExecutionStatus.FAILED else f"{totals['blocked']} blocked"
        notify(
            run.settings.topic_arn, f"{record.plan_name}: preparation: {what}", f"{summary}\nReport: {uri}"
        )
    return {"status": values["status"].value, "report": uri, "totals": totals, "reason": values.get("reason")}


def _end(run: Run[Any], totals: dict[str, int]) -> dict[str, Any]:
    failure = run.event.get("failure") or {}
    end: dict[str, Any] = {"status": ExecutionStatus.COMPLETED, "ended_at": iso(run.now)}
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


def _record(store: ExecutionStore, run: Run[Any]) -> ExecutionRecord:
    try:
        return store.execution(run.execution_id)
    except ExecutionNotFoundError:
        return ExecutionRecord(
            execution_id=run.execution_id,
            plan_name="unknown",
            mode=Mode.FAILOVER,
            status=ExecutionStatus.RUNNING,
            started_at=run.text("startedAt"),
            dry_run=True,
            launch_order=LaunchOrder.TOGETHER,
            request={},
        )
