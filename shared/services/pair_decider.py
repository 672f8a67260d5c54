"""Decides the pairs of a failover or drill, from what it reads itself; findings can only block a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.errors import AccessDeniedError
from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.finding import Finding
from shared.model.original import OriginalRecord
from shared.model.plan import Plan
from shared.model.prerequisite_facts import ServerFacts
from shared.model.scope import Site
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.model.unreadable_site import UnreadableSite
from shared.rules.checks.decision import decided
from shared.rules.checks.pair_decision import as_found, contradiction, merged, not_checked, not_of_plan
from shared.rules.checks.prerequisites import check_pair
from shared.rules.checks.replication import recovery_point
from shared.rules.matching.instance_matcher import MatchResult, Pair, match_instances
from shared.rules.originals.records import original_to_record
from shared.rules.plan.discovery import discovered, is_of_site, is_selected, left_out
from shared.rules.plan.overrides import apply_overrides
from shared.rules.plan.requests import sites_to_read
from shared.rules.plan.selection import Selection, select, takes_part
from shared.rules.resumption.adoption import Earlier
from shared.rules.resumption.carry_over import Past, carry_over
from shared.services.asked_for import asked_for
from shared.services.earlier_executions import EarlierExecutions
from shared.services.opened_execution import OpenedExecution
from shared.services.original_reader import Known
from shared.services.pair_reader import PairReader, Surroundings, seconds_since
from shared.services.recorded_originals import known
from shared.services.site_access import without_access
from shared.store import ExecutionStore, LockStore


@dataclass(frozen=True, slots=True)
class Decisions:
    """The record of every server, and what was read of them: facts for the store."""

    servers: list[ServerRecord]
    facts: list[Any]


@dataclass(frozen=True, slots=True)
class _SiteRead:
    reader: PairReader
    known: Known
    listed: list[SourceServer]
    instances: list[Instance]
    selection: Selection


@dataclass(frozen=True, slots=True)
class _Matched:
    """The pairs among all sites, by source server id, and the instances by their own."""

    result: MatchResult
    pairs: dict[str, Pair]
    instances: dict[str, Instance]


class PairDecider:
    """For one execution, all its sites at once: a name is unique only among all of them."""

    def __init__(
        self,
        store: ExecutionStore,
        pairs_table: str,
        accounts: MemberAccounts,
        execution: OpenedExecution,
        earlier: EarlierExecutions,
        now: datetime,
    ) -> None:
        self._store = store
        self._pairs_table = pairs_table
        self._accounts = accounts
        self._execution = execution
        self._earlier = earlier
        self._now = now

    def decide(self, seen: Sequence[ServerRecord], others: Sequence[Plan] = ()) -> Decisions:
        """A record of each server that the findings name: READY with its pair, or BLOCKED.

        A server that takes part and that neither this plan nor one of the ``others`` selects is LEFT_OUT.
        """
        plan, request = self._execution.plan, self._execution.request
        sites, unreadable = self._read_all(sites_to_read(plan, request), seen)
        instances = {i.instance_id: i for site in sites for i in site.instances}
        sources = [server for site in sites for server in site.listed if takes_part(server)]
        result = match_instances(sources, list(instances.values()), plan.matching)
        matched = _Matched(result, {pair.source_server_id: pair for pair in result.pairs}, instances)
        is_asked_for = asked_for(self._store, request)
        at_sites = [self._at_site(site, matched, seen, is_asked_for, others) for site in sites]
        records = [server for at_site in at_sites for server in at_site.servers]
        done = {server.source_server_id for server in records}
        unknown = [
            decided(as_found(server), (*server.findings, unreadable[server.site].finding))
            if server.site in unreadable
            else _not_of_plan(server)
            for server in seen
            if server.source_server_id not in done
        ]
        facts = [fact for at_site in at_sites for fact in at_site.facts]
        return Decisions(records + unknown, [*facts, *unreadable.values()])

    def _read_all(
        self, sites: Sequence[Site], seen: Sequence[ServerRecord]
    ) -> tuple[list[_SiteRead], dict[str, UnreadableSite]]:
        """What was read of the sites, and those that deny access, by name."""
        reads: list[_SiteRead] = []
        unreadable: dict[str, UnreadableSite] = {}
        for site in sites:
            try:
                members = [server for server in seen if server.site == site.name]
                reads.append(self._read(PairReader(self._accounts, site), members))
            except AccessDeniedError as error:
                unreadable[site.name] = without_access(site, error)
        return reads, unreadable

    def _at_site(
        self,
        site: _SiteRead,
        matched: _Matched,
        seen: Sequence[ServerRecord],
        is_asked_for: Callable[[SourceServer], bool],
        others: Sequence[Plan],
    ) -> Decisions:
        asked = [server for server in site.listed if is_asked_for(server)]
        own = {s.source_server_id: s for s in asked if is_selected(s, site.selection)}
        members = [server for server in seen if server.site == site.reader.site.name]
        decided_here = self._decide_site(site, matched, own, members)
        elsewhere = [select(site.listed, plan) for plan in others]
        unselected = [
            left_out(server)
            for server in asked
            if server.source_server_id in site.selection.unselected
            and not any(is_selected(server, selection) for selection in elsewhere)
        ]
        return Decisions(decided_here.servers + unselected, decided_here.facts)

    def _read(self, reader: PairReader, seen: Sequence[ServerRecord]) -> _SiteRead:
        in_scope = reader.source_servers()
        listed = [server for server in in_scope if is_of_site(server, reader.site)]
        instances = reader.instances(s.pair_instance_id for s in seen if s.pair_instance_id)
        on_record = known(self._pairs_table, reader.site.recovery, in_scope, self._now)
        return _SiteRead(reader, on_record, listed, instances, select(listed, self._execution.plan))

    def _decide_site(
        self,
        site: _SiteRead,
        matched: _Matched,
        own: Mapping[str, SourceServer],
        seen: Sequence[ServerRecord],
    ) -> Decisions:
        servers = [own[s.source_server_id] for s in seen if s.source_server_id in own]
        ids = [server.source_server_id for server in servers]
        around = site.reader.around(servers, self._now)
        holders = self._earlier.holders(LockStore(self._store.table_name), ids)
        pasts = {server_id: self._past(server_id, around, holders) for server_id in ids}
        facts = {
            server.source_server_id: _facts(
                server, target, around, site.known, pasts[server.source_server_id]
            )
            for server in servers
            if (target := _target(matched, server.source_server_id))
        }
        facts = self._with_launch_settings(site.reader, facts, pasts)
        records = []
        for record in seen:
            server = own.get(record.source_server_id)
            if server is None:
                records.append(_not_of_plan(record))
                continue
            base = replace(discovered(server, site.selection), skip=record.skip)
            fact, past = facts.get(record.source_server_id), pasts[record.source_server_id]
            after = self._decided(base, record, matched, fact, past)
            pair = site.known.pairs.get(record.source_server_id)
            records.append(replace(after, pair_moved_by=pair.moved_by if pair else None))
        return Decisions(records, [*servers, *self._originals_to_record(facts.values())])

    def _originals_to_record(self, facts: Iterable[ServerFacts]) -> list[OriginalRecord]:
        """In quiet times only: at other times an original may be what is lost."""
        quiet = facts if self._execution.record.dry_run else ()
        own = self._execution.record.execution_id
        return [one for known in quiet if (one := original_to_record(known, own, self._now))]

    def _decided(
        self,
        base: ServerRecord,
        seen: ServerRecord,
        matched: _Matched,
        facts: ServerFacts | None,
        past: Past,
    ) -> ServerRecord:
        pair = matched.pairs.get(base.source_server_id)
        if facts is None or pair is None:
            own = (matched.result.unmatched_servers.get(base.source_server_id) or not_of_plan(base),)
            return decided(base, merged(seen.findings, (*base.findings, *own)))
        record = replace(
            base,
            pair_instance_id=pair.instance_id,
            paired_by=pair.paired_by,
            private_ip_before=facts.target.private_ip,
        )
        facts = replace(
            facts,
            mode=self._execution.record.mode,
            paired_by=pair.paired_by,
            seen_seconds_ago=seconds_since(facts.server.last_seen, self._now),
            recovery_point=recovery_point(facts.server, self._now),
        )
        carried = carry_over(record, facts, past, self._now)
        findings = carried.settle(merged(seen.findings, check_pair(facts, self._execution.policies)))
        findings = apply_overrides(findings, self._execution.request.overrides, record)
        findings += base.findings + _doubts(seen, record)
        return replace(decided(carried.server, findings), recovery_point=facts.recovery_point)

    def _past(self, server_id: str, around: Surroundings, holders: Mapping[str, Earlier]) -> Past:
        job = around.last_jobs.get(server_id)
        return Past(job, self._earlier.of_job(job, server_id), holders.get(server_id))

    def _with_launch_settings(
        self, reader: PairReader, facts: dict[str, ServerFacts], pasts: Mapping[str, Past]
    ) -> dict[str, ServerFacts]:
        """Read only where an earlier execution may have left settings to put back."""
        left = [facts[server_id] for server_id, past in pasts.items() if server_id in facts and _left(past)]
        read = reader.with_launch_settings(left) if left else []
        return facts | {fact.server.source_server_id: fact for fact in read}


def _left(past: Past) -> bool:
    earlier = past.earlier
    return bool(earlier and earlier.is_over and earlier.server and earlier.server.previous_launch)


def _doubts(seen: ServerRecord, own: ServerRecord) -> tuple[Finding, ...]:
    if seen.status is not ServerStatus.READY:
        return (not_checked(own),)
    found = contradiction(seen, own)
    return (found,) if found else ()


def _not_of_plan(seen: ServerRecord) -> ServerRecord:
    return decided(as_found(seen), (*seen.findings, not_of_plan(seen)))


def _target(matched: _Matched, server_id: str) -> Instance | None:
    pair = matched.pairs.get(server_id)
    return matched.instances.get(pair.instance_id) if pair else None


def _facts(
    server: SourceServer, target: Instance, around: Surroundings, on_record: Known, past: Past
) -> ServerFacts:
    server_id = server.source_server_id
    pair = on_record.pairs.get(server_id)
    job = around.jobs.get(server_id)
    holder = past.holder.execution if past.holder and past.is_locked else None
    return ServerFacts(
        server=server,
        target=target,
        original=around.originals.get(server.original_instance_id or ""),
        active_job_id=job.job_id if job else None,
        locked_by_execution=holder.execution_id if holder else None,
        locked_by_mode=holder.mode if holder else None,
        recovery_instance=around.recovery.get(server_id),
        recorded_workload_side=pair.workload_side if pair else None,
        failed_back_at=pair.last_failback_at if pair and pair.workload_side == "ORIGIN" else None,
        recorded_target=pair.pair_instance_id if pair else None,
        contested=on_record.contested.get(server.original_instance_id or ""),
        recorded_original=on_record.originals.get(server_id),
    )
