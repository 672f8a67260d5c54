"""What is wrong with a fleet file, in words by which its author can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: where (``servers[0].wave``, ``line`` from 1), what, and what to do about it."""

    path: str
    line: int | None
    message: str
    remedy: str


class FleetFileError(Exception):
    """A fleet file that cannot be used. ``problems`` has every reason; ``str()`` is for the terminal."""

    def __init__(self, file: Path, problems: tuple[Problem, ...]) -> None:
        self.file = file
        self.problems = problems
        super().__init__("\n".join(self._line(problem) for problem in problems))

    def _line(self, problem: Problem) -> str:
        line = f":{problem.line}" if problem.line else ""
        path = f"{problem.path}: " if problem.path else ""
        return f"{self.file}{line}: {path}{problem.message}\n    {problem.remedy}"
