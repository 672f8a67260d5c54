"""What an execution did and cost: counted while it runs, by execution."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Measure:
    """Counts of one execution. Transitions are states entered and retries, which is what AWS charges for."""

    transitions: int = 0
    largest_state_bytes: int = 0
    largest_state: str = ""
    lambda_invocations: int = 0
    visited: set[str] = field(default_factory=set)
    caught: set[tuple[str, str]] = field(default_factory=set)
    retried: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """An execution that has ended, together with the executions it started.

    ``output`` is the parsed output, None unless SUCCEEDED. ``history`` is its own, as
    GetExecutionHistory gives it. ``seconds`` is virtual. ``transitions`` and ``lambda_invocations`` are
    sums over the execution and its children, ``largest_state_bytes`` and ``history_events`` the greatest of
    any of them. ``visited`` has the states entered by machine, ``caught`` and ``retried`` each
    ``(machine, state, error)`` for which a Catch or a Retry was taken.
    """

    machine: str
    execution_arn: str
    status: str
    output: Any
    error: str | None
    cause: str | None
    history: tuple[dict[str, Any], ...]
    seconds: float
    transitions: int
    largest_state_bytes: int
    largest_state: str
    history_events: int
    lambda_invocations: int
    visited: dict[str, set[str]]
    caught: set[tuple[str, str, str]]
    retried: set[tuple[str, str, str]]
    children: tuple[ExecutionResult, ...]

    def tree(self) -> Iterator[ExecutionResult]:
        """This execution and all below it."""
        yield self
        for child in self.children:
            yield from child.tree()


class Measures:
    """Observes every execution of one cloud."""

    def __init__(self) -> None:
        self._by_arn: dict[str, Measure] = defaultdict(Measure)

    def of(self, execution_arn: str) -> Measure:
        """The counts so far."""
        return self._by_arn[execution_arn]

    def invoked(self, execution_arn: str | None) -> None:
        """A Lambda function was invoked on behalf of an execution."""
        if execution_arn is not None:
            self._by_arn[execution_arn].lambda_invocations += 1

    def entered(self, execution_arn: str, state: str, input_json: str) -> None:
        measure = self._by_arn[execution_arn]
        measure.transitions += 1
        measure.visited.add(state)
        _larger(measure, state, len(input_json))

    def exited(self, execution_arn: str, state: str, output_json: str, variable_bytes: int) -> None:
        _larger(self._by_arn[execution_arn], state, max(len(output_json), variable_bytes))

    def retried(self, execution_arn: str, state: str, error: str) -> None:
        measure = self._by_arn[execution_arn]
        measure.transitions += 1
        measure.retried.add((state, error))

    def caught(self, execution_arn: str, state: str, error: str) -> None:
        self._by_arn[execution_arn].caught.add((state, error))


def _larger(measure: Measure, state: str, size: int) -> None:
    if size > measure.largest_state_bytes:
        measure.largest_state_bytes, measure.largest_state = size, state
