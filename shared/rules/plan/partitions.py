"""A plan stays in one partition, and in one that DRS is in: roles and events do not reach another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.model.regions import WITH_DRS, partition_of
from shared.rules.plan.contracts import Problem


def partition_problems(sites: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Regions of ``sites`` (plan documents' items) without DRS, and Regions of more than one partition."""
    first: tuple[str, str] | None = None
    for path, region in _regions(sites):
        partition = partition_of(region)
        if partition is None or partition not in WITH_DRS:
            yield Problem(path, f"DRS is not in {region!r}.", "Name a Region that has DRS.")
        elif first is None:
            first = (region, partition)
        elif partition != first[1]:
            message = f"{region} is in the partition {partition}, and {first[0]} in {first[1]}."
            yield Problem(path, message, "Make a plan of its own for each partition.")


def _regions(sites: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for index, site in enumerate(sites):
        for side in ("origin", "recovery"):
            yield f"sites[{index}].{side}.region", site[side]["region"]
