"""The originals of one site's servers, as read now: what IdentifyOriginals finds and DecidePairs checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.aws.cross_account import MemberAccounts
from shared.model.scope import Site
from shared.model.server import ServerRecord
from shared.rules.checks.identified_record import is_asked_for
from shared.rules.failback.identity import IdentifyFacts
from shared.rules.plan.discovery import is_of_site
from shared.rules.plan.selection import select
from shared.services.asked_for import asked_for
from shared.services.earlier_executions import EarlierExecutions
from shared.services.opened_execution import OpenedExecution
from shared.services.original_identification import OriginalIdentification
from shared.services.original_reader import OriginalReader
from shared.services.recorded_originals import known
from shared.store import ExecutionStore


@dataclass(frozen=True, slots=True)
class SiteOriginals:
    """``records`` of the servers that the request asks for; ``facts`` by source server id."""

    records: list[ServerRecord]
    facts: dict[str, IdentifyFacts]


class SiteIdentifier:
    """For one execution: reads and identifies site by site."""

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

    def identify(self, site: Site) -> SiteOriginals:
        execution, request = self._execution, self._execution.request
        reader = OriginalReader(self._accounts, site)
        in_scope = reader.source_servers()
        listed = [server for server in in_scope if is_of_site(server, site)]
        identification = OriginalIdentification(
            self._store, execution, site, select(listed, execution.plan), self._earlier, self._now
        )
        is_named = asked_for(self._store, request)
        facts = reader.read(
            [server for server in listed if identification.is_wanted(server) and is_named(server)],
            known(self._pairs_table, site.recovery, in_scope, self._now),
            request.confirmed_originals,
            self._earlier,
            identification.earlier_failbacks(),
            execution.policies.failback.stop_workload,
            self._now,
        )
        asked = request.recovery_instance_ids
        facts = {server_id: fact for server_id, fact in facts.items() if is_asked_for(fact, asked)}
        missing = [record for record in identification.missing(listed) if is_named(record)]
        return SiteOriginals(identification.records(facts) + missing, facts)
