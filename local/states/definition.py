"""Reading a definition: what the interpreter's grammar refuses or lets through and AWS does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from moto.stepfunctions.parser.asl.parse.asl_parser import ASLParserException

Parse = Callable[[str], tuple[Any, Any]]


def transition_errors(definition: dict[str, Any], where: str = "") -> Iterator[str]:
    """Every transition to a state that is not there, and every state that none leads to.

    The texts are those of CreateStateMachine (``MISSING_TRANSITION_TARGET``).
    """
    states: dict[str, Any] = definition.get("States") or {}
    start = definition.get("StartAt")
    reached = {start}
    if start not in states:
        yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {start} at {where}/StartAt"
    for name, state in states.items():
        path = f"{where}/States/{name}"
        for field, target in _targets(state):
            reached.add(target)
            if target not in states:
                yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {path}/{field}"
        for index, branch in enumerate(state.get("Branches", [])):
            yield from transition_errors(branch, f"{path}/Branches[{index}]")
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                yield from transition_errors(state[field], f"{path}/{field}")
    for name in states:
        if name not in reached:
            yield f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable. at {where}/States/{name}'


def _targets(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("Next", "Default"):
        if state.get(field) is not None:
            yield field, state[field]
    for field in ("Catch", "Choices"):
        for index, rule in enumerate(state.get(field, [])):
            if rule.get("Next") is not None:
                yield f"{field}[{index}]/Next", rule["Next"]


def parser(original: Parse) -> Parse:
    """The interpreter's ``parse`` with checks, whole-number percentages, ItemBatcher, and a cache.

    The evaluated program keeps nothing between executions, so that one can be shared; reading a machine of
    a hundred states takes longer than running it. Raises ASLParserException.
    """

    @lru_cache(maxsize=256)
    def parse(definition: str) -> tuple[Any, Any]:
        try:
            document = json.loads(definition)
        except ValueError as error:
            raise ASLParserException(errors=[f"INVALID_JSON_DESCRIPTION: {error}"]) from error
        errors = list(transition_errors(document))
        if errors:
            raise ASLParserException(errors=errors)
        batchers = list(_prepare(document))
        program, tree = original(json.dumps(document))
        for path, batcher in batchers:
            _map_state(program, path).iteration_component.item_batcher = batcher
        return program, tree

    return parse


def _prepare(machine: dict[str, Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Rewrites what the grammar cannot read; yields the ItemBatcher of each Map with the way to it."""
    for name, state in (machine.get("States") or {}).items():
        here = (*path, name)
        if state.get("Type") == "Map":
            percentage = state.get("ToleratedFailurePercentage")
            if isinstance(percentage, int):
                state["ToleratedFailurePercentage"] = float(percentage)
            if "ItemBatcher" in state:
                yield here, state.pop("ItemBatcher")
        for index, branch in enumerate(state.get("Branches", [])):
            yield from _prepare(branch, (*here, index))
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                yield from _prepare(state[field], (*here, field))


def _map_state(program: Any, path: tuple[Any, ...]) -> Any:
    state = program.states.states[path[0]]
    for step, name in zip(path[1::2], path[2::2], strict=True):
        inner = state.branches.programs[step].states if isinstance(step, int) else None
        states = inner if inner is not None else state.iteration_component._states
        state = states.states[name]
    return state
