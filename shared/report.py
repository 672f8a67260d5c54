"""The report of an execution as a document that conforms to report.schema.json."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.instance_matcher import Proposal
from shared.model import ExecutionRecord, Finding, JobRecord, Plan, ServerRecord, ServerStatus, WaveRecord
from shared.report_summary import summarize
from shared.wave_planner import critical_path

__all__ = ["build_report", "summarize"]


def build_report(
    execution: ExecutionRecord,
    plan: Plan | None,
    waves: Sequence[WaveRecord],
    servers: Sequence[ServerRecord],
    jobs: Sequence[JobRecord],
    *,
    unmatched_targets: Mapping[str, Finding] | None = None,
    proposals: Sequence[Proposal] = (),
    findings: Sequence[Finding] = (),
) -> dict[str, Any]:
    """The report. ``plan`` is None when the execution failed before it was loaded.

    ``findings`` are those that belong to no server: about the plan or a scope. A server that got no
    outcome is reported with its last status. A dry run also gets its plan of action.
    """
    in_plan = {wave.name: place for place, wave in enumerate(plan.waves if plan else ())}
    waves = sorted(waves, key=lambda wave: (in_plan.get(wave.name, len(in_plan)), wave.name))
    place = {wave.name: number for number, wave in enumerate(waves)}
    servers = sorted(
        servers,
        key=lambda server: (place.get(server.wave or "", len(place)), server.name, server.source_server_id),
    )
    report: dict[str, Any] = {
        "executionId": execution.execution_id,
        "plan": execution.plan_name,
        "mode": execution.mode.value,
        "dryRun": execution.dry_run,
        "status": execution.status.value,
        "reason": execution.reason,
        "remedy": execution.remedy,
        "startedAt": execution.started_at,
        "endedAt": execution.ended_at,
        "durationSeconds": _seconds(execution.started_at, execution.ended_at),
        "estimateSeconds": execution.estimate_seconds,
        "launchOrder": execution.launch_order.value,
        "totals": _totals(servers),
        "waves": [_wave(wave, jobs) for wave in waves],
        "servers": [_server(server) for server in servers],
        "jobs": [_job(job) for job in sorted(jobs, key=lambda job: (job.created_at, job.job_id))],
        "unmatchedTargets": [
            {"instanceId": instance_id, "finding": _finding(finding)}
            for instance_id, finding in sorted((unmatched_targets or {}).items())
        ],
        "proposals": [
            {
                "sourceServerId": proposal.source_server_id,
                "instanceId": proposal.instance_id,
                "distance": proposal.distance,
            }
            for proposal in proposals
        ],
        "findings": [_finding(finding) for finding in findings],
    }
    if execution.dry_run:
        report["planOfAction"] = {"waves": _plan_of_action(waves, servers)}
    return report


def _totals(servers: Sequence[ServerRecord]) -> dict[str, int]:
    def count(status: ServerStatus) -> int:
        return sum(server.status is status for server in servers)

    return {
        "servers": len(servers),
        "recovered": count(ServerStatus.RECOVERED),
        "failed": count(ServerStatus.FAILED),
        "skipped": count(ServerStatus.SKIPPED),
        "blocked": count(ServerStatus.BLOCKED),
    }


def _wave(wave: WaveRecord, jobs: Sequence[JobRecord]) -> dict[str, Any]:
    own = sorted((job.lot, job.attempt, job.job_id) for job in jobs if job.wave == wave.name)
    return {
        "name": wave.name,
        "status": wave.status.value,
        "startedAt": wave.started_at,
        "endedAt": wave.ended_at,
        "jobs": [job_id for _, _, job_id in own],
        "dependsOn": list(wave.depends_on),
        "servers": wave.servers,
        "reason": wave.reason,
    }


def _server(server: ServerRecord) -> dict[str, Any]:
    return {
        "name": server.name,
        "sourceServerId": server.source_server_id,
        "pairInstanceId": server.pair_instance_id,
        "recoveryInstanceId": server.recovery_instance_id,
        "privateIpBefore": server.private_ip_before,
        "privateIpAfter": server.private_ip_after,
        "wave": server.wave,
        "status": server.status.value,
        "attempts": server.attempts,
        "reason": server.reason,
        "remedy": server.remedy,
        "launchedAt": server.launched_at,
        "verifiedAt": server.verified_at,
        "site": server.site,
        "scope": str(server.scope),
        "originalInstanceId": server.original_instance_id,
        "pairedBy": server.paired_by,
        "lot": server.lot,
        "jobId": server.job_id,
        "startedByDrs": server.started_by_drs,
        "findings": [_finding(finding) for finding in server.findings],
    }


def _job(job: JobRecord) -> dict[str, Any]:
    return {
        "jobId": job.job_id,
        "scope": str(job.scope),
        "wave": job.wave,
        "lot": job.lot,
        "attempt": job.attempt,
        "status": job.status,
        "createdAt": job.created_at,
        "servers": job.servers,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "found": finding.found,
        "remedy": finding.remedy,
    }


def _plan_of_action(waves: Sequence[WaveRecord], servers: Sequence[ServerRecord]) -> list[dict[str, Any]]:
    """The jobs of every wave, the wave with the longest way to the end first."""
    by_name = {wave.name: wave for wave in waves}
    lots: defaultdict[str, defaultdict[int, list[ServerRecord]]] = defaultdict(lambda: defaultdict(list))
    for server in servers:
        if server.wave is not None and server.lot is not None and not server.status.is_final:
            lots[server.wave][server.lot].append(server)
    return [
        {
            "name": name,
            "startsAfter": list(by_name[name].depends_on),
            "jobs": [
                {"lot": lot, "scope": str(members[0].scope), "servers": [member.name for member in members]}
                for lot, members in sorted(lots[name].items())
            ],
        }
        for name in critical_path(waves, {})
    ]


def _seconds(started_at: str, ended_at: str | None) -> float | None:
    if ended_at is None:
        return None
    seconds = (datetime.fromisoformat(ended_at) - datetime.fromisoformat(started_at)).total_seconds()
    return max(0.0, seconds)
