"""Makes DRS launch servers into their pairs; settings that are right stay untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.errors import AwsCallError, AwsUnavailableError, ThrottledError
from shared.aws.rate_limits import in_parallel
from shared.model.drs import LaunchSettings
from shared.model.policies import RecoveryMode
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.launch.launch_changes import Step, changes_to_launch_into
from shared.services.launch_settings import read_launch_settings
from shared.store import ExecutionStore

OPEN = (ServerStatus.READY, ServerStatus.REPLICATED)
"""To be launched next: after the checks, or in a failback after the replication."""


@dataclass(frozen=True, slots=True)
class Configured:
    """``servers`` are those that are CONFIGURED now; ``unchanged`` of them were right before."""

    servers: list[ServerRecord]
    configured: int
    unchanged: int
    failed: int


class LaunchConfigurer:
    """For servers of one execution. Repeating it is harmless."""

    def __init__(
        self, store: ExecutionStore, accounts: MemberAccounts, execution_id: str, mode: RecoveryMode
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._id = execution_id
        self._mode = mode

    def configure(self, servers: Sequence[ServerRecord]) -> Configured:
        """Configure those of ``servers`` that are open.

        What is so now is read here: the checks were earlier, and others may write, too. What is to be put
        back is recorded once: an execution that takes over from another keeps what was before that one.
        """
        wanted = [server for server in servers if server.status in OPEN]
        settings = read_launch_settings(
            lambda scope: DrsClient(self._accounts, scope),
            [(server.scope, server.drs_server_id) for server in wanted],
        )
        read = [
            _Read(server, replace(server, previous_launch=server.previous_launch or found), found)
            for server, found in zip(wanted, settings, strict=True)
            if isinstance(found, LaunchSettings)
        ]
        unread = [
            Change(server, _after(server, found))
            for server, found in zip(wanted, settings, strict=True)
            if isinstance(found, AwsCallError)
        ]
        to_change = [one for one in read if self._steps(one)]
        self._record_previous(to_change)
        results = in_parallel(
            self._update,
            to_change,
            api="UpdateLaunchConfiguration",
            scope=lambda one: one.server.scope,
            calls=lambda one: len(self._steps(one)),
        )
        errors = dict(zip((one.server.source_server_id for one in to_change), results, strict=True))
        changes = [
            Change(one.before, _after(one.server, errors.get(one.server.source_server_id))) for one in read
        ]
        done = self._store.change_servers(self._id, [*changes, *unread], only_from=OPEN)
        failed = sum(server.status is ServerStatus.FAILED for server in done)
        return Configured(
            servers=[server for server in done if server.status is ServerStatus.CONFIGURED],
            configured=sum(error is None for error in results),
            unchanged=len(read) - len(to_change),
            failed=failed,
        )

    def _record_previous(self, settings: Sequence[_Read]) -> None:
        """Recorded before the call: what an interrupted call may have changed must be put back.

        It is written also where it was read: RestoreLaunchSettings may have cleared it since.
        """
        changes = [
            Change(
                replace(one.server, launch_changed=False, previous_launch=None),
                replace(one.server, launch_changed=True),
            )
            for one in settings
        ]
        self._store.change_servers(self._id, changes, only_from=OPEN)

    def _update(self, one: _Read) -> AwsCallError | None:
        drs = DrsClient(self._accounts, one.server.scope)
        try:
            for step in self._steps(one):
                drs.update_launch_settings(one.server.drs_server_id, step)
        except (ThrottledError, AwsUnavailableError):
            raise
        except AwsCallError as error:
            return error
        return None

    def _steps(self, one: _Read) -> tuple[Step, ...]:
        return changes_to_launch_into(one.settings, one.server.pair_instance_id or "", self._mode)


@dataclass(frozen=True, slots=True)
class _Read:
    """A server as read, with what is to be put back on its record, and its settings as they are now."""

    before: ServerRecord
    server: ServerRecord
    settings: LaunchSettings


def _after(server: ServerRecord, error: AwsCallError | None) -> ServerRecord:
    if error is not None:
        return server.failed(str(error), error.explanation.remedy)
    return replace(server, status=ServerStatus.CONFIGURED)
