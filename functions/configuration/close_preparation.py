"""ClosePreparation: the report of a preparation, a notification if an operator has to act, and its end."""

from __future__ import annotations

from typing import Any

from shared.aws.sns import notify
from shared.model.execution import ExecutionRecord, ended_fields
from shared.model.status import ExecutionStatus
from shared.model.unreadable_site import UnreadableSite
from shared.rules.closure.execution import unrecorded
from shared.rules.closure.preparation import (
    PREPARE_AGAIN,
    preparation_end,
    preparation_title,
    unreadable_sites,
)
from shared.rules.preparation.accepting import unknown_servers
from shared.rules.preparation.changes import ServerOutcome
from shared.rules.preparation.report import preparation_report, summarize_preparation
from shared.services.accepted_pairs import accept_pairs
from shared.services.recorded_originals import remember_quiet_times
from shared.services.report_writer import write_report
from shared.services.undecided_servers import with_undecided
from shared.settings import ConfigurationSettings
from shared.store import ExecutionNotFoundError, LockStore, preparation_lock
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, startedAt, undo?, holder?, failure?}`` → ``{status, report, totals, reason}``.

    Repeating it is harmless.
    """
    store = run.store
    record = _record(run)
    outcomes = store.facts(run.execution_id, ServerOutcome)
    servers = with_undecided(store, run.findings, run.execution_id)
    options: dict[str, Any] = {
        "undo": bool(run.event.get("undo")),
        "holder": run.event.get("holder") or None,
    }
    totals = preparation_report(record, servers, outcomes, **options)["totals"]
    unreadable = store.facts(run.execution_id, UnreadableSite)
    problem = unreadable_sites(unreadable) or unknown_servers(record, servers)
    record = preparation_end(record, run.event.get("failure") or {}, totals["blocked"], run.now, problem)
    store.change_execution(run.execution_id, ended_fields(record))
    accepted = accept_pairs(store, run.settings.pairs_table, record, outcomes)
    report = preparation_report(record, servers, outcomes, **options, accepted=accepted)
    summary = summarize_preparation(report)
    remember_quiet_times(store, run.findings, run.settings.pairs_table, run.execution_id)
    LockStore(store.table_name).release([preparation_lock(record.plan_name)], run.execution_id)
    written = write_report(run.settings.reports_bucket, report, summary, PREPARE_AGAIN)
    if record.status is not ExecutionStatus.COMPLETED or not written.uri:
        title = preparation_title(record, totals["blocked"])
        notify(run.settings.topic_arn, title, f"{summary}\n{written.text}")
    return {"status": record.status.value, "report": written.place, "totals": totals, "reason": record.reason}


def _record(run: Run[ConfigurationSettings]) -> ExecutionRecord:
    try:
        return run.store.execution(run.execution_id)
    except ExecutionNotFoundError:
        return unrecorded(run.execution_id, run.text("startedAt"), dry_run=True)
