"""Who moved a pair last is reported by execution ids: late, doubled and parallel writers change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.aws.errors import AwsUnavailableError
from shared.model.execution import ExecutionRecord
from shared.model.pair import PairRecord
from shared.model.policies import LaunchOrder, Mode
from shared.model.scope import Scope
from shared.model.server import FailbackProgress, ServerRecord
from shared.model.status import ExecutionStatus, ServerStatus
from shared.services.pair_keeper import PairKeeper
from shared.store import server_lock
from tests import makers
from tests.handlers.estate import ORIGIN, RECOVERY, Estate, environment, plan_document
from tests.handlers.wire import Call, Wire

EARLY, LATE = "2026-01-01T01:00:00Z", "2026-01-02T01:00:00Z"


class Execution:
    """One that recovered the server *s-1*, with its lock, having found the pair as ``found`` had left it."""

    def __init__(
        self, estate: Estate, name: str, mode: Mode, found: str | None, verified_at: str = EARLY
    ) -> None:
        self._estate = estate
        record = ExecutionRecord(
            execution_id=name,
            plan_name="erp",
            mode=mode,
            status=ExecutionStatus.RUNNING,
            started_at=estate.now,
            dry_run=False,
            launch_order=LaunchOrder.TOGETHER,
            request={},
        )
        estate.store.open(record, plan_document(), estate.clock.now() + timedelta(days=1))
        estate.locks.take([server_lock("s-1")], name, lambda holder: True)
        self.name = name
        self.server = _recovered(RECOVERY if mode is Mode.FAILOVER else ORIGIN, found, verified_at)
        estate.store.put_servers(name, [self.server])
        self._keeper = PairKeeper(estate.store, environment()["INSTANCE_PAIRS_TABLE"], record)

    def keep(self) -> None:
        self._keeper.keep([self.server])

    def release(self) -> None:
        self._estate.locks.release([server_lock("s-1")], self.name)


def _recovered(scope: Scope, found: str | None, verified_at: str) -> ServerRecord:
    return ServerRecord(
        source_server_id="s-1",
        name="web-1",
        scope=scope,
        site="main",
        status=ServerStatus.RECOVERED,
        original_instance_id="i-origin",
        pair_instance_id="i-away" if scope == RECOVERY else "i-origin",
        failback=FailbackProgress(workload_instance_id=None if scope == RECOVERY else "i-away"),
        verified_at=verified_at,
        pair_moved_by=found,
    )


def pair(estate: Estate) -> PairRecord:
    return estate.pairs.get(["s-1"])["s-1"]


def side(estate: Estate) -> tuple[str, str | None]:
    return pair(estate).workload_side, pair(estate).moved_by


def test_a_failback_brings_the_pair_back_whatever_the_clock_says(estate: Estate) -> None:
    out = Execution(estate, "out", Mode.FAILOVER, None, LATE)
    out.keep()
    out.release()
    Execution(estate, "back", Mode.FAILBACK, "out", EARLY).keep()
    assert side(estate) == ("ORIGIN", "back")


@pytest.mark.parametrize("over", [False, True])
def test_who_is_closed_late_does_not_undo_what_came_after(estate: Estate, over: bool) -> None:
    out = Execution(estate, "out", Mode.FAILOVER, None, LATE)
    out.keep()
    back = Execution(estate, "back", Mode.FAILBACK, "out", EARLY)
    back.keep()
    if over:
        back.release()
    revision = pair(estate).revision
    for late in (out, back, out):
        late.keep()
    assert side(estate) == ("ORIGIN", "back")
    assert pair(estate).revision == revision, "nothing was to be written"


def test_who_is_closed_for_the_first_time_when_another_has_moved_the_pair_stays_silent(
    estate: Estate,
) -> None:
    out = Execution(estate, "out", Mode.FAILOVER, None, LATE)
    back = Execution(estate, "back", Mode.FAILBACK, None, EARLY)
    back.keep()
    back.release()
    out.keep()
    assert side(estate) == ("ORIGIN", "back")


def test_who_is_closed_late_is_heard_as_long_as_no_other_has_moved_the_pair(estate: Estate) -> None:
    out = Execution(estate, "out", Mode.FAILOVER, None)
    back = Execution(estate, "back", Mode.FAILBACK, None)
    out.keep()
    assert side(estate) == ("RECOVERY", "out")
    back.keep()
    assert side(estate) == ("ORIGIN", "back"), "it holds the server: what it says is newer"
    out.keep()
    assert side(estate) == ("ORIGIN", "back")


def test_a_pair_that_changes_after_it_was_read_is_read_again(estate: Estate, wire: Wire) -> None:
    out = Execution(estate, "out", Mode.FAILOVER, None)
    back = Execution(estate, "back", Mode.FAILBACK, None)

    def first_the_other(call: Call) -> None:
        wire.off("dynamodb", "TransactWriteItems")
        back.keep()
        back.release()

    wire.on("dynamodb", "TransactWriteItems", first_the_other)
    out.keep()
    assert side(estate) == ("ORIGIN", "back")
    assert pair(estate).revision == 1


def test_a_server_that_is_put_back_meanwhile_is_not_kept_as_it_was(estate: Estate, wire: Wire) -> None:
    out = Execution(estate, "out", Mode.FAILOVER, None)
    out.keep()
    estate.pairs.put([replace(pair(estate), private_ip="10.9.9.9")])  # so that there is something to write

    def put_back(call: Call) -> None:
        wire.off("dynamodb", "TransactWriteItems")
        estate.store.change_settled("out", [makers.changed(out.server, {"cleaned_up_at": LATE})])
        now = pair(estate)
        estate.pairs.put([replace(now, workload_side="ORIGIN")])

    wire.on("dynamodb", "TransactWriteItems", put_back)
    out.keep()
    assert side(estate) == ("ORIGIN", "out")


def test_pairs_that_change_all_the_time_are_left_to_another_try(estate: Estate, wire: Wire) -> None:
    out = Execution(estate, "out", Mode.FAILOVER, None)

    def always_another(call: Call) -> None:
        wire.off("dynamodb", "TransactWriteItems")
        estate.pairs.put(list(estate.pairs.get(["s-1"]).values()) or [_pair()])
        wire.on("dynamodb", "TransactWriteItems", always_another)

    wire.on("dynamodb", "TransactWriteItems", always_another)
    with pytest.raises(AwsUnavailableError, match="out change as fast"):
        out.keep()


def _pair() -> PairRecord:
    return PairRecord("s-1", "web-1", RECOVERY, "i-away", "i-origin", None, None, None, "ORIGIN")
