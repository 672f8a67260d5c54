"""Gathers from AWS what the checks before a reverse replication look at, for the servers of one site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

from aws_lambda_powertools import Logger

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient, LaunchTemplate, ReplicationTemplate
from shared.aws.ec2_client import Ec2Client
from shared.aws.ec2_network import Ec2Network
from shared.aws.errors import AwsCallError, ThrottledError
from shared.aws.iam import IamClient
from shared.model.drs import Job, SourceServer
from shared.model.ec2 import Instance, InstanceHealth
from shared.model.iam import ExecutionRoles, Question
from shared.model.prerequisite_facts import ProfileFacts, ScopeFacts
from shared.model.quotas import ScopeLimits
from shared.model.scope import Site
from shared.model.server import ServerRecord
from shared.rules.checks.reverse import AGENT_ACTIONS
from shared.rules.checks.reverse_facts import (
    ANYWHERE,
    MetadataFacts,
    NetworkFacts,
    OriginScopeFacts,
    ReverseServerFacts,
)
from shared.rules.drs.drs_job_monitor import servers_in_progress, unfinished
from shared.rules.failback.original_identifier import Stage
from shared.rules.failback.stages import stage_of
from shared.rules.launch.launch_permissions import launch_questions, reversal_question, stop_questions
from shared.services.original_reader import UNINITIALIZED

READERS = 10
"""Parallel calls about instance profiles; IAM publishes no rates."""
AT_REST = ("STOPPED", "DISCONNECTED")
ANY_SERVER = "s-00000000000000000"

logger = Logger(child=True)

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class ReverseSiteFacts:
    """``scope`` is None where the site has no server to check."""

    scope: OriginScopeFacts | None
    servers: dict[str, ReverseServerFacts]


@dataclass(frozen=True, slots=True)
class _Origin:
    """What DRS says at the origin."""

    initialized: bool = True
    sources: list[SourceServer] = field(default_factory=list)
    jobs: tuple[Job, ...] = ()
    replication: ReplicationTemplate | None = None
    launch: LaunchTemplate = field(default_factory=LaunchTemplate)


class ReversePrerequisiteReader:
    """Reads one site, both sides: unlike in a failover the origin must answer."""

    def __init__(self, accounts: MemberAccounts, site: Site, roles: ExecutionRoles) -> None:
        self._site = site
        self._roles = roles
        self._drs = DrsClient(accounts, site.recovery)
        self._ec2 = Ec2Client(accounts, site.recovery)
        self._network = Ec2Network(accounts, site.recovery)
        self._iam = IamClient(accounts, site.recovery)
        self._origin_drs = DrsClient(accounts, site.origin)
        self._origin_ec2 = Ec2Client(accounts, site.origin)
        self._origin_network = Ec2Network(accounts, site.origin)
        self._origin_iam = IamClient(accounts, site.origin)

    def read(
        self,
        records: Sequence[ServerRecord],
        sources: Mapping[str, SourceServer],
        held: Mapping[str, str],
        jobs_since: str,
        limits: ScopeLimits,
    ) -> ReverseSiteFacts:
        """The facts of every record; ``held`` says which server is held by which other execution."""
        if not records:
            return ReverseSiteFacts(None, {})
        stages = {record.source_server_id: stage_of(record) for record in records}
        to_reverse = [record for record in records if stages[record.source_server_id] is Stage.TO_REVERSE]
        origin = self._origin(jobs_since)
        instances = self._drs.recovery_instances([record.source_server_id for record in records])
        recovery = {(i.source_server_id, i.ec2_instance_id): i for i in instances}
        workload_ids = [record.workload_instance_id for record in records if record.workload_instance_id]
        workloads = {i.instance_id: i for i in self._ec2.instances(workload_ids)}
        health = self._ec2.health(workload_ids)
        original_ids = [record.pair_instance_id for record in records if record.pair_instance_id]
        originals = {i.instance_id: i for i in self._origin_ec2.instances(original_ids)}
        reversed_servers = {source.source_server_id: source for source in origin.sources}
        busy = _job_by_server((*unfinished(self._drs.jobs_since(jobs_since)), *origin.jobs))
        asked = [
            workloads[r.workload_instance_id or ""] for r in to_reverse if r.workload_instance_id in workloads
        ]
        staging = self._staging_blocks(origin.replication)
        networks = self._networks(asked, origin.replication, staging)
        profiles, denied = self._profiles(asked)
        original_profiles = self._policies(self._origin_iam, list(originals.values()))
        servers = {}
        for record in records:
            workload = workloads.get(record.workload_instance_id or "")
            original = originals.get(record.pair_instance_id or "")
            job = busy.get(record.reversed_server_id or "") or busy.get(record.source_server_id)
            servers[record.source_server_id] = ReverseServerFacts(
                server=sources[record.source_server_id],
                stage=stages[record.source_server_id],
                recovery_instance=recovery.get((record.source_server_id, record.workload_instance_id or "")),
                workload=workload,
                workload_status_ok=_is_well(health.get(record.workload_instance_id or "")),
                original=original,
                reversed_server=reversed_servers.get(record.reversed_server_id or ""),
                network=networks.get(record.workload_instance_id or ""),
                metadata=_metadata(workload),
                workload_profile=profiles.get(_profile_of(workload)),
                original_profile=original_profiles.get(_profile_of(original)),
                denied_agent_actions=denied.get(_profile_of(workload)),
                active_job_id=job.job_id if job and job.job_id != record.job_id else None,
                locked_by_execution=held.get(record.source_server_id),
                stopped_for_cutover=record.workload_stop_requested_at is not None,
            )
        subnet = origin.replication.staging_subnet if origin.replication else None
        scope = OriginScopeFacts(
            launch=ScopeFacts(
                scope=self._site.origin,
                jobs_in_progress=len(origin.jobs),
                servers_in_jobs=len(servers_in_progress(origin.jobs)),
                servers_to_launch=len(records),
                denied_actions=self._denied(records, sources),
                drs_initialized=origin.initialized,
                limits=limits,
            ),
            replication_template=origin.replication is not None,
            staging_subnet=subnet,
            staging_subnet_exists=subnet in staging,
            replicating_servers=sum(s.replication_state not in AT_REST for s in origin.sources),
            servers_to_reverse=len(to_reverse),
            launch_into_source=origin.launch.launch_into_source,
            launch_copies=origin.launch.copies,
        )
        return ReverseSiteFacts(scope, servers)

    def _origin(self, jobs_since: str) -> _Origin:
        try:
            return _Origin(
                sources=self._origin_drs.source_servers(self._site.name),
                jobs=unfinished(self._origin_drs.jobs_since(jobs_since)),
                replication=self._origin_drs.replication_template(),
                launch=self._origin_drs.launch_template(),
            )
        except AwsCallError as error:
            if error.code != UNINITIALIZED:
                raise
            return _Origin(initialized=False)

    def _staging_blocks(self, template: ReplicationTemplate | None) -> dict[str, str]:
        """The block of the staging subnet by its id; empty if it does not exist."""
        if template is None or template.staging_subnet is None:
            return {}
        return self._origin_network.subnet_blocks([template.staging_subnet])

    def _networks(
        self,
        instances: Sequence[Instance],
        template: ReplicationTemplate | None,
        staging: Mapping[str, str],
    ) -> dict[str, NetworkFacts]:
        if not instances:
            return {}
        try:
            networks = self._network.ways_out(instances)
        except ThrottledError:
            raise
        except AwsCallError as error:
            logger.warning("network not readable", extra={"site": self._site.name, "error": str(error)})
            return {}
        private = template is not None and template.private_routing
        destination = next(iter(staging.values()), ANYWHERE) if private else ANYWHERE
        return {key: replace(facts, staging_destination=destination) for key, facts in networks.items()}

    def _profiles(
        self, instances: Sequence[Instance]
    ) -> tuple[dict[str, ProfileFacts], dict[str, tuple[str, ...] | None]]:
        """Policies, and what the agent may not do at the origin, by the ARN of the instance profile."""
        arns = sorted({_profile_of(instance) for instance in instances} - {""})
        agent = [Question(AGENT_ACTIONS, self._source_server_arn(arn.split(":")[1])) for arn in arns[:1]]
        denied = _parallel(lambda arn: self._iam.denied_to_profile(arn, agent), arns)
        return self._policies(self._iam, instances), dict(zip(arns, denied, strict=True))

    @staticmethod
    def _policies(iam: IamClient, instances: Sequence[Instance]) -> dict[str, ProfileFacts]:
        arns = sorted({_profile_of(instance) for instance in instances} - {""})
        found = zip(arns, _parallel(iam.profile_policies, arns), strict=True)
        return {arn: ProfileFacts(names) for arn, names in found if names is not None}

    def _denied(
        self, records: Sequence[ServerRecord], sources: Mapping[str, SourceServer]
    ) -> tuple[str, ...] | None:
        """Asked for one server: the roles' policies tell servers apart by nothing but their tags."""
        record = records[0]
        partition = sources[record.source_server_id].arn.split(":")[1]
        arn, original = self._source_server_arn(partition), record.pair_instance_id or ""
        reversing = [reversal_question(partition, self._site.recovery, record.workload_instance_id or "")]
        at_origin = self._origin_iam.denied_to_roles(
            {
                self._roles.launch: launch_questions(arn, original),
                self._roles.stop: stop_questions(arn, original),
            }
        )
        at_recovery = self._iam.denied_actions(self._roles.launch, reversing)
        return None if at_origin is None or at_recovery is None else at_origin + at_recovery

    def _source_server_arn(self, partition: str) -> str:
        origin = self._site.origin
        return f"arn:{partition}:drs:{origin.region}:{origin.account}:source-server/{ANY_SERVER}"


def _is_well(health: InstanceHealth | None) -> bool | None:
    return health.status_ok if health and health.state == "running" else None


def _metadata(instance: Instance | None) -> MetadataFacts | None:
    if instance is None or instance.metadata_endpoint is None:
        return None
    return MetadataFacts(
        endpoint_enabled=instance.metadata_endpoint == "enabled",
        tokens_required=instance.metadata_tokens == "required",
    )


def _profile_of(instance: Instance | None) -> str:
    return (instance and instance.instance_profile_arn) or ""


def _job_by_server(jobs: Sequence[Job]) -> dict[str, Job]:
    return {server.source_server_id: job for job in jobs for server in job.servers}


def _parallel(look: Callable[[A], B], items: Sequence[A]) -> list[B]:
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(look, items))
