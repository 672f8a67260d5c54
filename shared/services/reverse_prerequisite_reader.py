"""Gathers from AWS what the checks before a reverse replication read, for the servers of one site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aws_lambda_powertools import Logger

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.ec2_network import Ec2Network
from shared.aws.errors import AwsCallError, ThrottledError
from shared.aws.iam import IamClient, joined
from shared.model.drs import Job, LaunchTemplate, RecoveryInstance, ReplicationTemplate, SourceServer
from shared.model.ec2 import Instance, InstanceHealth
from shared.model.iam import ExecutionRoles, Permissions, PermissionsRecord, Question
from shared.model.policies import Mode
from shared.model.prerequisite_facts import ProfileFacts, ScopeFacts
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
from shared.rules.drs.drs_job_monitor import job_by_server, servers_in_progress, unfinished
from shared.rules.failback.identity import Stage
from shared.rules.failback.stages import stage_of
from shared.rules.launch.launch_permissions import launch_questions, reversal_question, stop_questions
from shared.services.original_reader import UNINITIALIZED
from shared.services.prerequisite_reader import Recorded
from shared.services.profile_reader import (
    answer_to_record,
    of_each_profile,
    profile_facts,
    profile_of,
    profiles_of,
)

NOT_REPLICATING = ("STOPPED", "DISCONNECTED")
ANY_SERVER = "s-00000000000000000"

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class ReverseSiteFacts:
    """``scope`` is None where the site has no server to check. ``answer``: of IAM, for later."""

    scope: OriginScopeFacts | None
    servers: dict[str, ReverseServerFacts]
    answer: PermissionsRecord | None = None


@dataclass(frozen=True, slots=True)
class _Origin:
    """The state of DRS at the origin."""

    initialized: bool = True
    sources: list[SourceServer] = field(default_factory=list)
    jobs: tuple[Job, ...] = ()
    replication: ReplicationTemplate | None = None
    launch: LaunchTemplate = field(default_factory=LaunchTemplate)


@dataclass(frozen=True, slots=True)
class _Around:
    """What surrounds the servers: instances, health and networks by EC2 id, profiles by ARN."""

    recovery: Mapping[tuple[str, str], RecoveryInstance]
    """By source server id and EC2 id."""
    workloads: Mapping[str, Instance]
    health: Mapping[str, InstanceHealth]
    originals: Mapping[str, Instance]
    reversed_servers: Mapping[str, SourceServer]
    jobs: Mapping[str, Job]
    networks: Mapping[str, NetworkFacts]
    profiles: Mapping[str, ProfileFacts]
    denied: Mapping[str, tuple[str, ...] | None]
    original_profiles: Mapping[str, ProfileFacts]
    stop_protected: frozenset[str]


class ReversePrerequisiteReader:
    """Reads one site, both sides: unlike in a failover, the origin must answer."""

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
        same = site.origin.account == site.recovery.account
        self._origin_iam = self._iam if same else IamClient(accounts, site.origin)

    def read(self, records: Sequence[ServerRecord], recorded: Recorded) -> ReverseSiteFacts:
        """The facts of every record."""
        if not records:
            return ReverseSiteFacts(None, {})
        origin = self._origin(recorded.jobs_since)
        permissions = self._permissions(records[0], recorded.sources)
        staging = self._staging_blocks(origin.replication)
        around = self._around(records, origin, recorded, staging)
        servers = {record.source_server_id: _facts(record, recorded, around) for record in records}
        scope = self._scope_facts(records, recorded, origin, staging, permissions)
        profiles = {**around.profiles, **around.original_profiles}
        answer = answer_to_record(permissions, profiles, self._site.origin, Mode.FAILBACK, recorded.now)
        return ReverseSiteFacts(scope, servers, answer)

    def _around(
        self,
        records: Sequence[ServerRecord],
        origin: _Origin,
        recorded: Recorded,
        staging: Mapping[str, str],
    ) -> _Around:
        recovery = self._drs.recovery_instances([record.source_server_id for record in records])
        workload_ids = [
            record.failback.workload_instance_id for record in records if record.failback.workload_instance_id
        ]
        workloads = {i.instance_id: i for i in self._ec2.instances(workload_ids)}
        health = self._ec2.health(workload_ids)
        original_ids = [record.pair_instance_id for record in records if record.pair_instance_id]
        originals = {i.instance_id: i for i in self._origin_ec2.instances(original_ids)}
        jobs = unfinished(self._drs.jobs_since(recorded.jobs_since))
        to_reverse = [
            workloads.get(r.failback.workload_instance_id or "") for r in records if _is_to_reverse(r)
        ]
        asked = [workload for workload in to_reverse if workload]
        return _Around(
            recovery={(i.source_server_id, i.ec2_instance_id): i for i in recovery},
            workloads=workloads,
            health=health,
            originals=originals,
            reversed_servers={source.source_server_id: source for source in origin.sources},
            jobs=job_by_server((*jobs, *origin.jobs)),
            networks=self._networks(asked, origin.replication, staging),
            profiles=profile_facts(self._iam, asked, recorded.last_permissions),
            denied=self._denied_to_agents(asked),
            original_profiles=profile_facts(self._origin_iam, originals.values(), recorded.last_permissions),
            stop_protected=_protected(self._ec2, workloads) | _protected(self._origin_ec2, originals),
        )

    def _scope_facts(
        self,
        records: Sequence[ServerRecord],
        recorded: Recorded,
        origin: _Origin,
        staging: Mapping[str, str],
        permissions: Permissions,
    ) -> OriginScopeFacts:
        subnet = origin.replication.staging_subnet if origin.replication else None
        return OriginScopeFacts(
            launch=ScopeFacts(
                scope=self._site.origin,
                jobs_in_progress=len(origin.jobs),
                servers_in_jobs=len(servers_in_progress(origin.jobs)),
                servers_to_launch=len(records),
                permissions=permissions,
                last_permissions=recorded.last_permissions,
                drs_initialized=origin.initialized,
                limits=recorded.limits,
            ),
            replication_template=origin.replication is not None,
            staging_subnet=subnet,
            staging_subnet_exists=subnet in staging,
            replicating_servers=sum(s.replication_state not in NOT_REPLICATING for s in origin.sources),
            servers_to_reverse=sum(_is_to_reverse(record) for record in records),
            launch_into_source=origin.launch.launch_into_source,
            launch_copies=origin.launch.copies,
        )

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
            networks = self._network.egress_of(instances)
        except ThrottledError:
            raise
        except AwsCallError as error:
            logger.warning("network not readable", extra={"site": self._site.name, "error": str(error)})
            return {}
        private = template is not None and template.private_routing
        destination = next(iter(staging.values()), ANYWHERE) if private else ANYWHERE
        return {key: replace(facts, staging_destination=destination) for key, facts in networks.items()}

    def _denied_to_agents(self, instances: Sequence[Instance]) -> dict[str, tuple[str, ...] | None]:
        """What the agent may not do at the origin, by the ARN of the instance profile."""
        arns = profiles_of(instances)
        agent = [Question(AGENT_ACTIONS, self._source_server_arn(arn.split(":")[1])) for arn in arns[:1]]
        return of_each_profile(lambda arn: self._iam.denied_to_profile(arn, agent), instances)

    def _permissions(self, record: ServerRecord, sources: Mapping[str, SourceServer]) -> Permissions:
        """Asked for one server: the roles' policies distinguish servers only by their tags."""
        partition = sources[record.source_server_id].arn.split(":")[1]
        arn, original = self._source_server_arn(partition), record.pair_instance_id or ""
        reversing = [
            reversal_question(partition, self._site.recovery, record.failback.workload_instance_id or "")
        ]
        at_origin = self._origin_iam.permissions_of_roles(
            {
                self._roles.launch: launch_questions(arn, original),
                self._roles.stop: stop_questions(arn, original),
            }
        )
        at_recovery = self._iam.permissions(self._roles.launch, reversing)
        return joined([at_origin, at_recovery])

    def _source_server_arn(self, partition: str) -> str:
        origin = self._site.origin
        return f"arn:{partition}:drs:{origin.region}:{origin.account}:source-server/{ANY_SERVER}"


def _facts(record: ServerRecord, recorded: Recorded, around: _Around) -> ReverseServerFacts:
    server_id, workload_id = record.source_server_id, record.failback.workload_instance_id or ""
    workload = around.workloads.get(workload_id)
    original = around.originals.get(record.pair_instance_id or "")
    job = around.jobs.get(record.failback.reversed_server_id or "") or around.jobs.get(server_id)
    holder = recorded.locked_by.get(server_id)
    return ReverseServerFacts(
        server=recorded.sources[server_id],
        stage=stage_of(record),
        recovery_instance=around.recovery.get((server_id, workload_id)),
        workload=workload,
        workload_status_ok=_passes_status_checks(around.health.get(workload_id)),
        original=original,
        reversed_server=around.reversed_servers.get(record.failback.reversed_server_id or ""),
        network=around.networks.get(workload_id),
        metadata=_metadata(workload),
        workload_profile=around.profiles.get(profile_of(workload)),
        original_profile=around.original_profiles.get(profile_of(original)),
        denied_agent_actions=around.denied.get(profile_of(workload)),
        active_job_id=job.job_id if job and job.job_id != record.job_id else None,
        active_job_scope=job.scope if job else None,
        locked_by_execution=holder.execution_id if holder else None,
        stopped_for_cutover=record.failback.workload_stop_requested_at is not None,
        moved_off_original_at=record.failback.moved_off_original_at,
        stop_protected=tuple(sorted({workload_id, record.pair_instance_id or ""} & around.stop_protected)),
    )


def _protected(ec2: Ec2Client, instances: Mapping[str, Instance]) -> frozenset[str]:
    """Of what runs; nothing where it cannot be asked, since the cutover stops the original first."""
    try:
        return frozenset(ec2.stop_protected([i for i, one in instances.items() if one.state == "running"]))
    except ThrottledError:
        raise
    except AwsCallError as error:
        logger.warning("stop protection not readable", extra={"scope": str(ec2.scope), "error": str(error)})
        return frozenset()


def _is_to_reverse(record: ServerRecord) -> bool:
    return stage_of(record) is Stage.TO_REVERSE


def _passes_status_checks(health: InstanceHealth | None) -> bool | None:
    return health.status_ok if health and health.state == "running" else None


def _metadata(instance: Instance | None) -> MetadataFacts | None:
    if instance is None or instance.metadata_endpoint is None:
        return None
    return MetadataFacts(
        endpoint_enabled=instance.metadata_endpoint == "enabled",
        tokens_required=instance.metadata_tokens == "required",
    )
