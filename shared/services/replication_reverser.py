"""Makes DRS replicate one site's servers from the recovery side to the origin, each exactly once.

ReverseReplication has no client token. So the reversed server and the state of the recovery instance are read
first, and adopted where they exist; after an answer that was lost, they are read again. DRS refuses the call
(409) until the agent on the recovery instance has checked in: then it is repeated at the next poll.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AwsCallError, OutcomeUnknownError, ThrottledError
from shared.aws.rate_limits import in_parallel
from shared.model.drs import RecoveryInstance, SourceServer
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE, Instance
from shared.model.scope import Site
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.drs.drs_error_handler import ErrorKind
from shared.rules.failback.contradictions import staging_account_issue
from shared.rules.failback.identity import NOT_REVERSED
from shared.rules.failback.stall_remedies import stall_remedy
from shared.services.original_reader import reversed_by_instance
from shared.times import parse_time

CALLERS = 10
"""Parallel CreateTags calls."""
TIMEOUT = timedelta(minutes=30)
"""How long an agent may take to check in, and a reversed server to appear."""

Decided = dict[str, ServerRecord]
"""The servers as they are from now on, by their id; unchanged where the only thing to do is wait."""


class ReplicationReverser:
    """For one site."""

    def __init__(self, accounts: MemberAccounts, site: Site, now: datetime) -> None:
        self._drs = DrsClient(accounts, site.recovery)
        self._origin_drs = DrsClient(accounts, site.origin)
        self._origin_ec2 = Ec2Client(accounts, site.origin)
        self._recovery_ec2 = Ec2Client(accounts, site.recovery)
        self._site = site
        self._now = now

    def reverse(self, servers: Sequence[ServerRecord], *, tag_originals: bool) -> Decided:
        """Every server after its next step, by its id."""
        if not servers:
            return {}
        decided: Decided = {}
        if tag_originals:
            decided |= self._tag_originals(servers)
        decided |= self._start_again(_others(servers, decided))
        found = self._reversed()
        old = self._left_over(_others(servers, decided), found)
        decided |= self._adopt(_others(servers, {**decided, **old}), found)
        left = _others(servers, decided)
        if not left:
            return decided
        decided |= self._request_all(left)
        # The reversed server exists when the call returns, also where its answer was lost.
        left = _others(servers, decided)
        old = self._left_over([server for server in left if server.source_server_id in old], found)
        decided |= self._adopt(_others(left, old), self._reversed()) if left else {}
        return decided | {s.source_server_id: self._not_there_yet(s) for s in _others(servers, decided)}

    def _request_all(self, servers: Sequence[ServerRecord]) -> Decided:
        """Call for each server; without those whose reversed server is to be read next."""
        ids = [server.source_server_id for server in servers]
        instances = {(i.source_server_id, i.ec2_instance_id): i for i in self._drs.recovery_instances(ids)}

        def request(server: ServerRecord) -> ServerRecord | None:
            key = (server.source_server_id, server.failback.workload_instance_id or "")
            return self._request(server, instances.get(key))

        answers = in_parallel(
            request, servers, api="ReverseReplication", scope=lambda server: self._drs.scope
        )
        return {server_id: after for server_id, after in zip(ids, answers, strict=True) if after}

    def _start_again(self, servers: Sequence[ServerRecord]) -> Decided:
        """Start the workloads that an earlier failback stopped for its cutover: their agents must check in.

        Unchanged for one that has yet to stop or to start.
        """
        stopped = {
            s.failback.workload_instance_id or "": s for s in servers if s.failback.workload_stop_requested_at
        }
        if not stopped:
            return {}
        instances = {i.instance_id: i for i in self._recovery_ec2.instances(sorted(stopped))}
        refused = self._recovery_ec2.start(i for i in instances.values() if i.state == "stopped")
        return {
            server.source_server_id: self._starting(server, instance_id, instances, refused)
            for instance_id, server in stopped.items()
            if instance_id not in instances or instances[instance_id].state != "running"
        }

    def _starting(
        self,
        server: ServerRecord,
        instance_id: str,
        instances: Mapping[str, Instance],
        refused: Mapping[str, AwsCallError],
    ) -> ServerRecord:
        instance = instances.get(instance_id)
        if self._in_time(server) and instance is not None:
            return server
        return server.failed(
            f"{instance_id}, which an earlier failback stopped, did not start again within {TIMEOUT}: it is "
            f"{instance.state if instance else 'not found'}. {refused.get(instance_id, '')}".strip(),
            f"aws ec2 start-instances --instance-ids {instance_id} --region "
            f"{self._site.recovery.region}; then start the failback again.",
        )

    def _left_over(self, servers: Sequence[ServerRecord], found: Mapping[str, SourceServer]) -> Decided:
        """Those whose reversed server is of an earlier failback: DRS re-points it when they are reversed."""
        there = [server for server in servers if server.failback.workload_instance_id in found]
        if not there:
            return {}
        instances = self._drs.recovery_instances([server.source_server_id for server in there])
        idle = {i.ec2_instance_id for i in instances if i.replication_state == NOT_REVERSED}
        return {s.source_server_id: s for s in there if s.failback.workload_instance_id in idle}

    def _reversed(self) -> dict[str, SourceServer]:
        return reversed_by_instance(self._origin_drs.source_servers(self._site.name))

    def _adopt(self, servers: Sequence[ServerRecord], found: Mapping[str, SourceServer]) -> Decided:
        """The servers whose reversed server exists: requested now, or by an earlier call."""
        decided: Decided = {}
        for server in servers:
            source = found.get(server.failback.workload_instance_id or "")
            if source is None:
                continue
            if issue := staging_account_issue(source):
                decided[server.source_server_id] = server.failed(issue.found, issue.remedy)
                continue
            decided[server.source_server_id] = replace(
                server,
                status=ServerStatus.REPLICATING,
                failback=replace(
                    server.failback,
                    reversed_server_id=source.source_server_id,
                    replication_state=source.replication_state,
                    workload_stop_requested_at=None,
                    workload_stopped_at=None,
                ),
                reason=None,
                remedy=None,
            )
        return decided

    def _request(self, server: ServerRecord, instance: RecoveryInstance | None) -> ServerRecord | None:
        """Call DRS, unless an earlier call succeeded. None: read the reversed server next."""
        if instance is None:
            return server.failed(
                f"DRS shows no recovery instance {server.failback.workload_instance_id} for {server.name} "
                "any more.",
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
            return server.failed(str(error), error.explanation.remedy)
        return None

    def _not_checked_in(self, server: ServerRecord, error: AwsCallError) -> ServerRecord:
        if self._in_time(server):
            remedy = "Nothing yet: DRS is called again when the agent has checked in."
            return replace(server, reason=str(error), remedy=remedy)
        return server.failed(
            f"The agent on {server.failback.workload_instance_id} did not check in within {TIMEOUT}: {error}",
            f"{stall_remedy('AGENT_NOT_SEEN')} Then start the failback again.",
        )

    def _not_there_yet(self, server: ServerRecord) -> ServerRecord:
        if self._in_time(server):
            return server
        return server.failed(
            f"The replication of {server.failback.workload_instance_id} was reversed, but "
            f"{self._site.origin} shows no source server for it within {TIMEOUT}.",
            f"Look in DRS of {self._site.recovery} where it replicates to; stop that, then start the "
            "failback again.",
        )

    def _in_time(self, server: ServerRecord) -> bool:
        since = server.failback.reverse_requested_at
        return since is None or self._now - parse_time(since) <= TIMEOUT

    def _tag_originals(self, servers: Sequence[ServerRecord]) -> Decided:
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
            ids[instance.instance_id].source_server_id: ids[instance.instance_id].failed(
                f"{instance.instance_id} could not be tagged: {error}", error.explanation.remedy
            )
            for instance, error in errors
            if error is not None
        }


def _others(servers: Sequence[ServerRecord], decided: Decided) -> list[ServerRecord]:
    return [server for server in servers if server.source_server_id not in decided]
