"""ConfigureLaunch: make DRS launch every server of the wave into its pair; what is right stays untouched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.errors import AwsCallError, AwsUnavailableError, ThrottledError
from shared.aws.rate_limits import in_parallel
from shared.model.policies import RecoveryMode
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus, WaveStatus
from shared.rules.launch.launch_changes import changes_to_launch_into
from shared.services.adopted_launches import take_over
from shared.settings import ConfigurationSettings
from shared.store import ExecutionStore
from shared.task import Run, task
from shared.times import iso

OPEN = (ServerStatus.READY, ServerStatus.REPLICATED)
"""To be launched next: after the checks, or in a failback after the replication."""


class LaunchSettingsUnknownError(Exception):
    """A server passed the checks without its launch settings being recorded."""


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{configured, unchanged, failed, batches: [numbers]}``."""
    store = run.store
    mode = run.execution.policies.recovery_mode
    accounts = run.accounts
    store.change_wave(run.execution_id, run.wave, {"status": WaveStatus.RUNNING, "started_at": iso(run.now)})
    servers = take_over(store, run.execution_id, store.servers(run.execution_id, run.wave), run.now)
    open_ones = [server for server in servers if server.status in OPEN]
    ready = _with_settings(store, run.execution_id, accounts, open_ones)

    def configure(server: ServerRecord) -> AwsCallError | None:
        drs = DrsClient(accounts, server.scope)
        try:
            for step in _steps(server, mode):
                drs.update_launch_settings(server.drs_server_id, step)
        except (ThrottledError, AwsUnavailableError):
            raise
        except AwsCallError as error:
            return error
        return None

    to_change = [server for server in ready if _steps(server, mode)]
    # Said before it is done: what an interrupted run may have changed must be put back.
    store.change_servers(
        run.execution_id,
        [ServerChange(server, {"launch_changed": True}) for server in to_change],
        only_from=OPEN,
    )
    results = in_parallel(
        configure,
        to_change,
        api="UpdateLaunchConfiguration",
        scope=lambda server: server.scope,
        calls=lambda server: len(_steps(server, mode)),
    )
    errors = dict(zip((server.source_server_id for server in to_change), results, strict=True))
    done = store.change_servers(
        run.execution_id,
        [ServerChange(server, _values(errors.get(server.source_server_id))) for server in ready],
        only_from=OPEN,
    )
    failed = sum(server.status is ServerStatus.FAILED for server in done)
    unreadable = len(open_ones) - len(ready)
    configured = [s for s in servers if s.status is ServerStatus.CONFIGURED] + [
        s for s in done if s.status is ServerStatus.CONFIGURED
    ]
    return {
        "configured": len(to_change) - failed,
        "unchanged": len(ready) - len(to_change),
        "failed": failed + unreadable,
        "batches": sorted({server.batch for server in configured if server.batch is not None}),
    }


def _with_settings(
    store: ExecutionStore, execution_id: str, accounts: MemberAccounts, servers: Sequence[ServerRecord]
) -> list[ServerRecord]:
    """The servers with the settings they had; those whose settings cannot be read fail.

    CheckPrerequisites has read them of every READY server. Reversed servers came to be after the checks.
    """
    known = [server for server in servers if server.previous_launch is not None]
    unknown = [
        server for server in servers if server.status is ServerStatus.REPLICATED and server not in known
    ]

    def read(server: ServerRecord) -> dict[str, Any]:
        try:
            settings = DrsClient(accounts, server.scope).launch_settings(server.drs_server_id)
        except (ThrottledError, AwsUnavailableError):
            raise
        except AwsCallError as error:
            return _values(error)
        return {"previous_launch": settings}

    found = in_parallel(read, unknown, api="GetLaunchConfiguration", scope=lambda server: server.scope)
    changes = [ServerChange(server, values) for server, values in zip(unknown, found, strict=True)]
    # Recorded before anything is changed: a repeated call must not take our settings for the old ones.
    done = store.change_servers(execution_id, changes, only_from=OPEN)
    unread = [server for server in servers if server not in known and server not in unknown]
    return known + unread + [server for server in done if server.status is not ServerStatus.FAILED]


def _steps(server: ServerRecord, mode: RecoveryMode) -> tuple[dict[str, Any], ...]:
    """What to change. Raises LaunchSettingsUnknownError: the checks have read them of a READY server."""
    if server.previous_launch is None:
        raise LaunchSettingsUnknownError(f"{server.source_server_id} is READY without launch settings.")
    return changes_to_launch_into(server.previous_launch, server.pair_instance_id or "", mode)


def _values(error: AwsCallError | None) -> dict[str, Any]:
    if error is None:
        return {"status": ServerStatus.CONFIGURED}
    return {"status": ServerStatus.FAILED, "reason": str(error), "remedy": error.explanation.remedy}
