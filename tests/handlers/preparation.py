"""A preparation of the estate's plan, carried from its opening to its end by the handlers."""

from __future__ import annotations

from typing import Any

from functions.configuration import (
    close_preparation,
    decide_pairs,
    open_preparation,
    prepare_launch,
    undo_preparation,
)
from functions.query import check_prerequisites, discover_servers, match_instances
from tests.handlers.estate import Estate, plan_document


def open_(estate: Estate, execution_id: str = "preparation-1", **request: Any) -> dict[str, Any]:
    """OpenPreparation, from then on the estate's execution."""
    estate.execution_id = execution_id
    answer: dict[str, Any] = estate.call(
        open_preparation,
        executionArn=estate.arn(),
        startedAt=estate.now,
        request={"plan": plan_document(), **request},
    )
    return answer


def check(estate: Estate) -> None:
    estate.call(discover_servers, site="main")
    estate.call(match_instances)
    estate.call(check_prerequisites, site="main", executionArn=estate.arn())
    estate.call(decide_pairs, executionArn=estate.arn())


def prepare(estate: Estate, execution_id: str = "preparation-1") -> dict[str, Any]:
    """All up to PrepareLaunch; gives its answer."""
    open_(estate, execution_id)
    check(estate)
    answer: dict[str, Any] = estate.call(prepare_launch)
    return answer


def undo(estate: Estate) -> dict[str, Any]:
    answer: dict[str, Any] = estate.call(undo_preparation)
    return answer


def close(estate: Estate, **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = estate.call(close_preparation, startedAt=estate.now, **fields)
    return answer
