"""CloseWave: record outcomes, update InstancePairs, notify."""

from __future__ import annotations

from typing import Any

from shared.aws.sns import notify
from shared.model.policies import Mode
from shared.model.server import Change
from shared.model.status import ServerStatus
from shared.rules.closure.failures import failure_text
from shared.rules.closure.wave import WaveEnd, server_at_wave_end, wave_fields_at_end, wave_notification
from shared.services.pair_keeper import PairKeeper
from shared.services.release_waves import resume_if_ready
from shared.services.withdrawals import withdraw
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave, skipReason?, failure?: {Error, Cause}}`` → ``{wave, status, …counts}``."""
    store, execution, settings = run.store, run.execution, run.settings
    end = WaveEnd(
        now=run.now,
        skipped=str(run.event.get("skipReason") or ""),
        failure=failure_text(run.event.get("failure") or {}) or "",
        not_started=str(run.event.get("batchFailures") or ""),
    )
    servers = store.servers(run.execution_id, run.wave)
    if end.skipped:
        withdraw(store, execution.record, store.wave(run.execution_id, run.wave), servers)
    left = [server for server in servers if not server.status.is_final]
    store.change_servers(run.execution_id, [Change(s, server_at_wave_end(s, end)) for s in left])

    servers = store.servers(run.execution_id, run.wave)
    values = wave_fields_at_end(execution.plan.wave(run.wave).on_failure, servers, end)
    closed = store.change_wave(run.execution_id, run.wave, values)
    resume_if_ready(store, run.execution_id, run.now)
    recovered = [server for server in servers if server.status is ServerStatus.RECOVERED]
    if execution.record.mode is not Mode.DRILL:  # a drill's pairs are known after its clean-up
        PairKeeper(store, settings.pairs_table, execution.record).keep(recovered)
    status = values["status"].value
    if closed:
        title = f"{execution.plan.name}: wave {run.wave} {status.lower().replace('_', ' ')}"
        text = wave_notification(run.execution_id, run.wave, servers, values, settings.control_function)
        notify(settings.topic_arn, title, text)
    return {
        "wave": run.wave,
        "status": status,
        "recovered": len(recovered),
        "failed": sum(server.status is ServerStatus.FAILED for server in servers),
    }
