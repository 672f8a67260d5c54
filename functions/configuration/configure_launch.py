"""ConfigureLaunch: make DRS launch every server of the wave into its pair; what is right stays untouched."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.adopted_launches import take_over
from shared.aws_errors import AwsCallError, AwsUnavailableError, ThrottledError
from shared.cross_account import member_accounts
from shared.drs_client import DrsClient
from shared.launch_changes import changes_to_launch_into
from shared.model import RecoveryMode, ServerRecord, ServerStatus, WaveStatus
from shared.opened_execution import opened
from shared.settings import ConfigurationSettings
from shared.store import ServerChange, execution_store
from shared.task import Task, iso, task

WRITERS = 10
"""Parallel UpdateLaunchConfiguration calls: what public tools found to be safe; DRS publishes no rates."""


class LaunchSettingsUnknownError(Exception):
    """A server passed the checks without its launch settings being recorded."""


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{configured, unchanged, failed, lots: [numbers]}``."""
    settings = ConfigurationSettings.from_env()
    store = execution_store(settings.executions_table)
    mode = opened(store, task.execution_id).policies.recovery_mode
    accounts = member_accounts(settings.member_role, settings.external_id)
    store.change_wave(
        task.execution_id, task.wave, {"status": WaveStatus.RUNNING, "started_at": iso(task.now)}
    )
    servers = take_over(store, task.execution_id, store.servers(task.execution_id, task.wave), task.now)
    ready = [server for server in servers if server.status is ServerStatus.READY]

    def configure(server: ServerRecord) -> AwsCallError | None:
        drs = DrsClient(accounts, server.scope)
        try:
            for step in _steps(server, mode):
                drs.update_launch_settings(server.source_server_id, step)
        except (ThrottledError, AwsUnavailableError):
            raise
        except AwsCallError as error:
            return error
        return None

    to_change = [server for server in ready if _steps(server, mode)]
    # Said before it is done: what an interrupted run may have changed must be put back.
    store.change_servers(
        task.execution_id,
        [ServerChange(server, {"launch_changed": True}) for server in to_change],
        only_from=(ServerStatus.READY,),
    )
    with ThreadPoolExecutor(WRITERS) as pool:
        errors = dict(
            zip((s.source_server_id for s in to_change), pool.map(configure, to_change), strict=True)
        )
    done = store.change_servers(
        task.execution_id,
        [ServerChange(server, _values(errors.get(server.source_server_id))) for server in ready],
        only_from=(ServerStatus.READY,),
    )
    failed = sum(server.status is ServerStatus.FAILED for server in done)
    configured = [s for s in servers if s.status is ServerStatus.CONFIGURED] + [
        s for s in done if s.status is ServerStatus.CONFIGURED
    ]
    return {
        "configured": len(to_change) - failed,
        "unchanged": len(ready) - len(to_change),
        "failed": failed,
        "lots": sorted({server.lot for server in configured if server.lot is not None}),
    }


def _steps(server: ServerRecord, mode: RecoveryMode) -> tuple[dict[str, Any], ...]:
    """What to change; CheckPrerequisites has read the settings of every server that is READY."""
    if server.previous_launch is None:
        raise LaunchSettingsUnknownError(f"{server.source_server_id} is READY without launch settings.")
    return changes_to_launch_into(server.previous_launch, server.pair_instance_id or "", mode)


def _values(error: AwsCallError | None) -> dict[str, Any]:
    if error is None:
        return {"status": ServerStatus.CONFIGURED}
    return {"status": ServerStatus.FAILED, "reason": str(error), "remedy": error.explanation.remedy}
