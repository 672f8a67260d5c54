"""What has failed, read from the ``{Error, Cause}`` of a Catch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_STOPPED = {"ABORTED": "ChildExecutionAborted", "TIMED_OUT": "ChildExecutionTimedOut"}


@dataclass(frozen=True, slots=True)
class Failure:
    """The error's name, and its message."""

    error: str
    cause: str | None


def failure_of(document: Mapping[str, Any] | None) -> Failure | None:
    """The failure in ``{Error, Cause}``; None where there is none.

    The cause of a failed child execution is the answer of DescribeExecution (Step Functions developer guide,
    "Run a job"): then the failure is the child's own.
    """
    if not document:
        return None
    cause = document.get("Cause")
    child = _object(cause)
    if child is None or "ExecutionArn" not in child:
        return Failure(str(document.get("Error") or "UnknownError"), message_of(cause))
    if child.get("Status") in _STOPPED:
        said = f"{child['ExecutionArn']} ended as {child['Status']}: {child.get('Cause') or 'no cause given'}"
        return Failure(_STOPPED[child["Status"]], said)
    return Failure(str(child.get("Error") or "UnknownError"), message_of(child.get("Cause")))


def message_of(cause: Any) -> str | None:
    """The message in a failed function's error document, or the text as it is."""
    text = str(cause or "")
    document = _object(text)
    return (text or None) if document is None else str(document.get("errorMessage", text))


def failure_text(document: Mapping[str, Any] | None) -> str | None:
    """``{Error, Cause}`` of a state as one line, None without an error."""
    failure = failure_of(document)
    return f"{failure.error}: {failure.cause or 'no cause given'}" if failure else None


def _object(text: Any) -> dict[str, Any] | None:
    try:
        document = json.loads(str(text or ""))
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
