"""OpenPreparation: a preparation is recorded as a dry run, and runs once at a time for a plan."""

from __future__ import annotations

import pytest

from functions.configuration.open_preparation import PreparationInvalidError
from shared.model.status import ExecutionStatus
from shared.services.preparer import PreparationInProgressError
from shared.services.stored_plans import PlanNotFoundError
from shared.store import preparation_lock
from tests.handlers.estate import Estate
from tests.handlers.preparation import open_
from tests.handlers.wire import refused_json


def test_a_preparation_is_recorded_and_names_the_execution_of_the_plan(estate: Estate) -> None:
    assert open_(estate) == {"plan": "erp", "sites": ["main"], "undo": False, "holder": None}
    assert estate.store.execution("preparation-1").dry_run
    assert estate.locks.holders([preparation_lock("erp")]).popitem()[1] == "preparation-1"
    estate.store.change_execution("preparation-1", {"status": ExecutionStatus.COMPLETED})
    estate.execution_id = "execution-1"
    estate.open()
    assert open_(estate, "preparation-2", undo=True)["holder"] == "execution-1"


def test_a_second_preparation_of_the_plan_is_refused(estate: Estate) -> None:
    open_(estate)
    estate.wire.on("sfn", "DescribeExecution", refused_json("AccessDeniedException"))
    with pytest.raises(PreparationInProgressError, match="preparation-1 of plan 'erp' runs"):
        open_(estate, "preparation-2")


def test_an_unknown_plan_and_an_invalid_input_are_refused(estate: Estate) -> None:
    with pytest.raises(PlanNotFoundError, match="No plan 'crm' is stored"):
        open_(estate, plan="crm")
    with pytest.raises(PreparationInvalidError):
        open_(estate, surprise=True)


def test_a_preparation_that_is_opened_after_its_end_leaves_no_lock(estate: Estate) -> None:
    open_(estate)
    estate.store.change_execution("preparation-1", {"status": ExecutionStatus.COMPLETED})
    estate.locks.release([preparation_lock("erp")], "preparation-1")
    open_(estate)
    assert estate.locks.holders([preparation_lock("erp")]) == {}
