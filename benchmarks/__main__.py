"""``python -m benchmarks``: every case in both launch orders, a table, and out/benchmark.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table

from benchmarks import baseline
from benchmarks.cases import CASES, Case
from benchmarks.matching import GOAL_SECONDS, NAMES, matching_seconds
from benchmarks.processes import run_all
from benchmarks.running import Measured
from shared.model.policies import LaunchOrder

OUT = Path("out/benchmark.json")
WIDTH = 150
"""Columns of the table where there is no terminal to ask."""
DRS_CALLS_GOAL = 4.0
"""At most so many per server, at a thousand servers."""
FORESEEN = 0.99
"""Of the ideal: foresight is reported where it gains more than the rest."""

STATE_BYTES, ITEM_BYTES, HISTORY_EVENTS = 32 * 1024, 10 * 1024, 25_000
"""What any state, item and history has to stay below."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if a case did not recover every server; missing a goal is shown, and no error."""
    args = _parser().parse_args(arguments)
    cases = [case for case in CASES if not args.case or case.name in args.case]
    orders = args.order or list(LaunchOrder)
    runs = [(case, order) for case in cases for order in orders]
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    started = time.monotonic()
    measured, failed = _measure(cases, orders, args.seed, console)
    lines = [measured[case.name, order] for case, order in runs if (case.name, order) in measured]
    console.print(table(lines))
    for text in (*_many_calls(lines), *_violations(lines), *_limits(lines), _matching()):
        console.print(text, highlight=False)
    documents = [line.document() for line in lines]
    if args.seed == 0:
        for text in _against_baseline(documents):
            console.print(text, highlight=False)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(documents, indent=2) + "\n", "utf-8")
    console.print(f"{args.out}, seed {args.seed}, {time.monotonic() - started:.0f} s", highlight=False)
    for text in failed:
        console.print(f"[red]failed[/]: {text}", highlight=False)
    return 1 if failed else 0


def _measure(
    cases: Sequence[Case], orders: Sequence[LaunchOrder], seed: int, console: Console
) -> tuple[dict[tuple[str, LaunchOrder], Measured], list[str]]:
    """Every run by case and order, and what is to be said of those that failed."""
    measured: dict[tuple[str, LaunchOrder], Measured] = {}
    failed = []
    with _progress(console) as progress:
        bar = progress.add_task("", total=len(cases) * len(orders))
        for (case, order), outcome in run_all(cases, orders, seed):
            if isinstance(outcome, str):
                failed.append(f"{case.name} {order.value}: {outcome}")
            else:
                measured[case.name, order] = outcome
                progress.console.print(_formatted(outcome), highlight=False)
            progress.advance(bar)
    return measured, failed


def _against_baseline(documents: Sequence[dict[str, Any]]) -> list[str]:
    worse = [f"[red]{text}[/]" for text in baseline.deviations(documents, baseline.read())]
    return worse or [f"ratios and calls: at most {baseline.TOLERANCE:.0%} above benchmarks/baseline.json"]


def _many_calls(lines: Sequence[Measured]) -> Iterator[str]:
    for line in lines:
        if line.servers >= 1000 and line.drs_calls_per_server > DRS_CALLS_GOAL:
            most = sorted(line.drs_operations.items(), key=lambda pair: -pair[1])[:4]
            calls = ", ".join(f"{name} {number}" for name, number in most)
            yield f"{line.name} {line.launch_order}: DRS calls: {calls}"


def _limits(lines: Sequence[Measured]) -> Iterator[str]:
    """How good the ideal is."""
    for line in lines:
        if line.achievable > line.ideal_seconds + 1:
            text = f"a schedule of {line.achievable:.0f} s was found, and not proven to be the shortest"
            yield f"{line.name} {line.launch_order}: {text}"
        if line.foreseen < line.ideal_seconds * FORESEEN:
            text = f"with foresight of the slow jobs it would take at least {line.foreseen:.0f} s"
            yield f"{line.name} {line.launch_order}: {text}"


def _matching() -> str:
    seconds = matching_seconds()
    judged = _judged(f"{seconds:.2f} s", seconds < GOAL_SECONDS)
    return f"matching of {NAMES:,} names: {judged}, goal {GOAL_SECONDS:g} s"


def table(lines: Sequence[Measured]) -> Table:
    """One row for each run; what misses a goal is red."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("case")
    shown.add_column("order")
    for name in ("makespan s", "ideal s", "ratio", "goal", "DRS/server", "transitions", "Lambda", "USD"):
        shown.add_column(name, justify="right")
    for name in ("state B", "item B", "events", "wall s"):
        shown.add_column(name, justify="right")
    for line in lines:
        calls = f"{line.drs_calls_per_server:.2f}"
        shown.add_row(
            line.name,
            line.launch_order,
            f"{line.makespan_seconds:.0f}",
            f"{line.ideal_seconds:.0f}",
            _judged(f"{line.ratio:.3f}", line.ratio <= line.goal),
            f"{line.goal:.2f}",
            _judged(calls, line.drs_calls_per_server <= DRS_CALLS_GOAL) if line.servers >= 1000 else calls,
            str(line.state_transitions),
            str(line.lambda_invocations),
            f"{line.cost_usd:.2f}",
            _judged(str(line.max_state_bytes), line.max_state_bytes < STATE_BYTES),
            _judged(str(line.max_item_bytes), line.max_item_bytes < ITEM_BYTES),
            _judged(str(line.history_events), line.history_events < HISTORY_EVENTS),
            f"{line.wall_seconds:.0f}",
        )
    return shown


def _violations(lines: Sequence[Measured]) -> Iterator[str]:
    for line in lines:
        for text in _exceeded(line):
            yield f"[red]{line.name} {line.launch_order}[/]: {text}"


def _exceeded(line: Measured) -> Iterator[str]:
    for what, is_, limit in (
        ("state has", line.max_state_bytes, STATE_BYTES),
        ("item has", line.max_item_bytes, ITEM_BYTES),
    ):
        if is_ >= limit:
            yield f"the largest {what} {is_:,} bytes, the limit is {limit:,}"
    if line.history_events >= HISTORY_EVENTS:
        yield f"the longest history has {line.history_events:,} events, the limit is {HISTORY_EVENTS:,}"


def _formatted(line: Measured) -> str:
    return f"{line.name} {line.launch_order}: ratio {line.ratio:.3f}, {line.wall_seconds:.0f} s"


def _judged(text: str, good: bool) -> str:
    return text if good else f"[red]{text}[/]"


def _progress(console: Console) -> Progress:
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make benchmark ARGS=…", description="Fail fleets over in virtual time, and measure."
    )
    names = [case.name for case in CASES]
    parser.add_argument("--case", action="append", choices=names, help="only this case; may be repeated")
    parser.add_argument(
        "--order", action="append", type=LaunchOrder, help="only TOGETHER or BY_WAVE (default: both)"
    )
    parser.add_argument("--seed", type=int, default=0, help="for every duration and fault (default: 0)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"where to write (default: {OUT})")
    return parser


if __name__ == "__main__":
    sys.exit(main())
