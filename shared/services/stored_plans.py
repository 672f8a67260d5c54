"""Plan documents by the name that a request gives."""

from __future__ import annotations

from typing import Any

from shared.store import PlanStore


class PlanNotFoundError(Exception):
    """The input names a plan that is not stored."""


def stored_plan(plans: PlanStore, name: str) -> dict[str, Any]:
    """Raises PlanNotFoundError."""
    document = plans.get(name)
    if document is None:
        names = ", ".join(plans.names()) or "none"
        raise PlanNotFoundError(
            f"No plan {name!r} is stored. Stored plans: {names}. "
            "Store it with the StorePlan function, or put the plan itself into the request."
        )
    return document
