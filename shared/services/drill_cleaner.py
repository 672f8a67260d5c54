"""Carries out the clean-up of a drill: one call for every server and poll, each safe to repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import EbsVolume, Ec2Client
from shared.aws.errors import AwsCallError, ThrottledError
from shared.model.drs import Job, RecoveryInstance
from shared.model.ec2 import Instance, Volume
from shared.model.policies import Mode
from shared.model.prerequisite_facts import CheckFailure
from shared.model.scope import Scope
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.undo import goes_back
from shared.rules.drill.clean_up import CleanUpFacts, CleanUpStep, issue, next_clean_up_step, swap
from shared.rules.drs.drs_error_handler import ErrorKind
from shared.rules.drs.drs_job_monitor import EXECUTION_TAG, unfinished
from shared.services.detached_volumes import with_put_back
from shared.services.opened_execution import OpenedExecution
from shared.store import ExecutionStore, LockStore, server_lock
from shared.times import iso, parse_time

WRITERS = 10
TIMEOUT = timedelta(hours=1)
"""How long the steps of one server may take from the first on: stopping and detaching take minutes."""
JOBS_WINDOW = timedelta(days=1)


class DrillCleaner:
    """Cleans up after one drill. Raises AwsCallError where AWS cannot be read; calling again is safe."""

    def __init__(
        self, *, store: ExecutionStore, accounts: MemberAccounts, execution: OpenedExecution, now: datetime
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._execution = execution
        self._now = now
        self._id = execution.record.execution_id
        self._locks = LockStore(store.table_name)

    def clean(self) -> Counter[str]:
        """How many servers are ``pending``, ``inJobs`` (to end), ``cleaned`` and ``failed`` by now."""
        count: Counter[str] = Counter()
        record = self._execution.record
        servers = [s for s in self._store.servers(self._id) if s.pair_instance_id and goes_back(record, s)]
        for scope in sorted({server.scope for server in servers}):
            count += self._clean_scope(scope, [server for server in servers if server.scope == scope])
        return count

    def _clean_scope(self, scope: Scope, servers: Sequence[ServerRecord]) -> Counter[str]:
        drs = DrsClient(self._accounts, scope)
        jobs = self._jobs(drs, servers)
        begun = [server for server in servers if server.source_server_id in jobs]
        open_ = [
            server for server in begun if not server.drill.cleaned_up_at and not server.drill.clean_up_issue
        ]
        count = Counter(
            cleaned=sum(server.drill.cleaned_up_at is not None for server in begun),
            failed=sum(server.drill.clean_up_issue is not None for server in begun),
        )
        mine, lost = self._still_mine(open_)
        changes = [Change(server, _given_up(server, _taken_over(holder))) for server, holder in lost]
        facts = self._facts(drs, mine, jobs)

        def clean(server: ServerRecord) -> ServerRecord:
            return self._step(drs, server, facts[server.source_server_id], jobs[server.source_server_id])

        with ThreadPoolExecutor(WRITERS) as pool:
            results = list(pool.map(clean, mine))
        changes += [Change(server, after) for server, after in zip(mine, results, strict=True)]
        for change in changes:
            count[_kind(change.after, facts.get(change.after.source_server_id))] += 1
        self._store.change_settled(self._id, [change for change in changes if change.values])
        return count

    def _jobs(self, drs: DrsClient, servers: Sequence[ServerRecord]) -> dict[str, list[Job]]:
        """The jobs of this drill by server, also those whose starter died before it recorded them.

        Only servers whose launch was begun are in it.
        """
        since = parse_time(self._execution.record.started_at) - JOBS_WINDOW
        known = {server.job_id for server in servers if server.job_id}
        found: dict[str, list[Job]] = {}
        for job in drs.jobs_since(iso(since)):
            if job.type == "LAUNCH" and (job.job_id in known or job.tags.get(EXECUTION_TAG) == self._id):
                for member in job.servers:
                    found.setdefault(member.source_server_id, []).append(job)
        for server in servers:
            if server.job_id:
                found.setdefault(server.source_server_id, [])
        blocked = {s.source_server_id for s in servers if s.status is ServerStatus.BLOCKED}
        return {server_id: members for server_id, members in found.items() if server_id not in blocked}

    def _still_mine(
        self, servers: Sequence[ServerRecord]
    ) -> tuple[list[ServerRecord], list[tuple[ServerRecord, str]]]:
        locks = {server.source_server_id: server_lock(server.source_server_id) for server in servers}
        holders = self._locks.holders(list(locks.values()))
        mine, lost = [], []
        for server in servers:
            holder = holders.get(locks[server.source_server_id], self._id)
            if holder == self._id:
                mine.append(server)
            else:
                lost.append((server, holder))
        return mine, lost

    def _facts(
        self, drs: DrsClient, servers: Sequence[ServerRecord], jobs: dict[str, list[Job]]
    ) -> dict[str, CleanUpFacts]:
        if not servers:
            return {}
        ec2 = Ec2Client(self._accounts, drs.scope)
        targets = {i.instance_id: i for i in ec2.instances([s.pair_instance_id or "" for s in servers])}
        recovery = {
            r.source_server_id: r for r in drs.recovery_instances([s.source_server_id for s in servers])
        }
        ids = sorted({v.volume_id for s in servers for v in s.volumes_before if v.volume_id})
        volumes = ec2.volumes(ids) if ids else {}
        return {
            server.source_server_id: self._facts_of(
                server,
                jobs[server.source_server_id],
                targets.get(server.pair_instance_id or ""),
                recovery.get(server.source_server_id),
                volumes,
            )
            for server in servers
        }

    def _facts_of(
        self,
        server: ServerRecord,
        jobs: Sequence[Job],
        target: Instance | None,
        recovery: RecoveryInstance | None,
        volumes: Mapping[str, EbsVolume],
    ) -> CleanUpFacts:
        own = _own(recovery, server, jobs)
        is_ours = own is not None and own.job_id in _job_ids(server, jobs)
        return CleanUpFacts(
            target=target,
            recovery_instance=own,
            volumes_before=server.volumes_before,
            volumes=self._execution.policies.drill.volumes,
            missing_volumes=_missing_volumes(server, volumes),
            job_unfinished=bool(unfinished(jobs)),
            real=is_ours and self._execution.record.mode is not Mode.DRILL,
        )

    def _step(
        self, drs: DrsClient, server: ServerRecord, facts: CleanUpFacts, jobs: Sequence[Job]
    ) -> ServerRecord:
        """Take the server's next step; returns the record after it."""
        step = next_clean_up_step(facts)
        if step is None:
            return self._ended(server, facts)
        if step is CleanUpStep.AWAIT_JOB:
            return _given_up(server, _hanging(jobs)) if self._hangs(jobs) else server
        began = server.drill.clean_up_began_at
        refused: AwsCallError | None = None
        if step is CleanUpStep.DETACH_VOLUMES:
            server = with_put_back(
                Ec2Client(self._accounts, drs.scope), server, swap(facts).detach, self._execution
            )
        try:
            self._take(drs, server, facts, step)
        except ThrottledError:
            raise
        except AwsCallError as error:
            # Volumes that still come loose, a server that DRS keeps for a while: most of it passes.
            refused = error
        if began and self._now - parse_time(began) > TIMEOUT:
            return _given_up(server, _stuck(server, step, refused))
        return replace(server, drill=replace(server.drill, clean_up_began_at=began or iso(self._now)))

    def _ended(self, server: ServerRecord, facts: CleanUpFacts) -> ServerRecord:
        found = issue(facts)
        ended = _given_up(server, found) if found else server
        drill = replace(
            ended.drill,
            cleaned_up_at=None if found else iso(self._now),
            attached_after=facts.target.volumes if facts.target else (),
        )
        return replace(ended, drill=drill)

    def _take(self, drs: DrsClient, server: ServerRecord, facts: CleanUpFacts, step: CleanUpStep) -> None:
        ec2 = Ec2Client(self._accounts, drs.scope)
        target = server.pair_instance_id or ""
        own = facts.recovery_instance
        if step is CleanUpStep.STOP_INSTANCE:
            for error in ec2.stop([target]).values():
                raise error
        elif step is CleanUpStep.DETACH_VOLUMES:
            for volume in swap(facts).detach:
                ec2.detach_volume(volume.volume_id or "", target)
        elif step is CleanUpStep.ATTACH_VOLUMES:
            for volume in _root_first(swap(facts).attach, ec2.root_device(target)):
                ec2.attach_volume(volume.volume_id or "", target, volume.device)
        elif step is CleanUpStep.DISCONNECT and own is not None:
            _unless_removed(lambda: drs.disconnect_recovery_instance(own.recovery_instance_id))
        elif step is CleanUpStep.DELETE and own is not None:
            _unless_removed(lambda: drs.delete_recovery_instance(own.recovery_instance_id))

    def _hangs(self, jobs: Sequence[Job]) -> bool:
        timeout = TIMEOUT + timedelta(seconds=self._execution.policies.launch_timeout_seconds)
        return any(self._now - parse_time(job.created_at) > timeout for job in unfinished(jobs))


def _given_up(server: ServerRecord, found: CheckFailure) -> ServerRecord:
    return replace(server, drill=replace(server.drill, clean_up_issue=f"{found.found} {found.remedy}"))


def _job_ids(server: ServerRecord, jobs: Sequence[Job]) -> set[str | None]:
    return {job.job_id for job in jobs} | {server.job_id}


def _missing_volumes(server: ServerRecord, volumes: Mapping[str, EbsVolume]) -> frozenset[str]:
    """The server's own volumes that do not exist, or are attached to another instance."""
    own = {volume.volume_id for volume in server.volumes_before if volume.volume_id}
    mine = (None, server.pair_instance_id)
    return frozenset(v for v in own if v not in volumes or volumes[v].attached_to not in mine)


def _own(
    found: RecoveryInstance | None, server: ServerRecord, jobs: Sequence[Job]
) -> RecoveryInstance | None:
    """The recovery instance in the server's pair, unless another drill left it there.

    A real one is returned in any case: it is to be left alone.
    """
    if found is None or found.ec2_instance_id != server.pair_instance_id:
        return None
    return found if found.job_id in _job_ids(server, jobs) or not found.is_drill else None


def _root_first(volumes: Sequence[Volume], root_device: str | None) -> list[Volume]:
    return sorted(volumes, key=lambda volume: (volume.device != root_device, volume.device))


def _unless_removed(call: Callable[[], None]) -> None:
    """``call()``; what an earlier attempt has removed already counts as removed."""
    try:
        call()
    except AwsCallError as error:
        if error.explanation.kind is not ErrorKind.NOT_FOUND:
            raise


def _kind(server: ServerRecord, facts: CleanUpFacts | None) -> str:
    if server.drill.cleaned_up_at:
        return "cleaned"
    if server.drill.clean_up_issue:
        return "failed"
    return "inJobs" if facts and facts.job_unfinished else "pending"


def _taken_over(holder: str) -> CheckFailure:
    return CheckFailure(
        f"The execution {holder} has taken the server over.",
        "Nothing if it is a drill, which cleans up after itself; a failover keeps the target.",
    )


def _hanging(jobs: Sequence[Job]) -> CheckFailure:
    [job, *_] = unfinished(jobs)
    return CheckFailure(
        f"The DRS job {job.job_id} does not end; the target is left to it.",
        "See what it waits for in the DRS console (job log). When it has ended, stop the target, then take "
        "its recovery instance out of DRS: disconnect it, delete it, never terminate it.",
    )


def _stuck(server: ServerRecord, step: CleanUpStep, refused: AwsCallError | None) -> CheckFailure:
    before = ", ".join(f"{volume.volume_id} at {volume.device}" for volume in server.volumes_before)
    why = str(refused) if refused else "It takes too long."
    return CheckFailure(
        f"The clean-up of {server.pair_instance_id} did not get past {step.value} within {TIMEOUT}: {why}",
        # What the drill wrote there is not needed: a forced stop may lose it.
        "Do by hand what is left. Stop it: aws ec2 stop-instances --force --instance-ids "
        f"{server.pair_instance_id} --region {server.scope.region}. Give it back its volumes ({before}) in "
        "place of those it has. Disconnect and delete its recovery instance in DRS; never terminate it.",
    )
