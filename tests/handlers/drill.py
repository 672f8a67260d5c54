"""A drill of one server, and its clean-up."""

from __future__ import annotations

from typing import Any

from functions.execution.retire import clean_up_drill
from tests.handlers.estate import Estate, plan_document


def drilled(estate: Estate, phase: str = "STARTING", **policies: Any) -> tuple[str, str, Any]:
    """A drill of one server, carried to a phase: source server, target, and the target's volumes before."""
    server, target = estate.add_pairs("web-1")["web-1"]
    before = volumes(estate, target)
    estate.reach(phase, plan_document(policies=policies), mode="DRILL")
    return server, target, before


def volumes(estate: Estate, target: str) -> list[tuple[str, str]]:
    mappings = estate.instance(target)["BlockDeviceMappings"]
    return sorted((m["DeviceName"], m["Ebs"]["VolumeId"]) for m in mappings)


def clean(estate: Estate, rounds: int = 20) -> dict[str, Any]:
    """CleanUpDrill until nothing is pending, as the workflow calls it."""
    for _ in range(rounds):
        answer: dict[str, Any] = estate.call(clean_up_drill)
        if not answer["pending"]:
            return answer
        assert answer["waitSeconds"] in (15, 60)
        estate.clock.advance(answer["waitSeconds"])
    return answer
