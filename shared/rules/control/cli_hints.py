"""The CLI call with which an operator controls an execution."""

from __future__ import annotations

import json
import shlex
from typing import Any


def control_call(function_name: str, execution_id: str, action: str, **fields: Any) -> str:
    """An AWS CLI call of the function ``function_name`` with a message; who and why are to be filled in.

    The message comes as bytes, by standard input: version 1 of the AWS CLI knows no ``--cli-binary-format``,
    and version 2 takes a payload in the command for base64 (AWS CLI user guide, *Breaking changes*).
    """
    message = {
        "executionId": execution_id,
        "action": action,
        **fields,
        "by": "YOUR NAME",
        "reason": "YOUR REASON",
    }
    return (
        f"aws lambda invoke --function-name {function_name} --payload fileb:///dev/stdin /dev/stdout "
        f"<<< {shlex.quote(json.dumps(message))}"
    )
