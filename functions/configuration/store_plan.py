"""StorePlan: check a plan and keep it under its name, so that requests can name it."""

from __future__ import annotations

from typing import Any

from shared.plan import parse_plan
from shared.settings import ConfigurationSettings
from shared.store import PlanStore
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{plan: {…}}`` → ``{plan, sites, waves, replaced}``. Raises PlanInvalidError."""
    document = task.event.get("plan")
    plan = parse_plan(document)
    plans = PlanStore(ConfigurationSettings.from_env().plans_table)
    replaced = plans.get(plan.name) is not None
    plans.put(dict(document or {}), task.now)
    return {
        "plan": plan.name,
        "sites": [site.name for site in plan.sites],
        "waves": [wave.name for wave in plan.waves],
        "replaced": replaced,
    }
