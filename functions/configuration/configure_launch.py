"""ConfigureLaunch: make DRS launch every server of the wave into its pair; what is right stays untouched."""

from __future__ import annotations

from typing import Any

from shared.model.execution import WaveFields
from shared.model.status import ServerStatus, WaveStatus
from shared.services.adopted_launches import take_over
from shared.services.launch_configurer import LaunchConfigurer
from shared.settings import ConfigurationSettings
from shared.task import Run, task
from shared.times import iso

LAUNCHED_BY_BATCH = (ServerStatus.CONFIGURED, ServerStatus.LAUNCHING, ServerStatus.LAUNCH_FAILED)


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{configured, unchanged, failed, batches: [numbers]}``."""
    store = run.store
    mode = run.execution.policies.recovery_mode
    wave = store.wave(run.execution_id, run.wave)
    started: WaveFields = {"status": WaveStatus.RUNNING, "started_at": wave.started_at or iso(run.now)}
    store.change_wave(run.execution_id, run.wave, started)
    servers = take_over(store, run.execution_id, store.servers(run.execution_id, run.wave), run.now)
    result = LaunchConfigurer(store, run.accounts, run.execution_id, mode).configure(servers)
    # When settings are written again, others of the wave launch already, and may have to be launched again.
    going = [server for server in servers if server.status in LAUNCHED_BY_BATCH] + result.servers
    return {
        "configured": result.configured,
        "unchanged": result.unchanged,
        "failed": result.failed,
        "batches": sorted({server.batch for server in going if server.batch is not None}),
    }
