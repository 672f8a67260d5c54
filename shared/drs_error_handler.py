"""Which AWS error is what, whether to try again, and what to tell the operator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ErrorKind(StrEnum):
    THROTTLED = "THROTTLED"
    QUOTA = "QUOTA"
    BUSY = "BUSY"
    NOT_STOPPED = "NOT_STOPPED"
    DENIED = "DENIED"
    NOT_FOUND = "NOT_FOUND"
    INVALID = "INVALID"
    CAPACITY = "CAPACITY"
    UNKNOWN_OUTCOME = "UNKNOWN_OUTCOME"
    """The call may have taken effect: look before calling again."""
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class Explanation:
    """``retryable``: the very same call may be made again later without looking first."""

    kind: ErrorKind
    retryable: bool
    remedy: str


def explain(code: str, message: str, operation: str) -> Explanation:
    """What an error of an AWS call means.

    ``code``: the error code, or the name of a botocore exception; ``operation`` as the API names it
    ("StartRecovery"). Total: an unknown code gets an answer too.
    """
    raise NotImplementedError


def explain_raw_error(text: str) -> str:
    """The remedy for a rawError of a job log or of the replication."""
    raise NotImplementedError
