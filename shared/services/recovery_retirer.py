"""Carries out the steps by which the recovery side becomes what it was before the disaster.

The rule (``shared.rules.failback.retirement``) gives the order. This module makes each step's call after it
has read AWS: a reversed server is touched only when its direction and its hint identify it as one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from botocore.config import Config

from shared.aws.bisection import halves
from shared.aws.cross_account import STANDARD, MemberAccounts
from shared.aws.drs_client import DrsClient, chunks
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AwsCallError
from shared.model.drs import Job, RecoveryInstance, SourceServer
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE, Instance
from shared.model.pair import PairRecord
from shared.model.policies import RecoveryInstanceDisposition
from shared.model.prerequisite_facts import CheckFailure
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.rules.drs.drs_error_handler import ErrorKind
from shared.rules.drs.drs_job_monitor import servers_in_progress
from shared.rules.failback.retirement import RetireFacts, RetireStep, next_step, refusal, was_there_before
from shared.rules.failback.workloads import started_again
from shared.times import iso

CALLERS = 10
SERVERS_PER_JOB = 100
JOBS_WINDOW = timedelta(days=1)
MANAGED_TAG = "AWSElasticDisasterRecoveryManaged"
"""On every EC2 resource that DRS created, and never on one that it launched into."""
WAITS = (RetireStep.AWAIT_STOPPED, RetireStep.AWAIT_TERMINATED)
HOPELESS = (ErrorKind.DENIED, ErrorKind.INVALID)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a server stands after a poll. Neither done nor hopeless: poll again.

    ``acted``: a call was made and something may come next at once; ``issue``: what delayed it.
    """

    done: bool = False
    acted: bool = False
    hopeless: bool = False
    issue: CheckFailure | None = None


@dataclass(frozen=True, slots=True)
class _Around:
    """What AWS has of one server: A2, A3, B2, B3 and A1 of the reference, each None if it does not exist."""

    reversed_server: SourceServer | None
    failback_instance: RecoveryInstance | None
    recovery_instance: RecoveryInstance | None
    workload: Instance | None
    original: Instance | None
    terminating: bool
    launched_by: Job | None


@dataclass(frozen=True, slots=True)
class MayEnd:
    """What may be terminated: by the plan's ``disposition``, the ids in the request, and our records."""

    disposition: RecoveryInstanceDisposition
    instance_ids: Collection[str]
    pairs: Mapping[str, PairRecord]


class RecoveryRetirer:
    """For servers that run at the origin and are protected again, of any sites."""

    def __init__(
        self, accounts: MemberAccounts, may_end: MayEnd, now: datetime, config: Config = STANDARD
    ) -> None:
        self._accounts = accounts
        self._may_end = may_end
        self._now = now
        self._config = config

    def poll(self, servers: Sequence[ServerRecord]) -> dict[str, Progress]:
        """Read every server and take its next step; the progress by source server id."""
        around = self._read(servers)
        steps = {s.source_server_id: self._step(s, around[s.source_server_id]) for s in servers}
        progress = {key: found for key, found in steps.items() if isinstance(found, Progress)}
        to_end = [s for s in servers if steps[s.source_server_id] is RetireStep.TERMINATE]
        progress |= self._terminate(to_end, around)
        rest = [s for s in servers if s.source_server_id not in progress]

        def call(server: ServerRecord) -> Progress:
            key = server.source_server_id
            return _made(self._calls(server, around[key])[steps[key]])

        with ThreadPoolExecutor(CALLERS) as pool:
            made = pool.map(call, rest)
            return progress | {s.source_server_id: one for s, one in zip(rest, made, strict=True)}

    def _step(self, server: ServerRecord, around: _Around) -> RetireStep | Progress:
        """The call to make, or the progress where there is none to make."""
        facts = self._facts(server, around)
        issue = _not_its_own(server, around) or _started_again(server, around) or refusal(facts)
        if issue:
            return Progress(hopeless=True, issue=issue)
        step = next_step(facts)
        if step is None:
            return Progress(done=True)
        if step in (RetireStep.STOP_INSTANCE, RetireStep.TERMINATE) and not _runs(around.original):
            return Progress(issue=_other_side(server, around.original))
        if step in WAITS:
            return Progress(
                issue=CheckFailure(f"{server.failback.workload_instance_id} has yet to end: {step}.", _WAIT)
            )
        return step

    def _terminate(
        self, servers: Sequence[ServerRecord], around: Mapping[str, _Around]
    ) -> dict[str, Progress]:
        """Few jobs for many instances: DRS runs 20 at a time. It takes a call or refuses it as a whole."""
        ids = {s.source_server_id: _id_of(around[s.source_server_id].recovery_instance) for s in servers}
        pending = [
            (scope, chunk)
            for scope in sorted({_recovery(server) for server in servers})
            for chunk in chunks(
                [s.source_server_id for s in servers if _recovery(s) == scope], SERVERS_PER_JOB
            )
        ]
        progress: dict[str, Progress] = {}
        while pending:
            scope, some = pending.pop()
            drs = self._drs(scope)
            made = _made(partial(drs.terminate_recovery_instances, [ids[key] for key in some]))
            parts = halves(some) if made.hopeless else []
            pending += [(scope, part) for part in parts]
            if not parts:
                progress |= dict.fromkeys(some, made)
        return progress

    def _calls(
        self, server: ServerRecord, around: _Around
    ) -> Mapping[RetireStep | Progress, Callable[[], object]]:
        origin, recovery = self._drs(server.scope), self._drs(_recovery(server))
        ec2 = Ec2Client(self._accounts, _recovery(server), self._config)
        reversed_id = around.reversed_server.source_server_id if around.reversed_server else ""
        failback, recovered = _id_of(around.failback_instance), _id_of(around.recovery_instance)
        workload = server.failback.workload_instance_id or ""
        tag = {TARGET_TAG_KEY: TARGET_TAG_VALUE}
        return {
            RetireStep.STOP_REPLICATION: lambda: origin.stop_replication(reversed_id),
            RetireStep.STOP_INSTANCE: lambda: _raise(ec2.stop([workload])),
            RetireStep.DELETE_RECOVERY_INSTANCE: lambda: recovery.delete_recovery_instance(recovered),
            RetireStep.DELETE_FAILBACK_INSTANCE: lambda: origin.delete_recovery_instance(failback),
            RetireStep.DISCONNECT_REVERSED: lambda: origin.disconnect_source_server(reversed_id),
            RetireStep.DELETE_REVERSED: lambda: origin.delete_source_server(reversed_id),
            RetireStep.TAG_TARGET: lambda: ec2.create_tags([workload], tag),
        }

    def _facts(self, server: ServerRecord, around: _Around) -> RetireFacts:
        workload, pair = around.workload, self._may_end.pairs.get(server.source_server_id)
        to_end = (
            workload is not None
            and workload.instance_id in self._may_end.instance_ids
            and not was_there_before(workload.instance_id, pair, around.launched_by)
        )
        return RetireFacts(
            reversed_state=around.reversed_server.replication_state if around.reversed_server else None,
            recovery_instance=around.recovery_instance,
            failback_instance=around.failback_instance,
            workload_state=workload.state if workload else None,
            workload_tagged=workload is not None and workload.allows_launching_into,
            disposition=self._may_end.disposition,
            drs_created=workload is not None and MANAGED_TAG in workload.tags,
            to_end=to_end,
            terminating=around.terminating,
        )

    # --- reads

    def _read(self, servers: Sequence[ServerRecord]) -> dict[str, _Around]:
        found: dict[str, _Around] = {}
        for origin, recovery in sorted({(server.scope, _recovery(server)) for server in servers}):
            members = [s for s in servers if (s.scope, _recovery(s)) == (origin, recovery)]
            reversed_ids = [
                server.failback.reversed_server_id for server in members if server.failback.reversed_server_id
            ]
            reversed_servers = {
                server.source_server_id: server
                for server in self._drs(origin).source_servers_by_id(reversed_ids, members[0].site)
            }
            failbacks = _by_server(self._drs(origin).recovery_instances(reversed_ids))
            recoveries = _by_server(
                self._drs(recovery).recovery_instances([server.source_server_id for server in members])
            )
            workloads = self._instances(
                recovery, [server.failback.workload_instance_id for server in members]
            )
            originals = self._instances(origin, [server.pair_instance_id for server in members])
            terminating = servers_in_progress(self._terminations(recovery))
            jobs = self._launches(recovery, recoveries.values())
            for server in members:
                found[server.source_server_id] = _Around(
                    reversed_server=reversed_servers.get(server.failback.reversed_server_id or ""),
                    failback_instance=failbacks.get(server.failback.reversed_server_id or ""),
                    recovery_instance=recoveries.get(server.source_server_id),
                    workload=workloads.get(server.failback.workload_instance_id or ""),
                    original=originals.get(server.pair_instance_id or ""),
                    terminating=server.source_server_id in terminating,
                    launched_by=jobs.get(server.source_server_id),
                )
        return found

    def _launches(self, scope: Scope, instances: Iterable[RecoveryInstance]) -> dict[str, Job]:
        """The jobs that launched the instances that may be ended, by source server id."""
        wanted = {
            i.job_id: i for i in instances if i.job_id and i.ec2_instance_id in self._may_end.instance_ids
        }
        jobs = self._drs(scope).jobs(sorted(wanted)) if wanted else []
        return {wanted[job.job_id].source_server_id: job for job in jobs}

    def _terminations(self, scope: Scope) -> list[Job]:
        if self._may_end.disposition is not RecoveryInstanceDisposition.TERMINATE:
            return []
        jobs = self._drs(scope).jobs_since(iso(self._now - JOBS_WINDOW))
        return [job for job in jobs if job.type == "TERMINATE"]

    def _instances(self, scope: Scope, instance_ids: Sequence[str | None]) -> dict[str, Instance]:
        ids = sorted({instance_id for instance_id in instance_ids if instance_id})
        return {i.instance_id: i for i in Ec2Client(self._accounts, scope, self._config).instances(ids)}

    def _drs(self, scope: Scope) -> DrsClient:
        return DrsClient(self._accounts, scope, self._config)


_WAIT = "Wait, then run the failback again: it goes on from there."


def _recovery(server: ServerRecord) -> Scope:
    if server.failback.workload_scope is None:
        raise ValueError(f"{server.source_server_id} has no recovery side: it is of no failback.")
    return server.failback.workload_scope


def _id_of(instance: RecoveryInstance | None) -> str:
    return instance.recovery_instance_id if instance else ""


def _made(call: Callable[[], object]) -> Progress:
    """Make a call that is safe to repeat; a refusal by DRS or EC2 may pass, unless it is hopeless."""
    try:
        call()
    except AwsCallError as error:
        issue = CheckFailure(str(error), error.explanation.remedy)
        return Progress(hopeless=error.explanation.kind in HOPELESS, issue=issue)
    return Progress(acted=True)


def _by_server(instances: Sequence[RecoveryInstance]) -> dict[str, RecoveryInstance]:
    return {instance.source_server_id: instance for instance in instances}


def _runs(original: Instance | None) -> bool:
    return original is not None and original.state == "running"


def _not_its_own(server: ServerRecord, around: _Around) -> CheckFailure | None:
    """Rule 8 of the design: a reversed server is known by the EC2 id in its hints, never by an id alone."""
    found = around.reversed_server
    if found is None:
        return None
    is_reversed = (
        found.replication_direction == "FAILBACK" and found.source_server_id != server.source_server_id
    )
    if is_reversed and found.original_instance_id in (server.failback.workload_instance_id, None):
        return None
    return CheckFailure(
        f"{found.source_server_id} in {found.scope} (direction {found.replication_direction}, instance "
        f"{found.original_instance_id}) is not the reversed server of "
        f"{server.failback.workload_instance_id}.",
        "Look in the DRS console which server replicates what, and delete the reversed one by hand.",
    )


def _started_again(server: ServerRecord, around: _Around) -> CheckFailure | None:
    """What was written to the target since the cutover is nowhere else: only an operator may give it up."""
    workload = around.workload
    if workload is None or not started_again(server, workload):
        return None
    return CheckFailure(
        f"{workload.instance_id} was started again at {workload.launched_at}, after the cutover: what was "
        f"written there since is not in {server.pair_instance_id}.",
        f"If it is not needed, stop it: aws ec2 stop-instances --instance-ids {workload.instance_id} "
        f"--region {workload.scope.region}; then run the failback again: it tidies up what is left.",
    )


def _other_side(server: ServerRecord, original: Instance | None) -> CheckFailure:
    return CheckFailure(
        f"{server.failback.workload_instance_id} runs, and the original {server.pair_instance_id} is "
        f"{original.state if original else 'not found'}: it may be the only one that runs the workload.",
        f"Start {server.pair_instance_id} or stop {server.failback.workload_instance_id}, then run the plan "
        "again.",
    )


def _raise(refused: Mapping[str, AwsCallError]) -> None:
    for error in refused.values():
        raise error
