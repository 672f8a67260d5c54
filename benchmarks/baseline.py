"""What the benchmark measured when it was last committed, and how far a run is from that."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("baseline.json")
TOLERANCE = 0.02
COMPARED = ("ratio", "drsCallsPerServer")
"""The fields that a change must not make worse. Durations of this machine are not among them."""


def read(file: Path = FILE) -> list[dict[str, Any]]:
    """The documents of the committed runs, with seed 0."""
    documents: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
    return documents


def deviations(runs: Sequence[Mapping[str, Any]], baseline: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each compared field of a run that is more than TOLERANCE above the baseline."""
    known = {(run["name"], run["launchOrder"]): run for run in baseline}
    for run in runs:
        key = run["name"], run["launchOrder"]
        if key not in known:
            yield f"{' '.join(key)}: is not in the baseline"
            continue
        for field in COMPARED:
            before, now = known[key][field], run[field]
            if now > before * (1 + TOLERANCE):
                more = f"{now / before - 1:.1%} above the baseline's {before:g}"
                yield f"{' '.join(key)}: {field} is {now:g}, {more}"
