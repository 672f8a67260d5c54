"""Decides the pairs of a failback, from what it reads itself; findings can only block a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.aws.errors import AccessDeniedError
from shared.model.scope import Site
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.model.unreadable_site import UnreadableSite
from shared.rules.checks.decision import decided, reverse_decided
from shared.rules.checks.pair_decision import as_found, contradiction, merged, not_checked, not_of_plan
from shared.rules.checks.reverse_findings import clashes_of
from shared.rules.plan.overrides import apply_overrides
from shared.rules.plan.requests import sites_to_read
from shared.services.opened_execution import OpenedExecution
from shared.services.pair_decider import Decisions
from shared.services.site_access import without_access
from shared.services.site_originals import SiteIdentifier, SiteOriginals


class OriginalDecider:
    """For one execution, all its sites."""

    def __init__(self, execution: OpenedExecution, identifier: SiteIdentifier) -> None:
        self._execution = execution
        self._identifier = identifier

    def decide(self, seen: Sequence[ServerRecord]) -> Decisions:
        """A record of each server that the findings name: READY with its pair, RECOVERED, or BLOCKED.

        A server that is failed back already, and only has to be protected or tidied up, is RECOVERED.
        """
        names = {server.site for server in seen}
        sites = sites_to_read(self._execution.plan, self._execution.request)
        read, unreadable = self._read([site for site in sites if site.name in names])
        records = [record for site in read for record in site.records]
        own = {record.source_server_id: record for record in records}
        clashes = clashes_of(records)
        servers = []
        for server in seen:
            record = own.get(server.source_server_id)
            if server.site in unreadable:
                finding = unreadable[server.site].finding
                servers.append(decided(as_found(server), (*server.findings, finding)))
                continue
            if record is None or record.site != server.site:
                servers.append(decided(as_found(server), (*server.findings, not_of_plan(server))))
                continue
            clash = clashes.get(record.source_server_id)
            record = replace(record, skip=server.skip, findings=record.findings + ((clash,) if clash else ()))
            servers.append(self._decided(record, server))
        facts = [fact for site in read for fact in site.facts.values()]
        observed = [one for fact in facts for one in (fact.server, fact.reversed_server) if one]
        return Decisions(servers, [*observed, *unreadable.values()])

    def _read(self, sites: Sequence[Site]) -> tuple[list[SiteOriginals], dict[str, UnreadableSite]]:
        """What was read of the sites, and those that deny access, by name."""
        read: list[SiteOriginals] = []
        unreadable: dict[str, UnreadableSite] = {}
        for site in sites:
            try:
                read.append(self._identifier.identify(site))
            except AccessDeniedError as error:
                unreadable[site.name] = without_access(site, error)
        return read, unreadable

    def _decided(self, record: ServerRecord, seen: ServerRecord) -> ServerRecord:
        findings = merged(seen.findings, record.findings)
        findings = apply_overrides(findings, self._execution.request.overrides, record)
        if seen.status is not ServerStatus.READY:
            findings += (not_checked(record),)
        elif found := contradiction(seen, record):
            findings += (found,)
        return reverse_decided(record, findings)
