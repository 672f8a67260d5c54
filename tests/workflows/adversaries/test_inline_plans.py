"""A plan that comes with a request weakens no approval: dry runs only, unless the stack takes such plans."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.stage import Stage, group, stage

STORED_ONLY = {"AllowInlinePlans": "false"}
REQUIRED = {"approval": "REQUIRED"}


def weakened(here: Stage) -> dict[str, Any]:
    return {**here.plan, "policies": {}}


def test_an_inline_plan_is_refused_before_anything_is_read_and_a_dry_run_is_not() -> None:
    with stage(group("app"), parameters=STORED_ONLY, policies=REQUIRED) as here:
        before = here.world()
        run = here.run(plan=weakened(here))
        assert run.status == "FAILED"
        assert "INLINE_PLAN_REFUSED" in run.report["reason"]
        assert "StorePlan" in run.report["reason"]
        assert here.world() == before
        assert here.run("dry", plan=weakened(here), dryRun=True).status == "COMPLETED"
        # The remedy, followed:
        here.store_plan()
        assert here.run("stored", plan=here.plan["name"], approval="NOT_REQUIRED").status != "FAILED"


@pytest.mark.parametrize("change", [{"policies": {}}, {"waves": []}, {"sites": []}])
def test_where_inline_plans_are_taken_a_stored_one_of_that_name_is_not_replaced(
    change: dict[str, Any],
) -> None:
    with stage(group("app"), policies=REQUIRED) as here:
        here.store_plan()
        before = here.world()
        run = here.run(plan={**here.plan, **change})
        assert run.status == "FAILED"
        assert here.world() == before
        if change == {"policies": {}}:
            assert "is stored, and differs" in run.report["reason"]


def test_the_same_plan_inline_is_as_good_as_its_name() -> None:
    with stage(group("app")) as here:
        here.store_plan()
        assert here.run(plan=here.plan).outcomes == {"app": "RECOVERED"}
