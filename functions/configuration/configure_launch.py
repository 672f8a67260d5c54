"""ConfigureLaunch: make DRS launch every server of the wave into its pair; what is right stays untouched."""

from __future__ import annotations

from typing import Any

from shared.model.status import ServerStatus, WaveStatus
from shared.services.adopted_launches import take_over
from shared.services.launch_configurer import LaunchConfigurer
from shared.settings import ConfigurationSettings
from shared.task import Run, task
from shared.times import iso


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{configured, unchanged, failed, batches: [numbers]}``."""
    store = run.store
    mode = run.execution.policies.recovery_mode
    started = {"status": WaveStatus.RUNNING, "started_at": iso(run.now)}
    store.change_wave(run.execution_id, run.wave, started)
    servers = take_over(store, run.execution_id, store.servers(run.execution_id, run.wave), run.now)
    result = LaunchConfigurer(store, run.accounts, run.execution_id, mode).configure(servers)
    configured = [s for s in servers if s.status is ServerStatus.CONFIGURED] + result.servers
    return {
        "configured": result.configured,
        "unchanged": result.unchanged,
        "failed": result.failed,
        "batches": sorted({server.batch for server in configured if server.batch is not None}),
    }
