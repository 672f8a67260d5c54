"""CloseWave: give every server of the wave its outcome and the wave its own; remember the pairs; tell."""

from __future__ import annotations

from collections import Counter
from typing import Any

from shared.aws.sns import notify
from shared.model.policies import Mode
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus, WaveStatus
from shared.rules.control.cli_hints import control_call
from shared.rules.failback.workloads import whereabouts
from shared.rules.waves.outcome import wave_outcome
from shared.services.execution_closer import message_of
from shared.services.opened_execution import OpenedExecution
from shared.services.pair_keeper import PairKeeper
from shared.services.release_waves import resume_if_ready
from shared.services.withdrawals import withdraw
from shared.settings import ConfigurationSettings
from shared.task import Run, task
from shared.times import iso


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave, skipReason?, failure?: {Error, Cause}}`` → ``{wave, status, …counts}``."""
    store = run.store
    execution = run.execution
    servers = store.servers(run.execution_id, run.wave)
    skipped = str(run.event.get("skipReason") or "")
    failure = run.event.get("failure") or {}
    broke = f"{failure['Error']}: {message_of(failure.get('Cause')) or 'no cause given'}" if failure else ""
    not_started = str(run.event.get("batchFailures") or "")
    if skipped:
        withdraw(store, execution.record, store.wave(run.execution_id, run.wave), servers)
    left = [server for server in servers if not server.status.is_final]
    store.change_servers(
        run.execution_id, [ServerChange(s, _outcome(s, skipped, not_started or broke)) for s in left]
    )

    servers = store.servers(run.execution_id, run.wave)
    count = Counter(server.status for server in servers)
    status = (
        WaveStatus.SKIPPED if skipped else wave_outcome(execution.plan.wave(run.wave).on_failure, servers)
    )
    status = WaveStatus.FAILED if failure else status
    reason = skipped or broke or None
    values: dict[str, Any] = {"status": status, "ended_at": iso(run.now), "reason": reason}
    said = {server.skip for server in servers}
    if status is WaveStatus.SKIPPED and not skipped and said and None not in said:
        values |= {"skip": servers[0].skip, "dependents_continue": True}
    closed = store.change_wave(run.execution_id, run.wave, values)
    resume_if_ready(store, run.execution_id, run.now)
    recovered = [server for server in servers if server.status is ServerStatus.RECOVERED]
    if execution.record.mode is not Mode.DRILL:  # what a drill leaves behind is known after its clean-up
        PairKeeper(store, run.settings.pairs_table, execution.record).keep(recovered)
    if closed:
        notify(
            run.settings.topic_arn,
            f"{execution.plan.name}: wave {run.wave} {status.value.lower().replace('_', ' ')}",
            f"Execution {run.execution_id}, wave {run.wave}: {len(recovered)} of {len(servers)} servers "
            f"recovered, {count[ServerStatus.FAILED]} failed, {count[ServerStatus.SKIPPED]} skipped, "
            f"{count[ServerStatus.BLOCKED]} blocked. {reason or ''}\n"
            + "\n".join(f"{s.name}: {s.reason} → {s.remedy}" for s in servers if s.reason)
            + _what_next(run.settings, execution, status),
        )
    return {
        "wave": run.wave,
        "status": status.value,
        "recovered": len(recovered),
        "failed": count[ServerStatus.FAILED],
    }


def _what_next(settings: ConfigurationSettings, execution: OpenedExecution, status: WaveStatus) -> str:
    if status not in (WaveStatus.FAILED, WaveStatus.COMPLETED_WITH_FAILURES):
        return ""
    calls = {
        "To hold the other waves": {"action": "PAUSE"},
        "To try again what failed, when the execution has ended": {"action": "RETRY"},
    }
    name, execution_id = settings.control_function, execution.record.execution_id
    return "".join(f"\n\n{what}:\n{control_call(name, execution_id, **said)}" for what, said in calls.items())


def _outcome(server: ServerRecord, skipped: str, broke: str) -> dict[str, Any]:
    if skipped:
        launched = server.status is ServerStatus.LAUNCHED
        remedy = "Repair what failed and run the plan again." + (
            f" {server.pair_instance_id} has the recovered volumes and {_is_left(server)}."
            if launched
            else ""
        )
        return {"status": ServerStatus.SKIPPED, "reason": skipped, "remedy": _with_place(remedy, server)}
    reason = server.reason or (
        f"The wave ended while this server was {server.status.value}: {broke or 'no error recorded'}"
    )
    remedy = server.remedy or "Look at the wave's execution in Step Functions, then run the plan again."
    if server.job_id and server.status is not ServerStatus.LAUNCH_FAILED:
        remedy = (
            f"{remedy} {server.pair_instance_id} was launched into by job {server.job_id}: look there first."
        )
    return {"status": ServerStatus.FAILED, "reason": reason, "remedy": _with_place(remedy, server)}


def _with_place(remedy: str, server: ServerRecord) -> str:
    return f"{remedy} {whereabouts(server)}".strip()


def _is_left(server: ServerRecord) -> str:
    return "runs, since DRS started it" if server.started_by_drs else "is stopped"
