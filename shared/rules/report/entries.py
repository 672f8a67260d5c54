"""The entries of a report: one function for each kind of entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.model.approval import ApprovalAnswer
from shared.model.execution import ControlRecord, ExecutionRecord, JobRecord, WaveRecord
from shared.model.finding import Finding
from shared.model.policies import Mode
from shared.model.quotas import KnownLimits
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.approval_messages import APPROVE, REJECT, answer_text
from shared.rules.control.undo import goes_back
from shared.serialization import camel


def control_entry(control: ControlRecord) -> dict[str, Any]:
    return {
        "id": control.control_id,
        "action": control.action,
        "by": control.by,
        "reason": control.reason,
        "at": control.at,
        "byEvent": control.by_event,
        "result": control.answer.get("result", ""),
    }


def answer_entry(answer: ApprovalAnswer) -> dict[str, Any]:
    return {
        "id": f"{answer.subject.value}-{answer.person}",
        "action": APPROVE if answer.approved else REJECT,
        "by": answer.by,
        "reason": answer.reason,
        "at": answer.at,
        "byEvent": False,
        "identity": answer.identity.value,
        "result": f"{answer_text(answer)}.",
    }


def totals(servers: Sequence[ServerRecord]) -> dict[str, int]:
    """At the end each server counts once: the others add up to ``servers``."""

    def count(status: ServerStatus) -> int:
        return sum(server.outcome is status for server in servers)

    return {
        "servers": len(servers),
        "recovered": count(ServerStatus.RECOVERED),
        "returned": count(ServerStatus.RETURNED),
        "failed": count(ServerStatus.FAILED),
        "skipped": count(ServerStatus.SKIPPED),
        "blocked": count(ServerStatus.BLOCKED),
        "leftOut": count(ServerStatus.LEFT_OUT),
    }


def wave_entry(wave: WaveRecord, jobs: Sequence[JobRecord]) -> dict[str, Any]:
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


def server_entry(server: ServerRecord) -> dict[str, Any]:
    return {
        "name": server.name,
        "sourceServerId": server.source_server_id,
        "pairInstanceId": server.pair_instance_id,
        "recoveryInstanceId": server.recovery_instance_id,
        "privateIpBefore": server.private_ip_before,
        "privateIpAfter": server.private_ip_after,
        "wave": server.wave,
        "status": server.outcome.value,
        "attempts": server.attempts,
        "reason": server.reason,
        "remedy": server.remedy,
        "recoveryPoint": server.recovery_point,
        "launchedAt": server.launched_at,
        "verifiedAt": server.verified_at,
        "healthChecks": [
            {"check": result.check, "passed": result.passed, "found": result.found}
            for result in server.health_results
        ],
        "site": server.site,
        "scope": str(server.scope),
        "originalInstanceId": server.original_instance_id,
        "pairedBy": server.paired_by,
        "batch": server.batch,
        "jobId": server.job_id,
        "startedByDrs": server.started_by_drs,
        "findings": [finding_entry(finding) for finding in server.findings],
    }


def _of_failback(server: ServerRecord) -> dict[str, Any]:
    return {
        "workloadInstanceId": server.failback.workload_instance_id,
        "workloadPrivateIp": server.failback.workload_private_ip,
        "originalPrivateIp": server.original_private_ip or server.private_ip_before,
        "reversedServerId": server.failback.reversed_server_id,
        "bytesTotal": server.failback.bytes_total,
        "bytesReplicated": server.failback.bytes_replicated,
        "replicatedAt": server.failback.replicated_at,
        "workloadStoppedAt": server.failback.workload_stopped_at,
        "workloadRestartedAt": server.failback.workload_restarted_at,
        "protection": server.failback.protection.value if server.failback.protection else None,
        "protectionReason": server.failback.protection_reason,
        "protectionRemedy": server.failback.protection_remedy,
        "protectedAt": server.failback.protected_at,
        "retiredAt": server.failback.retired_at,
        "outageSeconds": seconds_between(server.failback.workload_stop_requested_at, server.verified_at),
    }


def _of_drill(server: ServerRecord) -> dict[str, Any]:
    """``cleanedUp`` is None for a server of which nothing was launched."""
    touched = server.job_id is not None or server.launched_at is not None
    cleaned = server.drill.cleaned_up_at is not None
    return {
        "cleanedUp": cleaned if cleaned or touched else None,
        "cleanUpIssue": server.drill.clean_up_issue,
        "attachedVolumes": [
            {"volumeId": volume.volume_id, "device": volume.device} for volume in server.drill.attached_after
        ],
    }


def _nothing_more(server: ServerRecord) -> dict[str, Any]:
    return {}


def of_mode(execution: ExecutionRecord, server: ServerRecord) -> dict[str, Any]:
    return _of_drill(server) if goes_back(execution, server) else _IN_MODE[execution.mode](server)


_IN_MODE = {Mode.FAILOVER: _nothing_more, Mode.DRILL: _of_drill, Mode.FAILBACK: _of_failback}


def job_entry(job: JobRecord) -> dict[str, Any]:
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


def limits_entry(known: KnownLimits) -> dict[str, Any]:
    return {
        "scope": str(known.scope),
        "jobs": known.limits.jobs,
        "serversInJobs": known.limits.servers_in_jobs,
        "serversPerJob": known.limits.servers_per_job,
        "replicating": known.limits.replicating,
        "fromSettings": [camel(name) for name in known.from_settings],
        "reason": known.reason,
    }


def finding_entry(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "found": finding.found,
        "remedy": finding.remedy,
    }


def seconds_between(began: str | None, done: str | None) -> float | None:
    return None if began is None else seconds(began, done)


def seconds(started_at: str, ended_at: str | None) -> float | None:
    if ended_at is None:
        return None
    seconds = (datetime.fromisoformat(ended_at) - datetime.fromisoformat(started_at)).total_seconds()
    return max(0.0, seconds)
