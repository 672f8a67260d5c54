"""Reads the launch settings of servers whose job runs once more, and warns the operators at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.aws.drs_client import DrsClient
from shared.aws.errors import AwsUnavailableError, ThrottledError
from shared.aws.sns import notify
from shared.model.drs import LaunchSettings
from shared.model.execution import JobFields, JobRecord
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.launch.launch_guard import changed_late
from shared.rules.text import NAME_LIMIT, one_line
from shared.services.launch_settings import read_launch_settings
from shared.services.opened_execution import OpenedExecution
from shared.store import ExecutionStore
from shared.times import parse_time

READ_AFTER = timedelta(minutes=1)
"""A conversion takes minutes, and what is changed until its end may still be read by DRS."""


def warn_of_late_changes(
    store: ExecutionStore,
    drs: DrsClient,
    execution: OpenedExecution,
    records: Sequence[JobRecord],
    now: datetime,
    topic_arn: str,
) -> None:
    """Once for each job of the scope. A warning stops nothing, and no launch waits for one.

    ``records``: the unfinished jobs of the execution; servers whose launch is over are not read.
    """
    execution_id = execution.record.execution_id
    jobs = [job for job in records if job.scope == drs.scope and _is_due(job, now)]
    if not jobs:
        return
    servers = [
        server
        for wave in sorted({job.wave for job in jobs})
        for server in store.servers(
            execution_id,
            wave,
            statuses=(ServerStatus.LAUNCHING,),
            jobs=[job.job_id for job in jobs if job.wave == wave],
        )
    ]
    try:
        read = read_launch_settings(lambda _: drs, [(drs.scope, one.drs_server_id) for one in servers])
    except (ThrottledError, AwsUnavailableError):
        return  # the next poll reads them
    changes = []
    for server, current in zip(servers, read, strict=True):
        finding = changed_late(server, current, drs.scope) if isinstance(current, LaunchSettings) else None
        if finding is not None:
            changes.append(Change(server, replace(server, findings=(*server.findings, finding))))
    done = store.change_servers(execution_id, changes, only_from=(ServerStatus.LAUNCHING,))
    if done:
        title = f"{execution.plan.name}: launch settings changed while DRS launches"
        notify(topic_arn, title, "\n\n".join(_lines(server) for server in done))
    store.change_jobs(execution_id, {job.job_id: JobFields(settings_read=True) for job in jobs})


def _is_due(job: JobRecord, now: datetime) -> bool:
    return not job.settings_read and now - parse_time(job.created_at) >= READ_AFTER


def _lines(server: ServerRecord) -> str:
    finding = server.findings[-1]
    return f"{one_line(server.name, NAME_LIMIT)}: {finding.found}\n{finding.remedy}"
