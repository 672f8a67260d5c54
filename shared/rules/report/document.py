"""The report of an execution as a document that conforms to report.schema.json."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.model.execution import ControlRecord, ExecutionRecord, JobRecord, WaveRecord
from shared.model.finding import Finding
from shared.model.plan import Plan
from shared.model.policies import Mode
from shared.model.quotas import KnownLimits
from shared.model.server import DetachedVolume, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.undo import goes_back
from shared.rules.matching.instance_matcher import Proposal
from shared.rules.plan.overrides import OVERRIDDEN
from shared.rules.report.summary import summarize
from shared.rules.report.volume_costs import monthly_cost_usd
from shared.rules.waves.wave_planner import critical_path
from shared.serialization import camel

__all__ = ["CANNOT_PROVE", "build_report", "summarize"]

CANNOT_PROVE = (
    "That the loss of the origin is noticed, and that somebody decides to fail over: a drill is announced.",
    "That users find the recovery side: DNS, load balancers and other traffic are not moved.",
    "That what comes from outside is let in there: partners, licences, certificates and firewalls know the "
    "old addresses.",
    "That EC2 has the capacity on the day: in a real disaster of a Region everybody asks for it at once.",
    "That the data are complete: in a real outage what was written last may not have been replicated, and "
    "databases recover from a crash.",
    "That the origin can be done without: in a drill it runs, and the drilled servers may have leaned on it.",
    "That the way back works: a drill is never failed back. Check it with a failback and checkOnly: true.",
)
"""What a drill leaves open, for its report."""


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
    detached_volumes: Sequence[DetachedVolume] = (),
    removed_volumes: Collection[str] = (),
    controls: Sequence[ControlRecord] = (),
    limits: Sequence[KnownLimits] = (),
) -> dict[str, Any]:
    """The report. ``plan`` is None when the execution failed before it was loaded.

    ``findings`` are those that belong to no server: about the plan or a scope. A server that got no
    outcome is reported with its last status. A dry run also gets its plan of action. ``detached_volumes``:
    more of them than the servers' records name, of earlier executions; ``removed_volumes``: ids of those
    that are no more. ``limits``: of the scopes that it launches in.
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
        "servers": [_server(server) | _of_mode(execution, server) for server in servers],
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
        "controls": [_control(control) for control in controls],
        "limits": [_limits(known) for known in sorted(limits, key=lambda known: known.scope)],
    }
    report |= _overrides(execution, servers)
    report |= _detached(servers, detached_volumes, removed_volumes)
    if execution.mode is Mode.FAILBACK:
        report |= _durations(servers)
    if execution.mode is Mode.DRILL:
        report["cannotProve"] = list(CANNOT_PROVE)
    if execution.dry_run:
        report["planOfAction"] = {"waves": _plan_of_action(waves, servers)}
    return report


def _control(control: ControlRecord) -> dict[str, Any]:
    return {
        "id": control.control_id,
        "action": control.action,
        "by": control.by,
        "reason": control.reason,
        "at": control.at,
        "byEvent": control.by_event,
        "result": control.answer.get("result", ""),
    }


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
    own = sorted((job.batch, job.attempt, job.job_id) for job in jobs if job.wave == wave.name)
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
        "batch": server.batch,
        "jobId": server.job_id,
        "startedByDrs": server.started_by_drs,
        "findings": [_finding(finding) for finding in server.findings],
    }


def _of_failback(server: ServerRecord) -> dict[str, Any]:
    return {
        "workloadInstanceId": server.workload_instance_id,
        "workloadPrivateIp": server.workload_private_ip,
        "originalPrivateIp": server.original_private_ip or server.private_ip_before,
        "reversedServerId": server.reversed_server_id,
        "bytesTotal": server.bytes_total,
        "bytesReplicated": server.bytes_replicated,
        "replicatedAt": server.replicated_at,
        "workloadStoppedAt": server.workload_stopped_at,
        "workloadRestartedAt": server.workload_restarted_at,
        "protection": server.protection.value if server.protection else None,
        "protectionReason": server.protection_reason,
        "protectionRemedy": server.protection_remedy,
        "protectedAt": server.protected_at,
        "retiredAt": server.retired_at,
        "outageSeconds": _between(server.workload_stop_requested_at, server.verified_at),
    }


def _of_drill(server: ServerRecord) -> dict[str, Any]:
    """``cleanedUp`` is None for a server of which nothing was launched."""
    touched = server.job_id is not None or server.launched_at is not None
    cleaned = server.cleaned_up_at is not None
    return {"cleanedUp": cleaned if cleaned or touched else None, "cleanUpIssue": server.clean_up_issue}


def _nothing_more(server: ServerRecord) -> dict[str, Any]:
    return {}


def _of_mode(execution: ExecutionRecord, server: ServerRecord) -> dict[str, Any]:
    return _of_drill(server) if goes_back(execution, server) else _IN_MODE[execution.mode](server)


_IN_MODE = {Mode.FAILOVER: _nothing_more, Mode.DRILL: _of_drill, Mode.FAILBACK: _of_failback}


def _durations(servers: Sequence[ServerRecord]) -> dict[str, float | None]:
    """From the first server that began to the last that was done; None where nobody was."""

    def span(began: Sequence[str | None], done: Sequence[str | None]) -> float | None:
        return _between(min(filter(None, began), default=None), max(filter(None, done), default=None))

    return {
        "reverseReplicationSeconds": span(
            [server.reverse_requested_at for server in servers], [server.replicated_at for server in servers]
        ),
        "cutoverSeconds": span(
            [server.workload_stop_requested_at for server in servers],
            [server.verified_at for server in servers],
        ),
        "reprotectSeconds": span(
            [server.reprotect_requested_at for server in servers], [server.protected_at for server in servers]
        ),
    }


def _overrides(execution: ExecutionRecord, servers: Sequence[ServerRecord]) -> dict[str, Any]:
    """The request's overrides, each with the names of the servers that had the finding."""
    said = execution.request.get("overrides")
    if not isinstance(said, list):
        return {}
    return {
        "overrides": [
            {
                "check": str(override.get("check", "")),
                "reason": str(override.get("reason", "")),
                "servers": [
                    server.name
                    for server in servers
                    if any(f.code == override.get("check") and OVERRIDDEN in f.found for f in server.findings)
                ],
            }
            for override in said
            if isinstance(override, dict)
        ]
    }


def _detached(
    servers: Sequence[ServerRecord], more: Sequence[DetachedVolume], removed: Collection[str]
) -> dict[str, Any]:
    listed = [volume for server in servers for volume in server.detached_volumes]
    volumes = {volume.volume_id: volume for volume in (*more, *listed) if volume.volume_id not in removed}
    costs = {volume_id: monthly_cost_usd(volume) for volume_id, volume in volumes.items()}
    return {
        "detachedVolumes": [
            {
                "volumeId": volume.volume_id,
                "instanceId": volume.instance_id,
                "device": volume.device,
                "scope": str(volume.scope),
                "sizeGiB": volume.size_gib,
                "type": volume.type,
                "costPerMonthUsd": costs[volume.volume_id],
            }
            for volume in sorted(volumes.values(), key=lambda v: (v.scope, v.instance_id, v.volume_id))
        ],
        "detachedVolumesCostPerMonthUsd": round(sum(costs.values()), 2),
    }


def _job(job: JobRecord) -> dict[str, Any]:
    return {
        "jobId": job.job_id,
        "scope": str(job.scope),
        "wave": job.wave,
        "batch": job.batch,
        "attempt": job.attempt,
        "status": job.status,
        "createdAt": job.created_at,
        "servers": job.servers,
    }


def _limits(known: KnownLimits) -> dict[str, Any]:
    return {
        "scope": str(known.scope),
        "jobs": known.limits.jobs,
        "serversInJobs": known.limits.servers_in_jobs,
        "serversPerJob": known.limits.servers_per_job,
        "replicating": known.limits.replicating,
        "fromSettings": [camel(name) for name in known.from_settings],
        "reason": known.reason,
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
    batches: defaultdict[str, defaultdict[int, list[ServerRecord]]] = defaultdict(lambda: defaultdict(list))
    for server in servers:
        if server.wave is not None and server.batch is not None and not server.status.is_final:
            batches[server.wave][server.batch].append(server)
    return [
        {
            "name": name,
            "startsAfter": list(by_name[name].depends_on),
            "jobs": [
                {
                    "batch": batch,
                    "scope": str(members[0].scope),
                    "servers": [member.name for member in members],
                }
                for batch, members in sorted(batches[name].items())
            ],
        }
        for name in critical_path(waves, {})
    ]


def _between(began: str | None, done: str | None) -> float | None:
    return None if began is None else _seconds(began, done)


def _seconds(started_at: str, ended_at: str | None) -> float | None:
    if ended_at is None:
        return None
    seconds = (datetime.fromisoformat(ended_at) - datetime.fromisoformat(started_at)).total_seconds()
    return max(0.0, seconds)
