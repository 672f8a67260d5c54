"""Reminds the operators of a pause that lasts: what it costs, and how to end it."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.aws.sns import notify
from shared.model.execution import ExecutionRecord, WaveRecord
from shared.model.policies import Mode
from shared.rules.control.cli_hints import control_call
from shared.rules.control.reminders import latest_due
from shared.rules.text import REASON_LIMIT, one_line
from shared.services.opened_execution import OpenedExecution
from shared.settings import ConfigurationSettings
from shared.store import ExecutionStore
from shared.times import parse_time

OUTAGE = "This is an outage: the workloads of {waves} are stopped, and run again when it goes on."
COSTS = {
    Mode.FAILBACK: "No workload is stopped for it: replication continues.",
    Mode.FAILOVER: "Servers of the waves that wait are not recovered meanwhile.",
    Mode.DRILL: "What the drill has launched runs on, and costs, meanwhile.",
}


def remind_of_pause(
    store: ExecutionStore, execution: OpenedExecution, settings: ConfigurationSettings, now: datetime
) -> None:
    """Called wherever something waits for the end of a pause; one of them reminds, when it is due."""
    record = execution.record
    if not record.pauses:
        return
    since = min(parse_time(pause.at) for pause in record.pauses)
    due = latest_due((now - since).total_seconds())
    if due is None or not store.claim_reminder(record.execution_id, since + timedelta(seconds=due), now):
        return
    waves = store.waves(record.execution_id)
    minutes = round((now - since).total_seconds() / 60)
    call = settings.control_function
    lines = [
        f"Execution {record.execution_id} of plan {record.plan_name} has been paused for {minutes} minutes.",
        _cost(record, waves),
        f"To resume: {control_call(call, record.execution_id, 'RESUME')}",
        f"To cancel: {control_call(call, record.execution_id, 'CANCEL')}",
        *(
            f"Paused by {one_line(p.by, REASON_LIMIT)!r}: {one_line(p.reason, REASON_LIMIT)!r}"
            for p in record.pauses
        ),
    ]
    notify(settings.topic_arn, f"{record.plan_name}: paused, for {minutes} minutes now", "\n".join(lines))


def _cost(record: ExecutionRecord, waves: list[WaveRecord]) -> str:
    begun = [one.name for one in waves if one.started_at is not None and not one.status.is_final]
    if record.mode is Mode.FAILBACK and begun:
        return OUTAGE.format(waves=", ".join(begun))
    return COSTS[record.mode]
