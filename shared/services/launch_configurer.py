"""Makes DRS launch servers into their pairs; settings that are right stay untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.errors import AwsCallError, AwsUnavailableError, ThrottledError
from shared.aws.rate_limits import in_parallel
from shared.model.policies import RecoveryMode
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.launch.launch_changes import Step, changes_to_launch_into
from shared.store import ExecutionStore

OPEN = (ServerStatus.READY, ServerStatus.REPLICATED)
"""To be launched next: after the checks, or in a failback after the replication."""


class LaunchSettingsUnknownError(Exception):
    """A server passed the checks without its launch settings being recorded."""


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
        """Configure those of ``servers`` that are open."""
        wanted = [server for server in servers if server.status in OPEN]
        ready = self._with_settings(wanted)
        to_change = [server for server in ready if self._steps(server)]
        self._mark_changed(to_change)
        results = in_parallel(
            self._update,
            to_change,
            api="UpdateLaunchConfiguration",
            scope=lambda server: server.scope,
            calls=lambda server: len(self._steps(server)),
        )
        errors = dict(zip((server.source_server_id for server in to_change), results, strict=True))
        changes = [Change(server, _after(server, errors.get(server.source_server_id))) for server in ready]
        done = self._store.change_servers(self._id, changes, only_from=OPEN)
        failed = sum(server.status is ServerStatus.FAILED for server in done)
        return Configured(
            servers=[server for server in done if server.status is ServerStatus.CONFIGURED],
            configured=len(to_change) - failed,
            unchanged=len(ready) - len(to_change),
            failed=failed + len(wanted) - len(ready),
        )

    def _mark_changed(self, servers: Sequence[ServerRecord]) -> None:
        """Recorded before the call: what an interrupted call may have changed must be put back.

        It is written also where it was read: RestoreLaunchSettings may have cleared it since.
        """
        changes = [
            Change(replace(server, launch_changed=False), replace(server, launch_changed=True))
            for server in servers
        ]
        self._store.change_servers(self._id, changes, only_from=OPEN)

    def _update(self, server: ServerRecord) -> AwsCallError | None:
        drs = DrsClient(self._accounts, server.scope)
        try:
            for step in self._steps(server):
                drs.update_launch_settings(server.drs_server_id, step)
        except (ThrottledError, AwsUnavailableError):
            raise
        except AwsCallError as error:
            return error
        return None

    def _with_settings(self, servers: Sequence[ServerRecord]) -> list[ServerRecord]:
        """The servers with the settings they had; those whose settings cannot be read fail.

        CheckPrerequisites has read them of every READY server. Reversed servers came to be after the checks.
        """
        known = [server for server in servers if server.previous_launch is not None]
        others = [server for server in servers if server.previous_launch is None]
        unknown = [server for server in others if server.status is ServerStatus.REPLICATED]
        found = in_parallel(
            self._read, unknown, api="GetLaunchConfiguration", scope=lambda server: server.scope
        )
        changes = [Change(server, after) for server, after in zip(unknown, found, strict=True)]
        # Recorded before anything is changed: a repeated call must not take our settings for the old ones.
        done = self._store.change_servers(self._id, changes, only_from=OPEN)
        unread = [server for server in others if server.status is not ServerStatus.REPLICATED]
        return known + unread + [server for server in done if server.status is not ServerStatus.FAILED]

    def _read(self, server: ServerRecord) -> ServerRecord:
        try:
            settings = DrsClient(self._accounts, server.scope).launch_settings(server.drs_server_id)
        except (ThrottledError, AwsUnavailableError):
            raise
        except AwsCallError as error:
            return _after(server, error)
        return replace(server, previous_launch=settings)

    def _steps(self, server: ServerRecord) -> tuple[Step, ...]:
        """What to change. Raises LaunchSettingsUnknownError: the checks have read them of a READY server."""
        if server.previous_launch is None:
            raise LaunchSettingsUnknownError(f"{server.source_server_id} is READY without launch settings.")
        return changes_to_launch_into(server.previous_launch, server.pair_instance_id or "", self._mode)


def _after(server: ServerRecord, error: AwsCallError | None) -> ServerRecord:
    if error is not None:
        return server.failed(str(error), error.explanation.remedy)
    return replace(server, status=ServerStatus.CONFIGURED)
