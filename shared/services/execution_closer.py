"""The end of every execution, good or bad: outcomes, report, locks, message. Repeating it is harmless."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.aws.report_bucket import put_report
from shared.aws.sns import notify
from shared.model.execution import ExecutionRecord
from shared.model.finding import Finding, Severity
from shared.model.pair import PairRecord
from shared.model.plan import Plan
from shared.model.policies import LaunchOrder, Mode
from shared.model.quotas import KnownLimits
from shared.model.server import DetachedVolume, RemovedVolume, ServerChange, ServerRecord
from shared.model.status import ExecutionStatus, Protection, ServerStatus, WaveStatus
from shared.rules.failback.workloads import whereabouts
from shared.rules.matching.instance_matcher import Proposal
from shared.rules.report.document import build_report, summarize
from shared.rules.waves.outcome import execution_outcome
from shared.services.launch_restorer import is_to_be_restored
from shared.services.pair_keeper import PairKeeper
from shared.services.wakeups import resume_waiting_batches
from shared.settings import ConfigurationSettings
from shared.store import (
    ClaimStore,
    ExecutionNotFoundError,
    ExecutionStore,
    Leftover,
    LockStore,
    PairStore,
    plan_lock,
    server_lock,
)
from shared.times import iso

CANCELLING = frozenset({"ApprovalRejected", "ApprovalExpired", "ExecutionAborted", "ExecutionCancelled"})
"""Errors by which people end an execution, as opposed to failures."""


LATE_REPORTS = 3
"""How often servers are looked through for some that were added meanwhile."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution ended. ``decision`` is PlanWaves' or ReserveServers' last word, if they had one."""

    execution_id: str
    started_at: str
    now: datetime
    decision: str | None = None
    error: str | None = None
    cause: str | None = None

    @property
    def cancelled(self) -> bool:
        return self.error in CANCELLING


def message_of(cause: Any) -> str | None:
    """The message in a failed function's error document, or the text as it is."""
    text = str(cause or "")
    try:
        document = json.loads(text)
    except ValueError:
        return text or None
    return str(document.get("errorMessage", text)) if isinstance(document, dict) else text


def close(store: ExecutionStore, settings: ConfigurationSettings, ending: Ending) -> dict[str, Any]:
    """Returns ``{status, report, totals, reason, remedy}``."""
    record, plan = _opened(store, ending)
    if record.cancellation is not None and (ending.error is None or ending.cancelled):
        said = f"{record.cancellation.by}: {record.cancellation.reason}"
        ending = replace(ending, error="ExecutionCancelled", cause=said)
    dry_run = record.dry_run and not ending.error
    servers = store.servers(ending.execution_id) if dry_run else _settled(store, ending, record.mode)
    waves = store.waves(ending.execution_id)
    removed = {gone.volume_id for gone in store.facts(ending.execution_id, RemovedVolume)}
    pairs = _keep_pairs(store, settings, record, servers, removed)
    if ending.error and not ending.cancelled:
        status = ExecutionStatus.FAILED
    else:
        status = execution_outcome(
            waves,
            servers,
            mode=record.mode,
            dry_run=dry_run,
            cancelled=ending.cancelled,
            blocked=_was_stopped(ending, servers),
        )
    reason, remedy = _explained(ending, status, servers)
    values: dict[str, Any] = {
        "status": status,
        "ended_at": iso(ending.now),
        "reason": reason,
        "remedy": remedy,
    }
    if store.change_execution(ending.execution_id, {**values, "approval_token": None}):
        record = replace(record, **values)
    elif record.ended_at is None:
        # No record was opened: the request was refused. The report says so all the same.
        record = replace(record, **values)
    if ending.error and not dry_run:
        servers = _settled(store, ending, record.mode)  # nobody adds a server any more
    report = build_report(
        record,
        plan,
        waves,
        servers,
        store.jobs(ending.execution_id),
        unmatched_targets={
            left.instance_id: left.finding for left in store.facts(ending.execution_id, Leftover)
        },
        proposals=store.facts(ending.execution_id, Proposal),
        findings=[*store.facts(ending.execution_id, Finding), *_not_restored(servers, record.mode)],
        detached_volumes=_left_behind(record, pairs.values()),
        removed_volumes=removed,
        controls=store.controls(ending.execution_id),
        limits=store.facts(ending.execution_id, KnownLimits),
    )
    summary = summarize(report)
    uri = put_report(settings.reports_bucket, report, summary)
    locks = [server_lock(server.source_server_id) for server in servers]
    LockStore(settings.executions_table).release([*locks, plan_lock(record.plan_name)], ending.execution_id)
    for scope in sorted({server.scope for server in servers}):
        ClaimStore(store.table_name, scope).forget(ending.execution_id)
        resume_waiting_batches(store, scope)  # others may have stood behind its claims
    what = "dry run" if record.dry_run else record.mode.value.lower()
    title = f"{record.plan_name}: {what} {record.status.value.lower().replace('_', ' ')}"
    notify(settings.topic_arn, title, f"{summary}\n\nReport: {uri}")
    return {
        "status": record.status.value,
        "report": uri,
        "totals": report["totals"],
        "reason": record.reason or "",
        "remedy": record.remedy or "",
    }


def _opened(store: ExecutionStore, ending: Ending) -> tuple[ExecutionRecord, Plan | None]:
    try:
        return store.execution(ending.execution_id), store.plan(ending.execution_id)
    except ExecutionNotFoundError:
        nameless = ExecutionRecord(
            execution_id=ending.execution_id,
            plan_name="unknown",
            mode=Mode.FAILOVER,
            status=ExecutionStatus.FAILED,
            started_at=ending.started_at,
            dry_run=False,
            launch_order=LaunchOrder.TOGETHER,
            request={},
        )
        return nameless, None


def _keep_pairs(
    store: ExecutionStore,
    settings: ConfigurationSettings,
    record: ExecutionRecord,
    servers: Sequence[ServerRecord],
    removed: Collection[str],
) -> dict[str, PairRecord]:
    """Remember the pairs once more: a wave that was killed could not. A dry run only reads them."""
    if record.dry_run:
        return PairStore(settings.pairs_table).get([server.source_server_id for server in servers])
    return PairKeeper(store, settings.pairs_table, record).keep(servers, removed)


def _left_behind(record: ExecutionRecord, pairs: Iterable[PairRecord]) -> list[DetachedVolume]:
    """What earlier launches took from the instances of both sides, for the report of a failback."""
    return [v for pair in pairs for v in pair.detached_volumes] if record.mode is Mode.FAILBACK else []


def _was_stopped(ending: Ending, servers: Sequence[ServerRecord]) -> bool:
    """Whether nothing was done because servers are blocked. Where all is done already, nothing is blocked."""
    done = any(server.status is ServerStatus.RECOVERED for server in servers)
    return ending.decision == "BLOCKED" or (ending.decision == "NOTHING_TO_DO" and not done)


def _settled(store: ExecutionStore, ending: Ending, mode: Mode) -> list[ServerRecord]:
    """All servers, each with an outcome: also those that a site reports late, after another's failure."""
    for _ in range(LATE_REPORTS):
        _give_outcomes(store, ending, mode)
        servers = store.servers(ending.execution_id)
        if all(server.status.is_final for server in servers):
            break
    return servers


def _give_outcomes(store: ExecutionStore, ending: Ending, mode: Mode) -> None:
    """No server and no wave is left without an outcome, and no server that came home in between."""
    left = [s for s in store.servers(ending.execution_id) if not s.status.is_final]
    store.change_servers(ending.execution_id, [ServerChange(s, _outcome(s, ending)) for s in left])
    servers = store.servers(ending.execution_id)
    home = [s for s in servers if s.status is ServerStatus.RECOVERED]
    for wave in store.waves(ending.execution_id):
        if not wave.status.is_final:
            values: dict[str, Any] = {"status": WaveStatus.COMPLETED, "ended_at": iso(ending.now)}
            if mode is not Mode.FAILBACK or not _was_home(wave.name, servers, ending):
                status = WaveStatus.SKIPPED if wave.status is WaveStatus.PLANNED else WaveStatus.FAILED
                values |= {"status": status, "reason": _why(ending)}
            store.change_wave(ending.execution_id, wave.name, values)
    if mode is Mode.FAILBACK:
        store.change_settled(
            ending.execution_id, [ServerChange(s, values) for s in home if (values := _protection(s, ending))]
        )


def _was_home(wave: str, servers: Sequence[ServerRecord], ending: Ending) -> bool:
    """Whether there was nothing to do for a wave: an earlier failback has brought all of it home."""
    members = [server for server in servers if server.wave == wave]
    ended_early = bool(ending.error) or ending.decision == "BLOCKED"
    return all(s.status is ServerStatus.RECOVERED for s in members) and not (ended_early and not members)


def _protection(server: ServerRecord, ending: Ending) -> dict[str, Any]:
    """What to record of a server that is home and whose protection or retirement has not come to its end."""
    if server.protection in (Protection.RETIRED, Protection.UNPROTECTED):
        return {}
    if server.protection is Protection.PROTECTED:
        return {
            "protection_reason": server.protection_reason
            or f"It is protected, and its recovery side is not tidied up. {_why(ending)}",
            "protection_remedy": server.protection_remedy
            or "Run the failback again: it tidies up what is left, and launches nothing.",
        }
    asked = "was not asked to" if server.protection is None else "had not come to"
    return {
        "protection": Protection.UNPROTECTED,
        "protection_reason": f"{server.pair_instance_id} runs the workload and {asked} replicate to the "
        f"recovery side when the execution ended. {_why(ending)}",
        "protection_remedy": "Run the failback again: it protects what is home already, and launches nothing "
        "for it.",
    }


def _outcome(server: ServerRecord, ending: Ending) -> dict[str, Any]:
    if server.job_id:
        remedy = (
            f"Look at job {server.job_id} in the DRS console: it goes on by itself. "
            f"{server.pair_instance_id} may have been launched; it was not verified. {whereabouts(server)}"
        ).strip()
        reason = f"{_why(ending)} This server was {server.status.value}."
        return {"status": ServerStatus.FAILED, "reason": reason, "remedy": remedy}
    remedy = (
        server.remedy
        or "Nothing was launched for this server. Repair the cause, then run the plan again. "
        f"{whereabouts(server)}".strip()
    )
    return {"status": ServerStatus.SKIPPED, "reason": server.reason or _why(ending), "remedy": remedy}


def _not_restored(servers: Sequence[ServerRecord], mode: Mode) -> list[Finding]:
    return [
        Finding(
            code="LAUNCH_SETTINGS_NOT_RESTORED",
            severity=Severity.WARNING,
            found=f"The launch settings of {server.name} ({server.source_server_id}) are still those for "
            f"launching into {server.pair_instance_id}.",
            remedy=f"Put them back when no job holds the server: {_command_to_restore(server)}",
        )
        for server in servers
        if is_to_be_restored(server, mode)
    ]


def _command_to_restore(server: ServerRecord) -> str:
    previous = server.previous_launch
    if previous is None:
        return "see its record in the table Executions."
    return (
        f"aws drs update-launch-configuration --source-server-id {server.drs_server_id} "
        f"--launch-into-instance-properties launchIntoEC2InstanceID={previous.launch_into_instance_id or ''} "
        f"--launch-disposition {previous.launch_disposition} "
        f"--target-instance-type-right-sizing-method {previous.right_sizing} "
        f"--{'' if previous.copy_private_ip else 'no-'}copy-private-ip "
        f"--{'' if previous.copy_tags else 'no-'}copy-tags"
    )


def _why(ending: Ending) -> str:
    if ending.error:
        return f"The execution ended: {ending.error}: {ending.cause or 'no cause given'}"
    if ending.decision == "BLOCKED":
        return "Other servers are blocked, and the policy is to stop then."
    return "The execution ended before this server's turn."


def _explained(
    ending: Ending, status: ExecutionStatus, servers: Sequence[ServerRecord]
) -> tuple[str | None, str | None]:
    if ending.error:
        remedy = "Repair the cause, then run the plan again."
        if ending.cancelled:
            launched = any(server.job_id for server in servers)
            remedy = (
                "Servers may have been launched or be running: follow the remedy of each."
                if launched
                else "Nothing was changed, and nothing more is needed."
            )
        return f"{ending.error}: {ending.cause or 'no cause given'}", remedy
    if ending.decision == "NOTHING_TO_DO" and servers:
        return (
            "Every server that the plan selects is blocked. Nothing was changed.",
            "Follow each server's remedy. A server that is where it should be already needs nothing: in a "
            "failover TARGET_IN_USE says so, in a failback NOT_FAILED_OVER.",
        )
    if ending.decision == "NOTHING_TO_DO":
        return (
            "The plan selects no server that can be recovered.",
            "Tag the source servers dr:enabled=true and dr:recovery-strategy=drs, and check the selectors.",
        )
    if status is ExecutionStatus.BLOCKED:
        return (
            "Servers are blocked, and the policy is to stop then. Nothing was changed.",
            "Follow each blocked server's remedy, or ask with onBlocked CONTINUE to go on without them.",
        )
    return None, None
