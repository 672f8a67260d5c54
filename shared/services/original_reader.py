"""Gathers from AWS where the servers of one site came from, and how far their failback is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AccessDeniedError, AwsCallError, ThrottledError
from shared.model.drs import Job, RecoveryInstance, SourceServer
from shared.model.ec2 import Instance
from shared.model.original import ContestedOriginal, OriginalRecord
from shared.model.pair import PairRecord
from shared.model.policies import Mode, StopWorkload
from shared.model.scope import Site
from shared.model.unreadable_site import UnreadableSite
from shared.rules.drs.drs_job_monitor import COMPLETED, EXECUTION_TAG
from shared.rules.failback.identity import IdentifyFacts, presumed_original
from shared.rules.resumption.adoption import Earlier
from shared.services.earlier_executions import EarlierExecutions
from shared.services.site_access import without_access
from shared.times import iso, parse_time

JOBS_WINDOW = timedelta(days=7)
"""How long ago an earlier execution may have launched what is to be finished now."""
REVERSED = "FAILBACK"
UNINITIALIZED = "UninitializedAccountException"
_LAST_RESORT = ("STOPPED", "DISCONNECTED")
"""States of reversed servers that are being retired: one in another state is the one that counts."""

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record: pairs and originals by source server, contested originals by their own ids."""

    pairs: Mapping[str, PairRecord]
    contested: Mapping[str, ContestedOriginal]
    originals: Mapping[str, OriginalRecord]


@dataclass(frozen=True, slots=True)
class _Origin:
    """The state of the origin scope. ``reversed`` by the instance that replicates."""

    readable: bool = True
    denied: UnreadableSite | None = None
    reversed: dict[str, SourceServer] = field(default_factory=dict)
    instances: dict[str, RecoveryInstance] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    originals: dict[str, Instance] = field(default_factory=dict)


class OriginalReader:
    """Reads one site. Unlike in a failover the origin must answer; no answer is a fact, too."""

    def __init__(self, accounts: MemberAccounts, site: Site) -> None:
        self._site = site
        self._drs = DrsClient(accounts, site.recovery)
        self._ec2 = Ec2Client(accounts, site.recovery)
        self._origin_drs = DrsClient(accounts, site.origin)
        self._origin_ec2 = Ec2Client(accounts, site.origin)

    def source_servers(self) -> list[SourceServer]:
        """Every source server of the recovery scope, which two sites may share."""
        return self._drs.source_servers(self._site.name)

    def read(
        self,
        servers: Sequence[SourceServer],
        known: Known,
        confirmed: Mapping[str, str],
        earlier: EarlierExecutions,
        recent: Sequence[str],
        stop_workload: StopWorkload,
        now: datetime,
    ) -> dict[str, IdentifyFacts]:
        """The facts of every server, by its id. ``confirmed``: original by instance on the recovery side;
        ``recent``: ids of failbacks that may have begun what is to be finished.
        """
        if not servers:
            return {}
        pairs = known.pairs
        recovery = _by_server(self._drs.recovery_instances_of_scope(), pairs)
        workload_ids = {
            server.source_server_id: _workload_id(
                recovery.get(server.source_server_id), pairs.get(server.source_server_id)
            )
            for server in servers
        }
        workloads = self._instances(self._ec2, workload_ids.values())
        presumed = {
            server.source_server_id: presumed_original(
                server,
                pairs.get(server.source_server_id),
                confirmed.get(workload_ids[server.source_server_id] or ""),
            )
            for server in servers
        }
        origin = self._origin(sorted({original for original in presumed.values() if original}), now)
        facts: dict[str, IdentifyFacts] = {}
        for server in servers:
            server_id = server.source_server_id
            workload_id = workload_ids[server_id] or ""
            reversed_server = origin.reversed.get(workload_id)
            reversed_id = reversed_server.source_server_id if reversed_server else ""
            pair, job = pairs.get(server_id), origin.jobs.get(reversed_id)
            last = _last_failback(server_id, pair, job, earlier, recent)
            facts[server_id] = IdentifyFacts(
                server=server,
                pair=pair,
                recovery_instance=recovery.get(server_id),
                workload=workloads.get(workload_id),
                original=origin.originals.get(presumed[server_id] or ""),
                origin=self._site.origin,
                origin_readable=origin.readable,
                origin_denied=origin.denied,
                reversed_server=reversed_server,
                failback_instance=origin.instances.get(reversed_id),
                confirmed_original=confirmed.get(workload_id),
                earlier_job=job,
                earlier=last.server if last else None,
                earlier_execution=_launcher(last, job) if last else None,
                stop_workload=stop_workload,
                contested=known.contested.get(presumed[server_id] or ""),
                recorded_original=known.originals.get(server_id),
            )
        return facts

    def _origin(self, original_ids: Sequence[str], now: datetime) -> _Origin:
        try:
            originals = self._instances(self._origin_ec2, original_ids)
            try:
                servers = self._origin_drs.source_servers(self._site.name)
                instances = self._origin_drs.recovery_instances_of_scope()
                jobs = self._origin_drs.jobs_since(iso(now - JOBS_WINDOW))
            except AwsCallError as error:
                if error.code != UNINITIALIZED:
                    raise
                return _Origin(originals=originals)  # the checks say what to do about it
        except ThrottledError:
            raise
        except AwsCallError as error:
            logger.warning("origin not readable", extra={"site": self._site.name, "error": str(error)})
            denied = without_access(self._site, error) if isinstance(error, AccessDeniedError) else None
            return _Origin(readable=False, denied=denied)
        return _Origin(
            reversed=reversed_by_instance(servers),
            instances={instance.source_server_id: instance for instance in instances},
            jobs=_own_launches(jobs),
            originals=originals,
        )

    @staticmethod
    def _instances(ec2: Ec2Client, instance_ids: Iterable[str | None]) -> dict[str, Instance]:
        wanted = sorted({instance_id for instance_id in instance_ids if instance_id})
        return {i.instance_id: i for i in ec2.instances(wanted) if i.state != "terminated"} if wanted else {}


def reversed_by_instance(servers: Iterable[SourceServer]) -> dict[str, SourceServer]:
    """The reversed servers of an origin scope by the EC2 id in their identification hints.

    That id is the only key: ``reversedDirectionSourceServerArn`` goes stale over the rounds (observed in
    the field).
    """
    found: dict[str, SourceServer] = {}
    for server in servers:
        instance_id = server.original_instance_id
        if server.replication_direction != REVERSED or not instance_id:
            continue
        known = found.get(instance_id)
        if known is None or known.replication_state in _LAST_RESORT:
            found[instance_id] = server
    return found


def _by_server(
    instances: Iterable[RecoveryInstance], pairs: Mapping[str, PairRecord]
) -> dict[str, RecoveryInstance]:
    """The recovery instance of every server; of several the one that its pair is recorded with."""
    found: dict[str, RecoveryInstance] = {}
    for instance in instances:
        pair = pairs.get(instance.source_server_id)
        if instance.source_server_id not in found or (
            pair is not None and pair.pair_instance_id == instance.ec2_instance_id
        ):
            found[instance.source_server_id] = instance
    return found


def _workload_id(instance: RecoveryInstance | None, pair: PairRecord | None) -> str | None:
    if instance is not None:
        return instance.ec2_instance_id
    return pair.pair_instance_id if pair else None


def _own_launches(jobs: Sequence[Job]) -> dict[str, Job]:
    """By server: the unfinished, else the newest launch that one of our executions started."""
    found: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: (job.status == COMPLETED, _backwards(job.created_at))):
        if job.type == "LAUNCH" and EXECUTION_TAG in job.tags:
            for server in job.servers:
                found.setdefault(server.source_server_id, job)
    return found


def _backwards(created_at: str) -> float:
    return -parse_time(created_at).timestamp()


def _last_failback(
    server_id: str,
    pair: PairRecord | None,
    job: Job | None,
    earlier: EarlierExecutions,
    recent: Sequence[str],
) -> Earlier | None:
    """The newest earlier failback that did something for the server."""
    ids = {*recent, pair.last_failback if pair else None, job.tags.get(EXECUTION_TAG) if job else None}
    known = [one for execution_id in ids if (one := earlier.of(execution_id, server_id))]
    acted = [one for one in known if one.execution.mode is Mode.FAILBACK and _acted(one)]
    return max(acted, key=lambda one: one.execution.started_at, default=None)


def _acted(earlier: Earlier) -> bool:
    server = earlier.server
    return server is not None and bool(server.failback.reverse_requested_at or server.job_id)


def _launcher(earlier: Earlier, job: Job | None) -> str | None:
    """Which execution made the launch that this one left: an adopted launch is still its maker's."""
    if job is not None and earlier.server is not None and earlier.server.job_id == job.job_id:
        return job.tags.get(EXECUTION_TAG)
    return earlier.execution.execution_id
