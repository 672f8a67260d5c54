"""Reads what a decision about the pairs of one site needs, with calls that are paged, not per server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AwsCallError
from shared.aws.rate_limits import in_parallel
from shared.model.drs import Job, LaunchSettings, RecoveryInstance, SourceServer
from shared.model.ec2 import Instance
from shared.model.prerequisite_facts import ServerFacts
from shared.model.scope import Site
from shared.rules.drs.drs_error_handler import ErrorKind
from shared.rules.drs.drs_job_monitor import job_by_server, unfinished
from shared.services.origin_reader import read_originals
from shared.times import iso, parse_time

JOBS_WINDOW = timedelta(days=1)
"""How long ago a job may have begun and still run."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What surrounds the servers of a site, by source server id; ``originals`` by their own.

    ``jobs``: the unfinished ones. ``last_jobs``: also those that launched a recovery instance.
    """

    recovery: Mapping[str, RecoveryInstance]
    jobs: Mapping[str, Job]
    last_jobs: Mapping[str, Job]
    originals: Mapping[str, Instance]


class PairReader:
    """Reads one site. The origin is read with a short time-out: it may be what is down."""

    def __init__(self, accounts: MemberAccounts, site: Site) -> None:
        self.site = site
        self._accounts = accounts
        self._drs = DrsClient(accounts, site.recovery)
        self._ec2 = Ec2Client(accounts, site.recovery)

    def source_servers(self) -> list[SourceServer]:
        """Every source server of the recovery scope, which two sites may share."""
        return self._drs.source_servers(self.site.name)

    def instances(self, instance_ids: Iterable[str]) -> list[Instance]:
        """The tagged targets of the site's recovery scope, and these instances, tagged or not."""
        targets = self._ec2.targets()
        known = {target.instance_id for target in targets}
        others = sorted(set(instance_ids) - known)
        return [*targets, *(self._ec2.instances(others) if others else ())]

    def around(self, servers: Sequence[SourceServer], now: datetime) -> Surroundings:
        ids = [server.source_server_id for server in servers]
        if not ids:
            return Surroundings({}, {}, {}, {})
        recovery = {r.source_server_id: r for r in self._drs.recovery_instances(ids)}
        jobs = job_by_server(unfinished(self._drs.jobs_since(iso(now - JOBS_WINDOW))))
        originals = read_originals(
            self._accounts, self.site.origin, [server.original_instance_id for server in servers]
        )
        last_jobs = self._last_jobs(recovery.values()) | jobs
        return Surroundings(recovery, jobs, last_jobs, originals.instances)

    def with_launch_settings(self, facts: Sequence[ServerFacts]) -> list[ServerFacts]:
        """``facts`` with the launch settings as they are now; a call for each server."""
        ids = [fact.server.source_server_id for fact in facts]
        found = in_parallel(
            self._launch_settings, ids, api="GetLaunchConfiguration", scope=lambda _: self.site.recovery
        )
        return [replace(fact, launch=launch) for fact, launch in zip(facts, found, strict=True)]

    def _launch_settings(self, server_id: str) -> LaunchSettings | None:
        try:
            return self._drs.launch_settings(server_id)
        except AwsCallError as error:
            if error.explanation.kind is not ErrorKind.NOT_FOUND:
                raise
            return None

    def _last_jobs(self, instances: Iterable[RecoveryInstance]) -> dict[str, Job]:
        """The jobs that launched these recovery instances, by source server; deleted ones are left out."""
        servers: dict[str, list[str]] = {}
        for instance in instances:
            if instance.job_id:
                servers.setdefault(instance.job_id, []).append(instance.source_server_id)
        jobs = self._drs.jobs(sorted(servers)) if servers else []
        return {server: job for job in jobs for server in servers[job.job_id]}


def seconds_since(moment: str | None, now: datetime) -> float | None:
    return max(0.0, (now - parse_time(moment)).total_seconds()) if moment else None
