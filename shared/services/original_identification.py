"""Identifies the originals of one site's servers, in the stage that an earlier failback left them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from shared.model.drs import SourceServer
from shared.model.finding import Finding
from shared.model.policies import Mode
from shared.model.scope import Site
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.checks.identified_record import identified_record, missing_record
from shared.rules.drs.drs_job_monitor import EXECUTION_TAG
from shared.rules.failback.identity import IdentifyFacts
from shared.rules.failback.original_identifier import Identified, conflicts, identify
from shared.rules.failback.stages import staged
from shared.rules.plan.discovery import is_selected
from shared.rules.plan.selection import Selection
from shared.services.earlier_executions import EarlierExecutions
from shared.services.opened_execution import OpenedExecution
from shared.store import ExecutionStore

RECENT = 20
"""How many earlier executions of the plan are read for what a killed failback left."""


class OriginalIdentification:
    """For one site of one execution. ``selection``: what the plan selects of the site."""

    def __init__(
        self,
        store: ExecutionStore,
        execution: OpenedExecution,
        site: Site,
        selection: Selection,
        earlier: EarlierExecutions,
        now: datetime,
    ) -> None:
        self._store = store
        self._execution = execution
        self._site = site
        self._selection = selection
        self._earlier = earlier
        self._now = now
        self._recovered = self._recovered_servers()

    def is_wanted(self, server: SourceServer) -> bool:
        """Whether the request's failover recovered it; without one, whether the plan selects it."""
        if self._recovered is not None:
            return server.source_server_id in self._recovered
        return is_selected(server, self._selection)

    def earlier_failbacks(self) -> list[str]:
        """Earlier failbacks of the plan that may have changed something, newest first."""
        own = self._execution.record
        return [
            record.execution_id
            for record in self._store.recent(own.plan_name, RECENT)
            if record.mode is Mode.FAILBACK and not record.dry_run and record.execution_id != own.execution_id
        ]

    def records(self, facts: Mapping[str, IdentifyFacts]) -> list[ServerRecord]:
        """The records of the servers whose originals ``facts`` identify, or block."""
        identified = {server_id: identify(fact) for server_id, fact in facts.items()}
        clashes = conflicts(identified)
        return [
            self._record(
                facts[server_id], replace(one, findings=one.findings + tuple(self._also(server_id, clashes)))
            )
            for server_id, one in identified.items()
        ]

    def missing(self, listed: Iterable[SourceServer]) -> list[ServerRecord]:
        """The servers that the request's failover recovered and DRS does not list any more."""
        known = {server.source_server_id for server in listed}
        return [
            missing_record(record, self._site)
            for server_id, record in (self._recovered or {}).items()
            if record.site == self._site.name and server_id not in known
        ]

    def _recovered_servers(self) -> dict[str, ServerRecord] | None:
        """The servers that the request's failover recovered; None if it names none."""
        failover = self._execution.request.failover
        if not failover:
            return None
        servers = self._store.servers(failover)
        return {s.source_server_id: s for s in servers if s.status is ServerStatus.RECOVERED}

    def _wave(self, server_id: str) -> str | None:
        if self._recovered is not None:
            return self._recovered[server_id].wave
        return self._selection.wave_by_server.get(server_id)

    def _also(self, server_id: str, clashes: Mapping[str, Finding]) -> Iterable[Finding]:
        if server_id in clashes:
            yield clashes[server_id]
        if self._recovered is None and server_id in self._selection.ambiguous:
            yield self._selection.ambiguous[server_id]

    def _record(self, facts: IdentifyFacts, identified: Identified) -> ServerRecord:
        job = facts.earlier_job
        starter = self._earlier.record(job.tags.get(EXECUTION_TAG, "")) if job else None
        own = (self._execution.record.plan_name, self._execution.record.mode)
        wave = self._wave(facts.server.source_server_id)
        return staged(
            identified_record(facts, identified, self._site, wave),
            facts,
            identified.stage,
            earlier_over=starter is not None and self._earlier.is_over(starter.execution_id),
            same_plan=starter is not None and (starter.plan_name, starter.mode) == own,
            now=self._now,
        )
