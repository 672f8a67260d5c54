"""Gathers from AWS what the prerequisite checks look at, for the servers of one site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from aws_lambda_powertools import Logger

from shared.aws.cross_account import BRIEF, MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AwsCallError
from shared.aws.iam import IamClient
from shared.aws.rate_limits import in_parallel
from shared.model.drs import Job, RecoveryInstance, SourceServer
from shared.model.ec2 import Instance
from shared.model.execution import ExecutionRecord
from shared.model.iam import ExecutionRoles
from shared.model.pair import PairRecord
from shared.model.policies import Mode
from shared.model.prerequisite_facts import ProfileFacts, ScopeFacts, ServerFacts
from shared.model.quotas import ScopeLimits
from shared.model.scope import Site
from shared.model.server import ServerRecord
from shared.rules.drs.drs_error_handler import ErrorKind
from shared.rules.drs.drs_job_monitor import servers_in_progress, unfinished
from shared.rules.launch.launch_permissions import launch_questions, stop_questions

READERS = 10
"""Parallel calls about instance profiles; IAM publishes no rates."""

logger = Logger(child=True)

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """``jobs``: by source server, the unfinished job that holds it, else that of its recovery instance."""

    scope: ScopeFacts
    servers: dict[str, ServerFacts]
    jobs: dict[str, Job]


class PrerequisiteReader:
    """Reads one site. The origin side is asked briefly and may stay silent: it may be what is down."""

    def __init__(self, accounts: MemberAccounts, site: Site, roles: ExecutionRoles) -> None:
        self._site = site
        self._roles = roles
        self._drs = DrsClient(accounts, site.recovery)
        self._ec2 = Ec2Client(accounts, site.recovery)
        self._origin_ec2 = Ec2Client(accounts, site.origin, BRIEF)
        self._iam = IamClient(accounts, site.recovery)

    def read(
        self,
        records: Sequence[ServerRecord],
        sources: Sequence[SourceServer],
        instances: Callable[[Sequence[str]], Sequence[Instance]],
        pairs: Mapping[str, PairRecord],
        held: Mapping[str, ExecutionRecord],
        jobs_since: str,
        mode: Mode,
        limits: ScopeLimits,
    ) -> SiteFacts:
        """The facts of every record; ``held`` says which server is held by which other execution.

        Targets are looked at again, since it may be a while since discovery. ``instances`` gives what that
        found of some ids, and is asked for the targets that are gone by now.
        """
        source_by_id = {source.source_server_id: source for source in sources}
        ids = [record.source_server_id for record in records]
        targets = self._targets(records, instances)
        originals = self._originals([record.original_instance_id for record in records])
        jobs = unfinished(self._drs.jobs_since(jobs_since)) if records else ()
        busy = _job_by_server(jobs)
        recovery = {r.source_server_id: r for r in self._drs.recovery_instances(ids)} if ids else {}
        of_server = self._last_jobs(recovery.values()) | busy
        launch = self._of_each("GetLaunchConfiguration", self._drs.launch_settings, ids)
        doubtful = [key for key in ids if source_by_id[key].replication_state != "CONTINUOUS"]
        points = self._of_each("DescribeRecoverySnapshots", self._drs.has_recovery_point, doubtful)
        profile_arns = sorted({t.instance_profile_arn for t in targets if t.instance_profile_arn})
        profiles = dict(zip(profile_arns, _parallel(self._profile, profile_arns), strict=True))
        subnets = {target.subnet_id for target in targets if target.subnet_id}
        groups = {group for target in targets for group in target.security_group_ids}
        missing_subnets = self._ec2.missing_subnets(sorted(subnets)) if subnets else set()
        missing_groups = self._ec2.missing_security_groups(sorted(groups)) if groups else set()
        servers = {}
        for record, target in zip(records, targets, strict=True):
            pair = pairs.get(record.source_server_id)
            job, holder = busy.get(record.source_server_id), held.get(record.source_server_id)
            servers[record.source_server_id] = ServerFacts(
                server=source_by_id[record.source_server_id],
                target=target,
                original=originals.get(record.original_instance_id or ""),
                launch=launch[record.source_server_id],
                # A record of another pair says nothing about this one's address.
                recorded_private_ip=(
                    pair.private_ip if pair and pair.pair_instance_id == target.instance_id else None
                ),
                active_job_id=job.job_id if job else None,
                locked_by_execution=holder.execution_id if holder else None,
                locked_by_mode=holder.mode if holder else None,
                recovery_instance=recovery.get(record.source_server_id),
                subnet_exists=target.subnet_id not in missing_subnets,
                missing_security_groups=tuple(
                    group for group in target.security_group_ids if group in missing_groups
                ),
                has_recovery_point=points.get(record.source_server_id),
                profile=profiles.get(target.instance_profile_arn or ""),
                recorded_workload_side=pair.workload_side if pair else None,
                mode=mode,
            )
        scope = ScopeFacts(
            scope=self._site.recovery,
            jobs_in_progress=len(jobs),
            servers_in_jobs=len(servers_in_progress(jobs)),
            servers_to_launch=len(records),
            denied_actions=self._denied(records, source_by_id),
            limits=limits,
        )
        return SiteFacts(scope, servers, of_server)

    def _of_each(self, api: str, look: Callable[[str], B], ids: Sequence[str]) -> dict[str, B | None]:
        """What ``look`` says of each source server, None for one that is no more."""
        found = in_parallel(_if_there(look), ids, api=api, scope=lambda server_id: self._site.recovery)
        return dict(zip(ids, found, strict=True))

    def _targets(
        self, records: Sequence[ServerRecord], found: Callable[[Sequence[str]], Sequence[Instance]]
    ) -> list[Instance]:
        ids = [record.pair_instance_id or "" for record in records]
        known = {i.instance_id: i for i in self._ec2.instances(ids)} if ids else {}
        if gone := [target for target in ids if target not in known]:
            known |= {i.instance_id: replace(i, state="terminated") for i in found(gone)}
        return [known[target] for target in ids]

    def _last_jobs(self, instances: Iterable[RecoveryInstance]) -> dict[str, Job]:
        """The jobs that launched these recovery instances, by source server; deleted ones are left out."""
        servers: dict[str, list[str]] = {}
        for instance in instances:
            if instance.job_id:
                servers.setdefault(instance.job_id, []).append(instance.source_server_id)
        jobs = self._drs.jobs(sorted(servers)) if servers else []
        return {server: job for job in jobs for server in servers[job.job_id]}

    def _originals(self, instance_ids: Sequence[str | None]) -> dict[str, Instance]:
        wanted = sorted({instance_id for instance_id in instance_ids if instance_id})
        if not wanted:
            return {}
        try:
            return {i.instance_id: i for i in self._origin_ec2.instances(wanted)}
        except AwsCallError as error:
            logger.warning("origin not readable", extra={"site": self._site.name, "error": str(error)})
            return {}

    def _denied(
        self, records: Sequence[ServerRecord], sources: Mapping[str, SourceServer]
    ) -> tuple[str, ...] | None:
        """Asked for one server: the roles' policies tell servers apart by nothing but their tags."""
        if not records:
            return None
        source_arn = sources[records[0].source_server_id].arn
        target = records[0].pair_instance_id or ""
        return self._iam.denied_to_roles(
            {
                self._roles.launch: launch_questions(source_arn, target),
                self._roles.stop: stop_questions(source_arn, target),
            }
        )

    def _profile(self, arn: str) -> ProfileFacts | None:
        names = self._iam.profile_policies(arn)
        return None if names is None else ProfileFacts(names)


def _job_by_server(jobs: Sequence[Job]) -> dict[str, Job]:
    return {server.source_server_id: job for job in jobs for server in job.servers}


def _if_there(look: Callable[[str], B]) -> Callable[[str], B | None]:
    """``look``, or None for a server that is no more: it must not end the check of its neighbours."""

    def found(server_id: str) -> B | None:
        try:
            return look(server_id)
        except AwsCallError as error:
            if error.explanation.kind is not ErrorKind.NOT_FOUND:
                raise
            return None

    return found


def _parallel(look: Callable[[A], B], items: Sequence[A]) -> list[B]:
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(look, items))
