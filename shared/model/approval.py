"""The answers of operators to requests for approval."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Subject(StrEnum):
    """What is approved."""

    START = "START"
    CUTOVER = "CUTOVER"


class Identity(StrEnum):
    """What is known of the name of who answered."""

    STATED = "STATED"
    """A caller of ApproveExecution may state any name; CloudTrail has the caller."""
    VERIFIED = "VERIFIED"


@dataclass(frozen=True, slots=True)
class ApprovalAnswer:
    """One person's answer; the first one stays. ``at``: ISO 8601, by the clock of the function."""

    subject: Subject
    approved: bool
    by: str
    reason: str
    at: str
    identity: Identity = Identity.STATED

    @property
    def person(self) -> str:
        return person_of(self.by)


def person_of(name: str) -> str:
    """A name as it is compared: other capitals or spaces make no other person."""
    return " ".join(name.split()).casefold()
