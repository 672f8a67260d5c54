"""The CLI call with which an operator controls an execution."""

from __future__ import annotations

import json
from typing import Any


def control_call(function_name: str, execution_id: str, action: str, **fields: Any) -> str:
    """An AWS CLI call of the function ``function_name`` with a message; who and why are to be filled in."""
    message = {
        "executionId": execution_id,
        "action": action,
        **fields,
        "by": "YOUR NAME",
        "reason": "YOUR REASON",
    }
    return (
        f"aws lambda invoke --function-name {function_name} --cli-binary-format raw-in-base64-out "
        f"--payload '{json.dumps(message)}' /dev/stdout"
    )
