"""The report of an execution: a document that conforms to report.schema.json, and a readable summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.instance_matcher import Proposal
from shared.model import ExecutionRecord, Finding, JobRecord, Plan, ServerRecord, WaveRecord


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

    ``findings`` are those that belong to no server: about the plan or a scope. A dry run also gets its
    plan of action.
    """
    raise NotImplementedError


def summarize(report: Mapping[str, Any]) -> str:
    """The report as markdown: totals, then what went wrong and what to do, then waves and servers."""
    raise NotImplementedError
