"""Jobs: describe them, newest first, read their log, delete what has ended."""

from __future__ import annotations

from typing import Any

from drs_emulator import views
from drs_emulator.errors import ConflictError, ResourceNotFoundError, ValidationError
from drs_emulator.operations.registry import Call, operation
from drs_emulator.state import Job
from drs_emulator.wire.omit_absent import present
from drs_emulator.wire.paging import page
from drs_emulator.wire.timestamps import from_wire


@operation("DescribeJobs")
def describe_jobs(call: Call) -> dict[str, Any]:
    """Jobs by id and by the time they were created, newest first (API reference)."""
    filters = call.params.get("filters", {})
    chosen = [job for job in call.scope.jobs.values() if _matches(job, filters)]
    jobs, token = page(
        "DescribeJobs",
        call.params,
        call.core.settings,
        chosen,
        lambda job: f"{job.number:08d}",
        descending=True,
    )
    return present({"items": [views.job(call.core, job) for job in jobs], "nextToken": token})


def _matches(job: Job, filters: dict[str, Any]) -> bool:
    ids = filters.get("jobIDs")
    return (
        (not ids or job.job_id in ids)
        and ("fromDate" not in filters or job.created_at >= from_wire(filters["fromDate"]))
        and ("toDate" not in filters or job.created_at <= from_wire(filters["toDate"]))
    )


@operation("DescribeJobLogItems")
def describe_job_log_items(call: Call) -> dict[str, Any]:
    """The log of a job, oldest first. ValidationError for an unknown job, the closest error of the model."""
    job = call.scope.jobs.get(call.params["jobID"])
    if job is None:
        raise ValidationError(
            f"Job {call.params['jobID']} not found", fields=[("jobID", "No such job")], reason="other"
        )
    chosen, token = page(
        "DescribeJobLogItems",
        call.params,
        call.core.settings,
        list(enumerate(job.log)),
        lambda numbered: f"{numbered[0]:08d}",
    )
    items = [views.log_item(item) for _, item in chosen]
    return present({"items": items, "nextToken": token})


@operation("DeleteJob")
def delete_job(call: Call) -> dict[str, Any]:
    """Delete the record of a job that has ended."""
    job = call.scope.jobs.get(call.params["jobID"])
    if job is None:
        raise ResourceNotFoundError(
            f"Job {call.params['jobID']} not found", resource_id=call.params["jobID"], kind="JOB"
        )
    if job.is_active:
        raise ConflictError(f"Job {job.job_id} is {job.status}", resource_id=job.job_id, kind="JOB")
    del call.scope.jobs[job.job_id]
    return {}
