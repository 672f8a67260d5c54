"""CancelDrills: a failover stops the drills of its plan or servers, if requested."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from functions.execution.stop import cancel_drills
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus
from shared.store import server_lock
from tests import makers
from tests.handlers.estate import Estate, plan_document
from tests.handlers.wire import Call


class Drill:
    """A drill with a lock on a server of the estate's execution: what Step Functions knows of it."""

    def __init__(self, estate: Estate) -> None:
        self.status = "RUNNING"
        self.stopped_at: float | None = None
        self.stops: list[dict[str, Any]] = []
        self._estate = estate
        record = makers.execution(
            execution_id="drill", mode=Mode.DRILL, status=ExecutionStatus.RUNNING, ended_at=None
        )
        estate.store.open(record, plan_document(name="other"), estate.clock.now())
        estate.wire.on("sfn", "DescribeExecution", self._describe)
        estate.wire.on("sfn", "StopExecution", self._stop)

    def _describe(self, call: Call) -> AWSResponse:
        answer: dict[str, Any] = {"status": self.status, "startDate": 1, "name": "drill"}
        if self.stopped_at is not None:
            answer["stopDate"] = self.stopped_at
        return call.answer(200, json.dumps(answer).encode())

    def _stop(self, call: Call) -> AWSResponse:
        self.stops.append(json.loads(call.body))
        self.status, self.stopped_at = "ABORTED", self._estate.clock.now().timestamp()
        return call.answer(200, b'{"stopDate": 1}')


def waiting(estate: Estate) -> int:
    answer: dict[str, int] = estate.call(cancel_drills, executionArn=estate.arn())
    return answer["waiting"]


@pytest.mark.parametrize(("cancel", "stops"), [(True, 1), (False, 0)])
def test_a_drill_with_a_lock_on_a_server_is_stopped_once_if_requested(
    estate: Estate, cancel: bool, stops: int
) -> None:
    pairs = estate.add_pairs("web-1")
    estate.reach("DECIDED", cancelDrill=cancel)
    drill = Drill(estate)
    estate.locks.take([server_lock(pairs["web-1"][0])], "drill", lambda _: False)
    assert [waiting(estate), waiting(estate)] == [stops, stops]
    assert [stop["error"] for stop in drill.stops] == ["FailoverTakesPrecedence"] * stops


def test_a_stopped_drill_that_is_not_closed_is_given_up_after_ten_minutes(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1")
    estate.reach("DECIDED", cancelDrill=True)
    Drill(estate)
    estate.locks.take([server_lock(pairs["web-1"][0])], "drill", lambda _: False)
    assert waiting(estate) == 1
    estate.clock.advance(601)
    assert waiting(estate) == 0


def test_a_drill_that_was_closed_is_not_waited_for(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1")
    estate.reach("DECIDED", cancelDrill=True)
    Drill(estate)
    estate.locks.take([server_lock(pairs["web-1"][0])], "drill", lambda _: False)
    assert waiting(estate) == 1
    estate.store.change_execution("drill", {"status": ExecutionStatus.CANCELLED})
    assert waiting(estate) == 0
