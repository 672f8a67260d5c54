"""The plan that recovers a fleet, in the format of ``shared/schemas/plan.schema.json``."""

from __future__ import annotations

from typing import Any

from local.fleet.model import Fleet, FleetWave, Place


def plan_document(fleet: Fleet) -> dict[str, Any]:
    """The fleet's plan as a JSON document. Waves select their servers by the tag ``dr:wave``."""
    document: dict[str, Any] = {
        "name": fleet.name,
        "sites": [
            {"name": site.name, "origin": _scope(site.origin), "recovery": _scope(site.recovery)}
            for site in fleet.sites
        ],
        "waves": [_wave(wave) for wave in fleet.waves],
    }
    if fleet.description:
        document["description"] = fleet.description
    if fleet.matching:
        document["matching"] = fleet.matching
    if fleet.policies:
        document["policies"] = fleet.policies
    return document


def _scope(place: Place) -> dict[str, str]:
    return {"account": place.scope.account, "region": place.scope.region}


def _wave(wave: FleetWave) -> dict[str, Any]:
    document: dict[str, Any] = {"name": wave.name, "servers": {"tags": {"dr:wave": wave.name}}}
    if wave.depends_on:
        document["dependsOn"] = list(wave.depends_on)
    if wave.on_failure is not None:
        document["onFailure"] = wave.on_failure
    if wave.health_checks:
        document["healthChecks"] = list(wave.health_checks)
    return document
