"""Plan documents by the name that a request gives."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger

from shared.model.plan import Plan
from shared.rules.plan.parsing import PlanInvalidError, parse_plan
from shared.store import PlanStore

logger = Logger(child=True)


class PlanNotFoundError(Exception):
    """The input names a plan that is not stored."""


def other_plans(plans: PlanStore, name: str) -> list[Plan]:
    """The stored plans of other names, as far as they can be read."""
    found = []
    for document in plans.every():
        try:
            found.append(parse_plan(document))
        except PlanInvalidError as error:
            logger.warning("plan not readable", extra={"plan": document.get("name"), "error": str(error)})
    return [plan for plan in found if plan.name != name]


def stored_plan(plans: PlanStore, name: str) -> dict[str, Any]:
    """Raises PlanNotFoundError."""
    document = plans.get(name)
    if document is None:
        names = ", ".join(plans.names()) or "none"
        raise PlanNotFoundError(
            f"No plan {name!r} is stored. Stored plans: {names}. Store it with the StorePlan function."
        )
    return document
