"""A write took effect, its answer was lost, another writer came, and botocore repeats the write.

The writer that moved something on takes the next step. It must learn that it did, and the other that not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from shared.model.execution import ControlRecord, Effect
from shared.model.pair import PairRecord
from shared.model.status import ExecutionStatus, Protection, ServerStatus, WaveStatus
from shared.rules.waves.slots import Claim
from shared.store import ClaimStore, LockStore, PairStore
from tests import makers
from tests.handlers.estate import RECOVERY, Estate, environment, plan_document
from tests.handlers.wire import Call, Wire

ID = "execution-1"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EXECUTIONS, PAIRS = environment()["EXECUTIONS_TABLE"], environment()["INSTANCE_PAIRS_TABLE"]
RUNNING = makers.execution(status=ExecutionStatus.RUNNING, ended_at=None)
READY = makers.record(1, wave="web")
OTHER = makers.record(2, wave="web")
RECOVERED = makers.record(3, wave="web", status=ServerStatus.RECOVERED)
NEW = replace(RUNNING, execution_id="execution-2")
PAIR = PairRecord("s-1", "app-1", RECOVERY, "i-1", None, None, None, None, "ORIGIN")


@dataclass(frozen=True, slots=True)
class Write:
    """``mine`` is the write whose answer is lost, ``other`` comes then; what each must have as an answer."""

    name: str
    mine: Callable[[Estate], Any]
    answer: Any
    other: Callable[[Estate], Any]
    others_answer: Any
    operation: str = "TransactWriteItems"


def status(estate: Estate, server: Any, new: ServerStatus, *only: ServerStatus) -> list[ServerStatus]:
    change = makers.changed(server, {"status": new})
    return [after.status for after in estate.store.change_servers(ID, [change], only_from=only)]


def two(estate: Estate) -> int:
    changes = [makers.changed(one, {"status": ServerStatus.CONFIGURED}) for one in (READY, OTHER)]
    return len(estate.store.change_servers(ID, changes, only_from=(ServerStatus.READY,)))


def protect(estate: Estate, protection: Protection) -> int:
    return len(estate.store.change_settled(ID, [makers.changed(RECOVERED, {"protection": protection})]))


def control(estate: Estate, control_id: str, seen: int) -> bool:
    record = replace(RUNNING, controls=seen)
    message = ControlRecord(control_id, "PAUSE", "ann", "", NOW.isoformat(), {}, {})
    return estate.store.record_control(record, message, Effect())


def grant(execution_id: str) -> bool:
    own = Claim(execution_id, "web", 1, 10, 60.5, NOW.isoformat(), NOW.isoformat())
    claims = ClaimStore(EXECUTIONS, RECOVERY)
    return claims.grant(own, NOW, lambda mine, all: not any(one.granted_at for one in all)).granted


def take(execution_id: str) -> dict[str, str]:
    return LockStore(EXECUTIONS).take(["PLAN#erp"], execution_id, lambda holder: holder == "over")


WRITES = [
    Write(
        "a server",
        lambda e: status(e, READY, ServerStatus.CONFIGURED, ServerStatus.READY),
        [ServerStatus.CONFIGURED],
        lambda e: status(e, READY, ServerStatus.LAUNCHING, ServerStatus.CONFIGURED),
        [ServerStatus.LAUNCHING],
    ),
    Write(
        "an outcome",
        lambda e: status(e, READY, ServerStatus.FAILED),
        [ServerStatus.FAILED],
        lambda e: status(e, READY, ServerStatus.SKIPPED),
        [],
    ),
    Write("two servers", two, 2, lambda e: status(e, OTHER, ServerStatus.FAILED), [ServerStatus.FAILED]),
    Write(
        "a protection",
        lambda e: protect(e, Protection.RETIRED),
        1,
        lambda e: protect(e, Protection.UNPROTECTED),
        0,
    ),
    Write(
        "an execution",
        lambda e: e.store.change_execution(ID, {"status": ExecutionStatus.COMPLETED}),
        True,
        lambda e: e.store.change_execution(ID, {"status": ExecutionStatus.FAILED}),
        False,
    ),
    Write(
        "a wave",
        lambda e: e.store.change_wave(ID, "web", {"status": WaveStatus.COMPLETED}),
        True,
        lambda e: e.store.change_wave(ID, "web", {"status": WaveStatus.FAILED}),
        False,
    ),
    Write(
        "a new execution",
        lambda e: e.store.open(NEW, plan_document(), NOW),
        True,
        lambda e: e.store.open(NEW, plan_document(), NOW),
        False,
    ),
    Write("an operator action", lambda e: control(e, "a", 0), True, lambda e: control(e, "b", 1), True),
    Write("a slot", lambda e: grant("one"), True, lambda e: grant("two"), False),
    Write(
        "a pair",
        lambda e: PairStore(PAIRS).put([PAIR]),
        [True],
        lambda e: PairStore(PAIRS).put([replace(PAIR, revision=1)]),
        [True],
    ),
    Write("a lock", lambda e: take("one"), {}, lambda e: take("two"), {"PLAN#erp": "one"}, "PutItem"),
]


@pytest.mark.parametrize("written", WRITES, ids=lambda written: written.name)
def test_the_writer_that_won_learns_it(estate: Estate, wire: Wire, written: Write) -> None:
    assert estate.store.open(RUNNING, plan_document(), NOW + timedelta(days=90))
    estate.store.put_servers(ID, [READY, OTHER, RECOVERED])
    estate.store.put_waves(ID, [makers.wave("web")])
    LockStore(EXECUTIONS).take(["PLAN#erp"], "over", lambda holder: False)
    others: list[Any] = []

    def lose(call: Call) -> AWSResponse:
        answer = wire.forward(call)
        assert answer is not None
        if answer.status_code != 200:
            return answer
        wire.off("dynamodb", written.operation)
        others.append(written.other(estate))
        return call.answer(500, b'{"__type": "InternalServerError", "message": "lost"}')

    wire.on("dynamodb", written.operation, lose)
    assert written.mine(estate) == written.answer
    assert others == [written.others_answer]
