"""Gathers from AWS what the prerequisite checks read, for the servers of one site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AwsCallError, AwsUnavailableError, ThrottledError
from shared.aws.iam import IamClient
from shared.aws.rate_limits import in_parallel
from shared.model.drs import Job, LaunchSettings, RecoveryInstance, SourceServer
from shared.model.ec2 import Instance
from shared.model.execution import ExecutionRecord
from shared.model.iam import ExecutionRoles, Permissions, PermissionsRecord
from shared.model.original import ContestedOriginal, OriginalRecord
from shared.model.pair import PairRecord
from shared.model.policies import Mode
from shared.model.prerequisite_facts import ProfileFacts, ScopeFacts, ServerFacts
from shared.model.quotas import ScopeLimits
from shared.model.scope import Site
from shared.model.server import ServerRecord
from shared.rules.checks.replication import recovery_point
from shared.rules.drs.drs_error_handler import ErrorKind
from shared.rules.drs.drs_job_monitor import job_by_server, servers_in_progress, unfinished
from shared.rules.launch.launch_permissions import launch_questions, stop_questions
from shared.services.origin_reader import OriginalsSeen, read_originals
from shared.services.pair_reader import seconds_since
from shared.services.profile_reader import answer_to_record, profile_facts, profile_of

B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is on record around the servers to check.

    ``sources`` by source server id. ``locked_by``: the other execution, not over, that has locked a server.
    ``jobs_since`` (ISO 8601): jobs that began before it do not run any more. ``rpo_seconds``: the plan's.
    ``contested`` by original; ``recorded_originals`` by source server, as quiet times recorded them.
    ``last_permissions``: likewise.
    """

    sources: Mapping[str, SourceServer]
    locked_by: Mapping[str, ExecutionRecord]
    jobs_since: str
    limits: ScopeLimits
    now: datetime
    rpo_seconds: int | None = None
    contested: Mapping[str, ContestedOriginal] = field(default_factory=dict)
    recorded_originals: Mapping[str, OriginalRecord] = field(default_factory=dict)
    last_permissions: PermissionsRecord | None = None


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """``scope`` is None where the site has no server to check. ``answer``: of IAM, for later."""

    scope: ScopeFacts | None
    servers: dict[str, ServerFacts]
    answer: PermissionsRecord | None = None


@dataclass(frozen=True, slots=True)
class _Around:
    """The state of the servers (by source server id) and of what surrounds them (by its own id)."""

    originals: OriginalsSeen
    jobs: Mapping[str, Job]
    native_plan_runs: Mapping[str, str]
    recovery: Mapping[str, RecoveryInstance]
    launch: Mapping[str, LaunchSettings | None]
    launched_into: Mapping[str, Instance]
    recovery_points: Mapping[str, bool | None]
    profiles: Mapping[str, ProfileFacts]
    missing_subnets: set[str]
    missing_groups: set[str]


class PrerequisiteReader:
    """Reads one site. The origin is read with a short time-out: it may be what is down."""

    def __init__(self, accounts: MemberAccounts, site: Site, roles: ExecutionRoles) -> None:
        self._accounts = accounts
        self._site = site
        self._roles = roles
        self._drs = DrsClient(accounts, site.recovery)
        self._ec2 = Ec2Client(accounts, site.recovery)
        self._iam = IamClient(accounts, site.recovery)

    def read(
        self,
        records: Sequence[ServerRecord],
        recorded: Recorded,
        instances: Callable[[Sequence[str]], Sequence[Instance]],
        pairs: Mapping[str, PairRecord],
        mode: Mode,
    ) -> SiteFacts:
        """The facts of every record.

        Targets are read again, since discovery may be a while ago. ``instances`` gives what discovery found
        of some ids: it is asked for targets that EC2 does not list any more.
        """
        if not records:
            return SiteFacts(None, {})
        targets = self._targets(records, instances)
        jobs = unfinished(self._drs.jobs_since(recorded.jobs_since))
        # Before the profiles: where IAM is silent, one call finds it out.
        permissions = self._permissions(records[0], recorded.sources)
        around = self._around(records, targets, recorded, jobs)
        servers = {
            record.source_server_id: _facts(
                record, target, recorded, around, pairs.get(record.source_server_id), mode
            )
            for record, target in zip(records, targets, strict=True)
        }
        scope = ScopeFacts(
            scope=self._site.recovery,
            jobs_in_progress=len(jobs),
            servers_in_jobs=len(servers_in_progress(jobs)),
            servers_to_launch=len(records),
            permissions=permissions,
            last_permissions=recorded.last_permissions,
            origin_silence=around.originals.silence,
            limits=recorded.limits,
        )
        answer = answer_to_record(
            permissions, around.profiles, self._site.recovery, Mode.FAILOVER, recorded.now
        )
        return SiteFacts(scope, servers, answer)

    def _around(
        self,
        records: Sequence[ServerRecord],
        targets: Sequence[Instance],
        recorded: Recorded,
        jobs: Sequence[Job],
    ) -> _Around:
        ids = [record.source_server_id for record in records]
        in_doubt = [key for key in ids if recorded.sources[key].replication_state != "CONTINUOUS"]
        subnets = {target.subnet_id for target in targets if target.subnet_id}
        groups = {group for target in targets for group in target.security_group_ids}
        launch = self._of_each("GetLaunchConfiguration", self._drs.launch_settings, ids)
        named = {settings.launch_into_instance_id for settings in launch.values() if settings}
        others = sorted(one for one in named if one and one not in {target.instance_id for target in targets})
        known = [*targets, *(self._ec2.instances(others) if others else [])]
        return _Around(
            originals=read_originals(
                self._accounts, self._site.origin, [record.original_instance_id for record in records]
            ),
            jobs=job_by_server(jobs),
            native_plan_runs=native_plan_runs(self._drs),
            recovery={r.source_server_id: r for r in self._drs.recovery_instances(ids)},
            launch=launch,
            launched_into={instance.instance_id: instance for instance in known},
            recovery_points=self._of_each(
                "DescribeRecoverySnapshots", self._drs.has_recovery_point, in_doubt
            ),
            profiles=profile_facts(self._iam, targets, recorded.last_permissions),
            missing_subnets=self._ec2.missing_subnets(sorted(subnets)) if subnets else set(),
            missing_groups=self._ec2.missing_security_groups(sorted(groups)) if groups else set(),
        )

    def _of_each(self, api: str, read: Callable[[str], B], ids: Sequence[str]) -> dict[str, B | None]:
        """What ``read`` gives for each source server, None for one that no longer exists."""
        found = in_parallel(_if_there(read), ids, api=api, scope=lambda server_id: self._site.recovery)
        return dict(zip(ids, found, strict=True))

    def _targets(
        self, records: Sequence[ServerRecord], found: Callable[[Sequence[str]], Sequence[Instance]]
    ) -> list[Instance]:
        ids = [record.pair_instance_id or "" for record in records]
        known = {i.instance_id: i for i in self._ec2.instances(ids)}
        if missing := [target for target in ids if target not in known]:
            known |= {i.instance_id: replace(i, state="terminated") for i in found(missing)}
        return [known[target] for target in ids]

    def _permissions(self, record: ServerRecord, sources: Mapping[str, SourceServer]) -> Permissions:
        """Asked for one server: the roles' policies distinguish servers only by their tags."""
        source_arn = sources[record.source_server_id].arn
        target = record.pair_instance_id or ""
        return self._iam.permissions_of_roles(
            {
                self._roles.launch: launch_questions(source_arn, target),
                self._roles.stop: stop_questions(source_arn, target),
            }
        )


def native_plan_runs(drs: DrsClient) -> dict[str, str]:
    """Empty where DRS does not say: a member stack of before may lack the permission, and a server that such
    a plan has is refused by StartRecovery in any case (DRS user guide, recovery plans)."""
    try:
        return drs.native_plan_runs()
    except (ThrottledError, AwsUnavailableError):
        raise
    except AwsCallError:
        return {}


def _facts(
    record: ServerRecord,
    target: Instance,
    recorded: Recorded,
    around: _Around,
    pair: PairRecord | None,
    mode: Mode,
) -> ServerFacts:
    server_id = record.source_server_id
    job, holder = around.jobs.get(server_id), recorded.locked_by.get(server_id)
    launch = around.launch[server_id]
    into = launch.launch_into_instance_id if launch else None
    server = recorded.sources[server_id]
    # A record of another pair does not hold this one's address.
    same_pair = pair is not None and pair.pair_instance_id == target.instance_id
    return ServerFacts(
        server=server,
        target=target,
        original=around.originals.instances.get(record.original_instance_id or ""),
        launch=launch,
        recorded_private_ip=pair.private_ip if pair and same_pair else None,
        active_job_id=job.job_id if job else None,
        native_plan_run=around.native_plan_runs.get(server_id),
        locked_by_execution=holder.execution_id if holder else None,
        locked_by_mode=holder.mode if holder else None,
        recovery_instance=around.recovery.get(server_id),
        subnet_exists=target.subnet_id not in around.missing_subnets,
        missing_security_groups=tuple(g for g in target.security_group_ids if g in around.missing_groups),
        has_recovery_point=around.recovery_points.get(server_id),
        profile=around.profiles.get(profile_of(target)),
        recorded_workload_side=pair.workload_side if pair else None,
        failed_back_at=pair.last_failback_at if pair and pair.workload_side == "ORIGIN" else None,
        contested=recorded.contested.get(record.original_instance_id or ""),
        recorded_original=recorded.recorded_originals.get(server_id),
        mode=mode,
        recorded_target=pair.pair_instance_id if pair else None,
        paired_by=record.paired_by,
        seen_seconds_ago=seconds_since(server.last_seen, recorded.now),
        recovery_point=recovery_point(server, recorded.now),
        rpo_seconds=recorded.rpo_seconds,
        launches_into=around.launched_into.get(into or "") if into != target.instance_id else None,
    )


def _if_there(read: Callable[[str], B]) -> Callable[[str], B | None]:
    """``read``, or None for a server that no longer exists: it must not end the check of its neighbours."""

    def found(server_id: str) -> B | None:
        try:
            return read(server_id)
        except AwsCallError as error:
            if error.explanation.kind is not ErrorKind.NOT_FOUND:
                raise
            return None

    return found
