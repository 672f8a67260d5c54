"""What an execution and the executions that it started did so far."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from local.simulation.measures import ExecutionResult, Measures
from local.states.records import Record


def result_of(
    record: Record, records: Mapping[str, Record], measures: Measures, now: datetime
) -> ExecutionResult:
    """``records``: all executions by ARN; ``now`` ends one that runs."""
    own = measures.of(record.arn)
    children = tuple(result_of(records[arn], records, measures, now) for arn in record.children)
    history = tuple(record.run.history())
    visited: dict[str, set[str]] = {record.machine: set(own.visited)}
    for child in children:
        for machine, names in child.visited.items():
            visited.setdefault(machine, set()).update(names)
    largest = max(
        [(own.largest_state_bytes, f"{record.machine}/{own.largest_state}")]
        + [(child.largest_state_bytes, child.largest_state) for child in children]
    )
    end = record.stop_date or now
    return ExecutionResult(
        machine=record.machine,
        execution_arn=record.arn,
        status=record.status,
        output=json.loads(record.output) if record.output is not None else None,
        error=record.error,
        cause=record.cause,
        history=history,
        seconds=(end - record.execution.start_date).total_seconds(),
        transitions=own.transitions + sum(child.transitions for child in children),
        largest_state_bytes=largest[0],
        largest_state=largest[1],
        history_events=max([len(history), *(child.history_events for child in children)]),
        lambda_invocations=own.lambda_invocations + sum(child.lambda_invocations for child in children),
        visited=visited,
        caught={(record.machine, *pair) for pair in own.caught}.union(*(c.caught for c in children)),
        retried={(record.machine, *pair) for pair in own.retried}.union(*(c.retried for c in children)),
        children=children,
    )
