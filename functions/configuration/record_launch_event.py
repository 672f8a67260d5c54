"""RecordLaunchEvent: record that DRS reported a server's launch, and call back the wave after the last.

Such events get lost, come twice, late and in any order. They are hints: a resumed task reads DRS.
"""

from __future__ import annotations

from typing import Any

from shared.model.scope import Scope
from shared.services.wakeups import resume_waiting_batches, resume_waves
from shared.settings import ConfigurationSettings
from shared.store import WaiterStore
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """The event *DRS Source Server Launch Result* → ``{job, last}``."""
    store = run.store
    job_id = str(run.event["detail"]["job-id"])
    # The detail has no id of the server: it is in the ARN (DRS user guide, EventBridge sample events).
    _, _, _, region, account, resource = str(run.event["resources"][0]).split(":", 5)
    scope = Scope(account, region)
    last = WaiterStore(store.table_name, scope).report(job_id, resource.rsplit("/", 1)[-1])
    if last:
        resume_waves(store, scope, job_id)
        resume_waiting_batches(store, scope)
    return {"job": job_id, "last": last}
