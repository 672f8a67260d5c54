"""Makes a Plan out of a plan document, or says everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from shared.contracts import DocumentInvalidError, Problem
from shared.model import Plan


class PlanInvalidError(DocumentInvalidError):
    """A plan document breaks the schema or contradicts itself."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("plan", problems)


def parse_plan(document: object) -> Plan:
    """The Plan that ``document`` (parsed YAML or JSON) describes. Raises PlanInvalidError."""
    raise NotImplementedError
