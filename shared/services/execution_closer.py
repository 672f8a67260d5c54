"""The end of every execution: outcomes, report, locks, notification. Repeating it is harmless."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.sns import notify
from shared.model.execution import ExecutionRecord, ended_fields
from shared.model.finding import Finding
from shared.model.pair import PairRecord
from shared.model.plan import Plan
from shared.model.policies import Mode
from shared.model.quotas import KnownLimits
from shared.model.server import Change, DetachedVolume, RemovedVolume, ServerRecord
from shared.model.status import ServerStatus
from shared.model.unreadable_site import UnreadableSite
from shared.rules.closure.execution import (
    Closure,
    closed,
    end_title,
    outcome_at_end,
    protection_at_end,
    unrecorded,
    wave_at_end,
    with_cancellation,
)
from shared.rules.closure.launch_settings import not_restored
from shared.rules.control.cli_hints import close_call
from shared.rules.matching.instance_matcher import Proposal
from shared.rules.plan.digest import plan_digest
from shared.rules.report.document import ReportFacts, build_report
from shared.rules.report.next_steps import leaves_out
from shared.rules.report.summary import summarize
from shared.services.other_sides import report_other_sides
from shared.services.pair_keeper import PairKeeper
from shared.services.recorded_originals import remember_quiet_times
from shared.services.report_writer import write_report
from shared.services.undecided_servers import with_undecided
from shared.services.wakeups import resume_waiting_batches
from shared.services.workload_sides import moved_unrecorded
from shared.settings import ConfigurationSettings
from shared.store import (
    ClaimStore,
    ExecutionNotFoundError,
    ExecutionStore,
    FindingStore,
    Leftover,
    LockStore,
    PairStore,
    finding_store,
    plan_lock,
    server_lock,
)

LATE_REPORTS = 3
"""How often the servers are read again for some that a site recorded meanwhile."""


def close(
    store: ExecutionStore,
    settings: ConfigurationSettings,
    closure: Closure,
    accounts: MemberAccounts | None = None,
) -> dict[str, Any]:
    """Returns ``{status, report, totals, reason, remedy}``; ``report``: its URI, or that there is none.

    With ``accounts`` it reads whether the other sides run, and where the workloads are that it did not come
    to record.
    """
    record, plan, digest = _opened(store, closure)
    closure = with_cancellation(closure, record)
    closure = replace(closure, unreadable=store.facts(closure.execution_id, UnreadableSite))
    dry_run = record.dry_run and not closure.error
    findings = finding_store(settings.findings_table, store)
    servers = (
        store.servers(closure.execution_id) if dry_run else _settled(store, findings, closure, record.mode)
    )
    if accounts and plan and not record.dry_run:
        servers = report_other_sides(store, accounts, record, plan, servers)
    waves = store.waves(closure.execution_id)
    removed = store.facts(closure.execution_id, RemovedVolume)
    pairs = _keep_pairs(
        store, findings, settings, record, servers, {fact.volume_id for fact in removed}, accounts
    )
    record = _recorded(store, record, closed(record, closure, waves, servers))
    if closure.error and not dry_run:
        servers = _settled(store, findings, closure, record.mode)  # no site adds a server from here on
    left_behind = _detached_before(pairs.values())
    facts = ReportFacts(
        record,
        plan,
        waves,
        servers,
        store.jobs(record.execution_id),
        detached_volumes=left_behind,
        removed_volumes=removed,
        controls=store.controls(record.execution_id),
        answers=store.answers(record.execution_id),
        plan_digest=digest,
    )
    report = build_report(_with_findings(facts, store, findings))
    summary = summarize(report)
    _release(store, record, servers)
    again = close_call(settings.close_function, record.execution_id, record.started_at)
    written = write_report(settings.reports_bucket, report, summary, again)
    notify(
        settings.topic_arn,
        end_title(record, closure, leaves_out=leaves_out(report)),
        f"{summary}\n\n{written.text}",
    )
    return {
        "status": record.status.value,
        "report": written.place,
        "totals": report["totals"],
        "reason": record.reason or "",
        "remedy": record.remedy or "",
    }


def _opened(store: ExecutionStore, closure: Closure) -> tuple[ExecutionRecord, Plan | None, str | None]:
    try:
        digest = plan_digest(store.plan_document(closure.execution_id))
        return store.execution(closure.execution_id), store.plan(closure.execution_id), digest
    except ExecutionNotFoundError:
        return unrecorded(closure.execution_id, closure.started_at), None, None


def _recorded(store: ExecutionStore, record: ExecutionRecord, after: ExecutionRecord) -> ExecutionRecord:
    """The record as the report shows it: as closed now, or as an earlier call closed it."""
    written = store.change_execution(record.execution_id, {**ended_fields(after), "approval_token": None})
    # Without a record the request was refused: the report shows the refusal.
    return after if written or record.ended_at is None else record


def _with_findings(facts: ReportFacts, store: ExecutionStore, seen: FindingStore) -> ReportFacts:
    execution_id = facts.execution.execution_id
    return replace(
        facts,
        unmatched_targets={left.instance_id: left.finding for left in seen.facts(execution_id, Leftover)},
        proposals=seen.facts(execution_id, Proposal),
        findings=[
            *seen.facts(execution_id, Finding),
            *store.facts(execution_id, Finding),
            *(site.finding for site in store.facts(execution_id, UnreadableSite)),
            *not_restored(facts.servers, facts.execution.mode),
        ],
        limits=seen.facts(execution_id, KnownLimits),
    )


def _release(store: ExecutionStore, record: ExecutionRecord, servers: Sequence[ServerRecord]) -> None:
    locks = [server_lock(server.source_server_id) for server in servers]
    LockStore(store.table_name).release([*locks, plan_lock(record.plan_name)], record.execution_id)
    for scope in sorted({server.scope for server in servers}):
        ClaimStore(store.table_name, scope).forget(record.execution_id)
        resume_waiting_batches(store, scope)  # batches of others may have waited behind its claims


def _keep_pairs(
    store: ExecutionStore,
    findings: FindingStore,
    settings: ConfigurationSettings,
    record: ExecutionRecord,
    servers: Sequence[ServerRecord],
    removed: Collection[str],
    accounts: MemberAccounts | None,
) -> dict[str, PairRecord]:
    """Update the pairs once more: a wave that was killed could not. A dry run only records originals."""
    if record.dry_run:
        remember_quiet_times(store, findings, settings.pairs_table, record.execution_id)
        return PairStore(settings.pairs_table).get([server.source_server_id for server in servers])
    moved = moved_unrecorded(accounts, record.mode, servers) if accounts else {}
    return PairKeeper(store, settings.pairs_table, record, moved).keep(servers, removed)


def _detached_before(pairs: Iterable[PairRecord]) -> list[DetachedVolume]:
    """What launches have detached from the instances of both sides, as far as our records go."""
    return [volume for pair in pairs for volume in pair.detached_volumes]


def _settled(
    store: ExecutionStore, findings: FindingStore, closure: Closure, mode: Mode
) -> list[ServerRecord]:
    """All servers, each with an outcome: also those that a site records late, after another's failure."""
    for _ in range(LATE_REPORTS):
        servers = with_undecided(store, findings, closure.execution_id)
        left = [server for server in servers if not server.status.is_final]
        if left:
            store.change_servers(closure.execution_id, [Change(s, outcome_at_end(s, closure)) for s in left])
            servers = store.servers(closure.execution_id)
        _settle_waves(store, closure, servers, mode)
        if mode is Mode.FAILBACK:
            servers = store.servers(closure.execution_id)
        if not left or all(server.status.is_final for server in servers):
            break
    return servers


def _settle_waves(
    store: ExecutionStore, closure: Closure, servers: Sequence[ServerRecord], mode: Mode
) -> None:
    """Every wave gets an outcome, and every server that is back its protection."""
    for wave in store.waves(closure.execution_id):
        if not wave.status.is_final:
            store.change_wave(closure.execution_id, wave.name, wave_at_end(wave, servers, closure, mode))
    if mode is Mode.FAILBACK:
        recovered = [s for s in servers if s.status is ServerStatus.RECOVERED]
        changes = [Change(s, protection_at_end(s, closure)) for s in recovered]
        store.change_settled(closure.execution_id, [change for change in changes if change.values])
