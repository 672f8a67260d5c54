"""The report of an execution as a document that conforms to report.schema.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.model.approval import ApprovalAnswer
from shared.model.execution import ControlRecord, ExecutionRecord, JobRecord, WaveRecord
from shared.model.finding import Finding
from shared.model.plan import Plan
from shared.model.policies import Mode
from shared.model.quotas import KnownLimits
from shared.model.server import DetachedVolume, RemovedVolume, ServerRecord
from shared.rules.matching.instance_matcher import Proposal
from shared.rules.plan.overrides import OVERRIDDEN
from shared.rules.report.entries import (
    answer_entry,
    control_entry,
    finding_entry,
    job_entry,
    limits_entry,
    of_mode,
    seconds,
    seconds_between,
    server_entry,
    totals,
    wave_entry,
)
from shared.rules.report.plan_of_action import plan_of_action
from shared.rules.report.recovered_to import oldest_and_median, recovered_to_of
from shared.rules.report.volumes import volume_entries
from shared.version import VERSION

CANNOT_PROVE = (
    "That the loss of the origin is noticed, and that a failover is decided on: a drill is announced.",
    "That users find the recovery side: DNS, load balancers and other traffic are not moved.",
    "That what comes from outside is let in there: partners, licences, certificates and firewalls know the "
    "old addresses.",
    "That EC2 has the capacity on the day: in the disaster of a Region all its customers ask for it at once.",
    "That the data are complete: in a real outage what was written last may not have been replicated, and "
    "databases recover from a crash.",
    "That the origin can be done without: in a drill it runs, and the drilled servers may depend on it.",
    "That the failback works: a drill is never failed back. Check it with a failback and checkOnly: true.",
)
"""What a drill leaves open, for its report."""


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What a report is made of. ``plan`` is None when the execution failed before it was loaded.

    ``findings`` are those that belong to no server: about the plan or a scope. ``detached_volumes``: more of
    them than the servers' records name, of earlier executions; ``removed_volumes``: those that are no longer
    detached. ``limits``: of the scopes that it launches in. ``plan_digest``: of the plan as executed.
    """

    execution: ExecutionRecord
    plan: Plan | None
    waves: Sequence[WaveRecord]
    servers: Sequence[ServerRecord]
    jobs: Sequence[JobRecord]
    unmatched_targets: Mapping[str, Finding] = field(default_factory=dict)
    proposals: Sequence[Proposal] = ()
    findings: Sequence[Finding] = ()
    detached_volumes: Sequence[DetachedVolume] = ()
    removed_volumes: Sequence[RemovedVolume] = ()
    controls: Sequence[ControlRecord] = ()
    answers: Sequence[ApprovalAnswer] = ()
    limits: Sequence[KnownLimits] = ()
    plan_digest: str | None = None


def build_report(facts: ReportFacts) -> dict[str, Any]:
    """The report. A server without an outcome has its last status. A dry run also gets its plan of action."""
    execution, jobs = facts.execution, facts.jobs
    waves, servers = _in_order(facts)
    of_job = {job.job_id: job for job in jobs}
    entries = [
        server_entry(server) | recovered_to_of(server, of_job) | of_mode(execution, server)
        for server in servers
    ]
    report: dict[str, Any] = {
        "toolVersion": VERSION,
        "executionId": execution.execution_id,
        "plan": execution.plan_name,
        "planDigest": facts.plan_digest,
        "mode": execution.mode.value,
        "dryRun": execution.dry_run,
        "status": execution.status.value,
        "reason": execution.reason,
        "remedy": execution.remedy,
        "startedAt": execution.started_at,
        "endedAt": execution.ended_at,
        "durationSeconds": seconds(execution.started_at, execution.ended_at),
        "estimateSeconds": execution.estimate_seconds,
        "launchOrder": execution.launch_order.value,
        "totals": totals(servers),
        "recoveredTo": oldest_and_median(entries),
        "waves": [
            wave_entry(wave, jobs)
            | {"recoveredTo": oldest_and_median([one for one in entries if one["wave"] == wave.name])}
            for wave in waves
        ],
        "servers": entries,
        "jobs": [job_entry(job) for job in sorted(jobs, key=lambda job: (job.created_at, job.job_id))],
        "unmatchedTargets": [
            {"instanceId": instance_id, "finding": finding_entry(finding)}
            for instance_id, finding in sorted(facts.unmatched_targets.items())
        ],
        "proposals": [
            {
                "sourceServerId": proposal.source_server_id,
                "instanceId": proposal.instance_id,
                "distance": proposal.distance,
            }
            for proposal in facts.proposals
        ],
        "findings": [finding_entry(finding) for finding in facts.findings],
        "controls": _by_time([*map(control_entry, facts.controls), *map(answer_entry, facts.answers)]),
        "limits": [limits_entry(known) for known in sorted(facts.limits, key=lambda known: known.scope)],
    }
    report |= _overrides(execution, servers)
    report |= volume_entries(servers, facts.detached_volumes, facts.removed_volumes)
    if execution.mode is Mode.FAILBACK:
        report |= _durations(servers)
    if execution.mode is Mode.DRILL:
        report["cannotProve"] = list(CANNOT_PROVE)
    if execution.dry_run:
        report["planOfAction"] = {"waves": plan_of_action(waves, servers)}
    return report


def _by_time(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: (entry["at"], entry["id"]))


def _in_order(facts: ReportFacts) -> tuple[list[WaveRecord], list[ServerRecord]]:
    """The waves as the plan lists them, and the servers by wave and name."""
    in_plan = {wave.name: place for place, wave in enumerate(facts.plan.waves if facts.plan else ())}
    waves = sorted(facts.waves, key=lambda wave: (in_plan.get(wave.name, len(in_plan)), wave.name))
    place = {wave.name: number for number, wave in enumerate(waves)}
    servers = sorted(
        facts.servers,
        key=lambda server: (place.get(server.wave or "", len(place)), server.name, server.source_server_id),
    )
    return waves, servers


def _durations(servers: Sequence[ServerRecord]) -> dict[str, float | None]:
    """From the first server that began to the last that was done; None where none was."""

    def span(began: Sequence[str | None], done: Sequence[str | None]) -> float | None:
        return seconds_between(min(filter(None, began), default=None), max(filter(None, done), default=None))

    return {
        "reverseReplicationSeconds": span(
            [server.failback.reverse_requested_at for server in servers],
            [server.failback.replicated_at for server in servers],
        ),
        "cutoverSeconds": span(
            [server.failback.workload_stop_requested_at for server in servers],
            [server.verified_at for server in servers],
        ),
        "reprotectSeconds": span(
            [server.failback.reprotect_requested_at for server in servers],
            [server.failback.protected_at for server in servers],
        ),
    }


def _overrides(execution: ExecutionRecord, servers: Sequence[ServerRecord]) -> dict[str, Any]:
    """The request's overrides, each with the names of the servers that had the finding."""
    asked = execution.request.get("overrides")
    if not isinstance(asked, list):
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
            for override in asked
            if isinstance(override, dict)
        ]
    }
