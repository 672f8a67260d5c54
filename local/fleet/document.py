"""Reads a YAML file with the line of every value, so that each complaint can say where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.fleet.errors import FleetFileError, Problem
from shared.rules.plan.contracts import path_of


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML file: its content, and its node tree for looking lines up."""

    file: Path
    content: Any
    root: yaml.Node | None

    def line(self, path: Iterable[str | int]) -> int | None:
        """The line (from 1) of the key or list item at ``path``, or of the deepest part that exists."""
        node, line = self.root, 1
        for step in path:
            if node is None:
                break
            place = _place(node, step)
            if place is None:
                break
            line, node = place
        return line if self.root is not None else None


def read(file: Path) -> Document:
    """Parse ``file``. Raises FleetFileError for one that is missing, not YAML, or says a key twice."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        remedy = "Name an existing file, such as fleets/default.yaml."
        raise FleetFileError(file, (Problem("", None, f"{error.strerror or error}.", remedy),)) from error
    except UnicodeDecodeError as error:
        problem = Problem("", None, "it is not a text file.", "Write it as YAML in UTF-8.")
        raise FleetFileError(file, (problem,)) from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FleetFileError(file, (_syntax_problem(error),)) from error
    repeated = tuple(_repeated_keys(root, ()))
    if repeated:
        raise FleetFileError(file, repeated)
    return Document(file, content, root)


def _place(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    """The line of ``step`` in a mapping or a sequence, and the value there."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or str(error)
    remedy = "Mend the YAML there: indentation with spaces, a space after each colon, quotes closed."
    return Problem("", mark.line + 1 if mark else None, f"not valid YAML: {said}.", remedy)


def _repeated_keys(node: yaml.Node | None, path: tuple[str | int, ...]) -> Iterable[Problem]:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                message = f"the key '{key.value}' is here twice, first on line {seen[key.value]}."
                yield Problem(path_of(path), line, message, "Keep one of the two.")
            seen.setdefault(key.value, line)
            yield from _repeated_keys(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated_keys(item, (*path, index))
