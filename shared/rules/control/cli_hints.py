"""AWS CLI calls that operators paste from messages."""

from __future__ import annotations

import json
import shlex
from typing import Any


def function_call(function_name: str, event: dict[str, Any]) -> str:
    """An AWS CLI call of a function with an event.

    The event comes as bytes, by standard input: version 1 of the AWS CLI knows no ``--cli-binary-format``,
    and version 2 takes a payload in the command for base64 (AWS CLI user guide, *Breaking changes*).
    """
    return (
        f"aws lambda invoke --function-name {function_name} --payload fileb:///dev/stdin /dev/stdout "
        f"<<< {shlex.quote(json.dumps(event))}"
    )


def control_call(function_name: str, execution_id: str, action: str, **fields: Any) -> str:
    """A call of ControlExecution with a message; who and why are to be filled in."""
    given = {"executionId": execution_id, "action": action, **fields}
    return function_call(function_name, {**given, "by": "YOUR NAME", "reason": "YOUR REASON"})


def approve_call(function_name: str, execution_id: str, action: str, subject: str) -> str:
    """A call of ApproveExecution that answers a request for approval."""
    return function_call(
        function_name,
        {
            "executionId": execution_id,
            "action": action,
            "subject": subject,
            "by": "YOUR NAME",
            "reason": "YOUR REASON",
        },
    )


def close_call(function_name: str, execution_id: str, started_at: str) -> str:
    """A call of CloseExecution: repeated, it changes no outcome, and writes the report."""
    return function_call(function_name, {"executionId": execution_id, "startedAt": started_at})
