"""To which moment servers were recovered, as DRS says of each recovery instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import Any

from shared.model.execution import JobRecord
from shared.model.server import ServerRecord
from shared.times import parse_time


def recovered_to_of(server: ServerRecord, jobs: Mapping[str, JobRecord]) -> dict[str, Any]:
    """``recoveredTo`` (ISO 8601), and how much older that was than its job (``lagAtLaunchSeconds``)."""
    job = jobs.get(server.job_id or "")
    lag = None
    if job is not None and server.recovered_to is not None:
        lag = max(0.0, (parse_time(job.created_at) - parse_time(server.recovered_to)).total_seconds())
    return {"recoveredTo": server.recovered_to, "lagAtLaunchSeconds": lag}


def oldest_and_median(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Of the entries of servers that were recovered; None where DRS has named no moment.

    ``{oldest, oldestServer, worstLagSeconds, medianLagSeconds}``.
    """
    known = [one for one in entries if one["recoveredTo"] and one["status"] == "RECOVERED"]
    if not known:
        return None
    oldest = min(known, key=lambda one: (one["recoveredTo"], one["name"]))
    lags = [one["lagAtLaunchSeconds"] for one in known if one["lagAtLaunchSeconds"] is not None]
    return {
        "oldest": oldest["recoveredTo"],
        "oldestServer": oldest["name"],
        "worstLagSeconds": max(lags, default=None),
        "medianLagSeconds": median_low(lags) if lags else None,
    }
