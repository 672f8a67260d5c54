"""Puts the JSONata evaluator in the place of the one that moto leaves out."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)

from local.states import jsonata


def variables_of(env: Any) -> dict[str, Any]:
    """The variables that a state of ``env`` sees, by name."""
    store = env.variable_store
    return {**store._outer_scope, **store._inner_scope}


def eval_expression(self: Any, env: Any) -> None:
    """Pushes the value of a ``{% … %}`` string; fails the state with States.QueryEvaluationError."""
    env.stack.append(evaluate_in(env, self.expression))


def evaluate_in(env: Any, expression: str) -> Any:
    """The value of ``expression`` for the state that ``env`` is in."""
    try:
        return jsonata.evaluate(expression, env.states._states_data, variables_of(env))
    except jsonata.ExpressionError as error:
        failure = _query_evaluation_error(env, str(error))
        env.event_manager.add_event(
            context=env.event_history_context,
            event_type=HistoryEventType.EvaluationFailed,
            event_details={
                "evaluationFailedEventDetails": failure.get_evaluation_failed_event_details(),
            },
        )
        raise failure from error


def evaluate_template(env: Any, template: Any) -> Any:
    """``template`` with every ``{% … %}`` string in it evaluated."""
    if isinstance(template, dict):
        return {key: evaluate_template(env, value) for key, value in template.items()}
    if isinstance(template, list):
        return [evaluate_template(env, value) for value in template]
    if isinstance(template, str) and template.startswith("{%") and template.endswith("%}"):
        return evaluate_in(env, template[2:-2].strip())
    return template


def eval_sample(self: Any, env: Any) -> None:
    """Pushes the value that a JSONPath or JSONata field names by a variable, such as ``$servers.count``."""
    try:
        value = jsonata.evaluate(self.expression, env.states._states_data, variables_of(env))
    except jsonata.UndefinedError:
        value = None
    env.stack.append(value)


def _query_evaluation_error(env: Any, cause: str) -> Any:
    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    return FailureEventException(
        failure_event=FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.EvaluationFailed,
            event_details={
                "evaluationFailedEventDetails": EvaluationFailedEventDetails(
                    cause=cause, error=name.error_name
                )
            },
        )
    )
