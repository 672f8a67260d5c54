"""Imported by the process that all runs are forked from: they find everything imported and read already."""

from __future__ import annotations

from benchmarks.cases import Case, chain
from benchmarks.processes import be_quiet
from benchmarks.running import measure, ready
from shared.model.policies import LaunchOrder

be_quiet()
with ready(Case("preloaded", chain(1, 1)), seed=0) as one:
    measure(one, LaunchOrder.TOGETHER)
