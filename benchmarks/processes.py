"""Runs in parallel: each case in a process of its own, and each of its launch orders in a fork of that.

So a fleet is built once for both orders, and Python's modules and botocore's service models are read once.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from benchmarks.cases import Case
from benchmarks.running import Measured, Ready, measure, ready
from shared.model.policies import LaunchOrder

PRELOADED = ["benchmarks.preloaded"]
PROCESSES = min(8, os.cpu_count() or 1)
"""Each takes up to 700 MB."""
OBJECTS = 100_000
"""So many new ones before the garbage collector runs: a cloud keeps nearly all that it makes."""

Run = tuple[Case, LaunchOrder]


def run_all(
    cases: Sequence[Case], orders: Sequence[LaunchOrder], seed: int
) -> Iterator[tuple[Run, Measured | str]]:
    """What each run measured, or what ended it, as they end; the biggest cases run first."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    left = sorted(cases, key=lambda case: (-case.servers, -len(case.waves)))
    running: dict[Connection, tuple[BaseProcess, Case, list[LaunchOrder]]] = {}
    while left or running:
        while left and len(running) < PROCESSES:
            case = left.pop(0)
            receiver, sender = context.Pipe(duplex=False)
            begun = context.Process(target=_run_case, args=(case, orders, seed, sender))
            begun.start()
            sender.close()  # the process has its own: when that is closed, nothing more follows
            running[receiver] = begun, case, list(orders)
        for receiving in wait(list(running)):
            assert isinstance(receiving, Connection)
            process, case, unmeasured = running[receiving]
            try:
                order, outcome = receiving.recv()
            except EOFError:
                del running[receiving]
                process.join()
                end = f"its process ended with exit code {process.exitcode}, before it was measured"
                yield from (((case, order), end) for order in unmeasured)
            else:
                running[receiving] = process, case, [other for other in unmeasured if other is not order]
                yield (case, order), outcome


def be_quiet() -> None:
    """Handlers log to stdout, which is the table's: for a process that only measures."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  for as long as the process lives
    logging.disable(logging.ERROR)


def _run_case(case: Case, orders: Sequence[LaunchOrder], seed: int, sender: Connection) -> None:
    be_quiet()
    gc.set_threshold(OBJECTS)
    try:
        with ready(case, seed) as built:
            gc.freeze()  # what is built stays, and stays shared with the forks
            for order in orders:
                # Not before the last has ended: two cases run in parallel already.
                fork = multiprocessing.get_context("fork").Process(target=_run, args=(built, order, sender))
                fork.start()
                fork.join()
                if fork.exitcode:
                    sender.send((order, f"its process ended with exit code {fork.exitcode}"))
    except Exception as error:  # noqa: BLE001  the other cases are measured
        for order in orders:
            sender.send((order, f"its fleet could not be built: {type(error).__name__}: {error}"))


def _run(built: Ready, order: LaunchOrder, sender: Connection) -> None:
    try:
        sender.send((order, measure(built, order)))
    except Exception as error:  # noqa: BLE001  the other runs are measured
        sender.send((order, f"{type(error).__name__}: {error}"))
