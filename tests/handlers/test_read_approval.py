"""ReadApproval: what operators have decided, and nothing else."""

from __future__ import annotations

import pytest

from functions.configuration import request_approval
from functions.execution.launch import approve_execution
from functions.query import read_approval
from tests.handlers.estate import Estate

QUESTION = {"subject": "START", "timeoutSeconds": "14400", "approvers": 1}


@pytest.mark.parametrize("action", ["APPROVE", "REJECT"])
def test_a_recorded_decision_is_read(estate: Estate, action: str) -> None:
    estate.open()
    first = estate.call(read_approval, **QUESTION)
    assert (first["approved"], first["over"], first["leftSeconds"]) == (False, False, 14400)
    estate.call(request_approval, taskToken="t", subject="START", leftSeconds="14400", approvers=1)
    estate.clock.advance(60)
    lost = {"Error": "ApprovalRejected", "Cause": "by the token alone"}
    open_still = estate.call(read_approval, failure=lost, **QUESTION)
    assert (open_still["over"], open_still["leftSeconds"]) == (False, 14340)
    assert open_still["waitSeconds"] == 540, "until the first reminder"
    message = {"action": action, "by": "ana", "reason": "checked"}
    estate.wire.on("sfn", "SendTaskSuccess", lambda call: call.answer(200, b"{}"))
    estate.wire.on("sfn", "SendTaskFailure", lambda call: call.answer(200, b"{}"))
    estate.call(approve_execution, **message)
    decided = estate.call(read_approval, **QUESTION)
    assert (decided["approved"], decided["over"]) == (action == "APPROVE", action == "REJECT")
    assert decided["cause"] == (None if action == "APPROVE" else "ana: checked")
