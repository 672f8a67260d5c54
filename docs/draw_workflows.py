"""Draws the state machines into docs/architecture.md as Mermaid state diagrams.

``python docs/draw_workflows.py`` brings the pictures up to date. A picture stands between
``<!-- workflow NAME -->`` and ``<!-- end -->``, NAME as in ``statemachines/NAME.asl.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"

_PICTURE = re.compile(r"(<!-- workflow (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_JSONATA = re.compile(r"^\{%\s*|\s*%\}$|\$states\.input\.|\$(?=[a-zA-Z])")


def redraw(page: str) -> str:
    """``page`` with every picture as the state machines are now."""
    return _PICTURE.sub(lambda found: f"{found[1]}```mermaid\n{draw(load(found[2]))}\n```\n{found[3]}", page)


def load(name: str) -> dict[str, Any]:
    """A state machine's definition."""
    machine: dict[str, Any] = json.loads((ROOT / "statemachines" / f"{name}.asl.json").read_text("utf-8"))
    return machine


def draw(machine: Mapping[str, Any]) -> str:
    """The state machine as Mermaid text. Where many failures lead is a note: arrows would hide the rest."""
    return "\n".join(["stateDiagram-v2", *_states(machine, "  ")])


def _states(machine: Mapping[str, Any], indent: str) -> Iterator[str]:
    yield f"{indent}[*] --> {machine['StartAt']}"
    for name, state in machine["States"].items():
        if "ItemProcessor" in state:
            yield f"{indent}state {name} {{"
            yield from _states(state["ItemProcessor"], indent + "  ")
            yield f"{indent}}}"
        for label, target in _ways(state):
            yield f"{indent}{name} --> {target}" + (f": {label}" if label else "")
    for target, sources in _failures(machine).items():
        if len(sources) == 1:
            yield f"{indent}{sources[0]} --> {target}: on error"
        else:
            yield f"{indent}note right of {target}: on error of {', '.join(sources)}"


def _ways(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a state leads when nothing fails: label and target."""
    for choice in state.get("Choices", ()):
        yield _JSONATA.sub("", choice["Condition"]), choice["Next"]
    if "Default" in state:
        yield "otherwise", state["Default"]
    if "Next" in state:
        yield "", state["Next"]
    if state.get("End") or state["Type"] in ("Succeed", "Fail"):
        yield "", "[*]"


def _failures(machine: Mapping[str, Any]) -> dict[str, list[str]]:
    """The states that a Catch leads to, with those it leads from."""
    found: dict[str, list[str]] = {}
    for name, state in machine["States"].items():
        for catcher in state.get("Catch", ()):
            sources = found.setdefault(catcher["Next"], [])
            if name not in sources:
                sources.append(name)
    return found


if __name__ == "__main__":
    PAGE.write_text(redraw(PAGE.read_text("utf-8")), "utf-8")
