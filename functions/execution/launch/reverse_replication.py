"""ReverseReplication: let DRS replicate from the recovery side to the origin, once for each server.

The call has no client token. So: look for the reversed server first, and for what the recovery instance
says; adopt what is there; after an answer that was lost, look again. DRS refuses the call (409) until the
agent on the recovery instance has checked in: then it is asked again later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AwsCallError, OutcomeUnknownError, ThrottledError
from shared.aws.rate_limits import in_parallel
from shared.model.drs import RecoveryInstance, SourceServer
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE, Instance
from shared.model.scope import Site
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.drs.drs_error_handler import ErrorKind
from shared.rules.failback.original_identifier import NOT_REVERSED, staging_account_issue
from shared.rules.failback.replication_progress import stall_remedy
from shared.services.original_reader import reversed_by_instance
from shared.settings import ExecutionSettings
from shared.task import Run, task
from shared.times import iso, parse_time

CALLERS = 10
"""Parallel ReverseReplication and CreateTags calls; DRS publishes no rates."""
TIMEOUT = timedelta(minutes=30)
"""How long an agent may take to check in, and a reversed server to appear."""
OPEN = (ServerStatus.READY, ServerStatus.REVERSING)

Values = dict[str, Any]


@task(ExecutionSettings)
def handler(run: Run[ExecutionSettings]) -> dict[str, Any]:
    """``{executionId, site}`` → ``{site, reversed, waiting, failed}``."""
    store = run.store
    execution = run.execution
    site = run.site
    if execution.record.cancellation is not None:
        return {"site": site.name, "reversed": 0, "waiting": 0, "failed": 0}
    listed = [s for s in store.servers(run.execution_id) if s.site == site.name and s.status in OPEN]
    # Said before it is done: from here on somebody has to look before asking.
    begun = [ServerChange(server, _begin(server, run)) for server in listed]
    servers = store.change_servers(run.execution_id, begun, only_from=OPEN)
    open_ones = [server for server in servers if server.status is ServerStatus.REVERSING]
    work = _Reversal(run.accounts, site, run)
    changes = work.go_on(open_ones, tag_originals=execution.policies.failback.tag_originals)
    done = store.change_servers(
        run.execution_id,
        [ServerChange(s, changes[s.source_server_id]) for s in open_ones if changes[s.source_server_id]],
        only_from=(ServerStatus.REVERSING,),
    )
    failed = sum(server.status is ServerStatus.FAILED for server in done)
    replicating = sum(server.status is ServerStatus.REPLICATING for server in done)
    return {
        "site": site.name,
        "reversed": len(servers) - len(open_ones) + replicating,
        "waiting": len(open_ones) - replicating - failed,
        "failed": failed,
    }


def _begin(server: ServerRecord, run: Run[Any]) -> Values:
    """What an earlier execution has launched, or is launching, needs no copy any more."""
    if server.adoption is not None:
        return {"status": ServerStatus.REPLICATED, "replicated_at": server.replicated_at or iso(run.now)}
    return {
        "status": ServerStatus.REVERSING,
        "reverse_requested_at": server.reverse_requested_at or iso(run.now),
    }


class _Reversal:
    """One site's reversals, looked at first and then asked for."""

    def __init__(self, accounts: MemberAccounts, site: Site, run: Run[Any]) -> None:
        self._drs = DrsClient(accounts, site.recovery)
        self._origin_drs = DrsClient(accounts, site.origin)
        self._origin_ec2 = Ec2Client(accounts, site.origin)
        self._recovery_ec2 = Ec2Client(accounts, site.recovery)
        self._site = site
        self._run = run

    def go_on(self, servers: Sequence[ServerRecord], *, tag_originals: bool) -> dict[str, Values]:
        """What to record of every server, by its id; nothing (``{}``) where there is only to wait."""
        if not servers:
            return {}
        changes: dict[str, Values] = {}
        if tag_originals:
            changes |= self._tag_originals(servers)
        changes |= self._start_again([s for s in servers if s.source_server_id not in changes])
        found = self._reversed()
        changes |= self._adopt([s for s in servers if s.source_server_id not in changes], found)
        left = [server for server in servers if server.source_server_id not in changes]
        if not left:
            return changes
        ids = [server.source_server_id for server in left]
        instances = {(i.source_server_id, i.ec2_instance_id): i for i in self._drs.recovery_instances(ids)}

        def ask(server: ServerRecord) -> Values | None:
            return self._ask(
                server, instances.get((server.source_server_id, server.workload_instance_id or ""))
            )

        answers = in_parallel(ask, left, api="ReverseReplication", scope=lambda server: self._drs.scope)
        asked = dict(zip(ids, answers, strict=True))
        changes |= {server_id: values for server_id, values in asked.items() if values is not None}
        # The reversed server stands when the call returns, also where its answer was lost.
        left = [server for server in left if server.source_server_id not in changes]
        changes |= self._adopt(left, self._reversed()) if left else {}
        for server in left:
            changes.setdefault(server.source_server_id, self._not_there_yet(server))
        return changes

    def _start_again(self, servers: Sequence[ServerRecord]) -> dict[str, Values]:
        """Start the workloads that an earlier failback stopped for its cutover: their agents have to be seen.

        Nothing (``{}``) for one that has yet to stop or to start.
        """
        resting = {s.workload_instance_id or "": s for s in servers if s.workload_stop_requested_at}
        if not resting:
            return {}
        changes: dict[str, Values] = {}
        instances = {i.instance_id: i for i in self._recovery_ec2.instances(sorted(resting))}
        refused = self._recovery_ec2.start([i for i, found in instances.items() if found.state == "stopped"])
        for instance_id, server in resting.items():
            instance = instances.get(instance_id)
            if instance is not None and instance.state == "running":
                continue
            changes[server.source_server_id] = {}
            error = refused.get(instance_id)
            if not self._in_time(server) or instance is None:
                changes[server.source_server_id] = _failed(
                    f"{instance_id}, which an earlier failback stopped, did not start again within "
                    f"{TIMEOUT}: it is {instance.state if instance else 'gone'}. {error or ''}".strip(),
                    f"aws ec2 start-instances --instance-ids {instance_id} --region "
                    f"{self._site.recovery.region}; then start the failback again.",
                )
        return changes

    def _reversed(self) -> dict[str, SourceServer]:
        return reversed_by_instance(self._origin_drs.source_servers(self._site.name))

    def _adopt(self, servers: Sequence[ServerRecord], found: Mapping[str, SourceServer]) -> dict[str, Values]:
        """The servers whose reversed server is there: asked for now, or by whoever came before."""
        changes: dict[str, Values] = {}
        for server in servers:
            source = found.get(server.workload_instance_id or "")
            if source is None:
                continue
            if issue := staging_account_issue(source):
                changes[server.source_server_id] = _failed(issue.found, issue.remedy)
                continue
            changes[server.source_server_id] = {
                "status": ServerStatus.REPLICATING,
                "reversed_server_id": source.source_server_id,
                "replication_state": source.replication_state,
                "workload_stop_requested_at": None,
                "workload_stopped_at": None,
                "reason": None,
                "remedy": None,
            }
        return changes

    def _ask(self, server: ServerRecord, instance: RecoveryInstance | None) -> Values | None:
        """Ask DRS, unless it was asked already. None: look for the reversed server."""
        if instance is None:
            return _failed(
                f"DRS shows no recovery instance {server.workload_instance_id} for {server.name} any more.",
                "If the instance still runs in EC2, install the DRS agent on it as a new source server "
                "towards the origin.",
            )
        if instance.replication_state not in (None, NOT_REVERSED):
            return None
        try:
            self._drs.reverse_replication(instance.recovery_instance_id)
        except (OutcomeUnknownError, ThrottledError):
            return None
        except AwsCallError as error:
            if error.explanation.kind is ErrorKind.BUSY:
                return self._not_checked_in(server, error)
            return _failed(str(error), error.explanation.remedy)
        return None

    def _not_checked_in(self, server: ServerRecord, error: AwsCallError) -> Values:
        if self._in_time(server):
            return {"reason": str(error), "remedy": "Nothing yet: it is asked again when the agent is there."}
        return _failed(
            f"The agent on {server.workload_instance_id} did not check in within {TIMEOUT}: {error}",
            f"{stall_remedy('AGENT_NOT_SEEN')} Then start the failback again.",
        )

    def _not_there_yet(self, server: ServerRecord) -> Values:
        if self._in_time(server):
            return {}
        return _failed(
            f"The replication of {server.workload_instance_id} was reversed, but {self._site.origin} shows "
            f"no source server for it within {TIMEOUT}.",
            f"Look in DRS of {self._site.recovery} where it replicates to; stop that, then start the "
            "failback again.",
        )

    def _in_time(self, server: ServerRecord) -> bool:
        since = server.reverse_requested_at
        return since is None or self._run.now - parse_time(since) <= TIMEOUT

    def _tag_originals(self, servers: Sequence[ServerRecord]) -> dict[str, Values]:
        """Tag the originals that are not: with launchIntoSourceInstance DRS refuses to reverse otherwise."""
        ids = {server.pair_instance_id or "": server for server in servers}
        bare = [i for i in self._origin_ec2.instances(sorted(ids)) if not i.allows_launching_into]

        def tag(instance: Instance) -> AwsCallError | None:
            try:
                self._origin_ec2.create_tags([instance.instance_id], {TARGET_TAG_KEY: TARGET_TAG_VALUE})
            except ThrottledError:
                raise
            except AwsCallError as error:
                return error
            return None

        with ThreadPoolExecutor(CALLERS) as pool:
            errors = zip(bare, pool.map(tag, bare), strict=True)
        return {
            ids[instance.instance_id].source_server_id: _failed(
                f"{instance.instance_id} could not be tagged: {error}", error.explanation.remedy
            )
            for instance, error in errors
            if error is not None
        }


def _failed(reason: str, remedy: str) -> Values:
    return {"status": ServerStatus.FAILED, "reason": reason, "remedy": remedy}
