"""Checks documents against the schemas in ``shared/schemas``; says what is wrong in an operator's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One violation: where (``waves[2].dependsOn[0]``), what is wrong, and what to write instead."""

    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message} {self.remedy}"


class DocumentInvalidError(ValueError):
    """A document breaks its contract. The message lists every problem with its remedy, one per line."""

    def __init__(self, what: str, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join([f"The {what} is not valid:", *(f"- {problem}" for problem in problems)]))
        self.problems = tuple(problems)


def problems(document: object, schema_name: str) -> tuple[Problem, ...]:
    """Every violation of ``schema_name`` ("plan", "request", "report" or "dr-event") in ``document``.

    Never raises for a document, whatever it holds; raises LookupError for an unknown schema name.
    """
    raise NotImplementedError
