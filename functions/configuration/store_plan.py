"""StorePlan: check a plan and store it under its name; prepare it if it asks for that."""

from __future__ import annotations

from typing import Any

from shared.aws.step_functions import start
from shared.rules.plan.parsing import parse_plan
from shared.settings import ConfigurationSettings, prepare_machine
from shared.store import PlanStore
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{plan: {…}}`` → ``{plan, sites, waves, replaced, preparation}``. Raises PlanInvalidError.

    ``preparation``: the name of the execution that prepares the plan, None if it does not ask for that.
    """
    document = run.event.get("plan")
    plan = parse_plan(document)
    plans = PlanStore(run.settings.plans_table)
    replaced = plans.get(plan.name) is not None
    plans.put(dict(document or {}), run.now)
    name = None
    if plan.policies.prepare_when_stored:
        name = f"{plan.name[:40]}-stored-{run.now:%Y%m%dT%H%M%S}"
        start(prepare_machine(), name, {"plan": plan.name, "reason": "it was stored"})
    return {
        "plan": plan.name,
        "sites": [site.name for site in plan.sites],
        "waves": [wave.name for wave in plan.waves],
        "replaced": replaced,
        "preparation": name,
    }
