"""A cutover begins when every copy is new enough; a server is protected when every disk was read again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import ReplicationProgress, SourceServer
from shared.model.policies import FailbackPolicies, OnReplicationTimeout
from shared.model.server import ServerRecord
from shared.model.status import Protection, ServerStatus
from shared.rules.failback.copy_progress import LONGEST_WAIT, SHORTEST_WAIT
from shared.rules.failback.replication_progress import JUDGED, PAST_REPLICATION, Action, judge_replication
from shared.rules.failback.reprotection_progress import judge_reprotection, reprotect_done
from shared.rules.failback.stall_remedies import stall_remedy
from tests.makers import ORIGIN, record, server_id, source_server

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
GIB = 2**30
DEFAULT = FailbackPolicies()
HOUR = FailbackPolicies(replication_deadline_seconds=3600, reprotect_deadline_seconds=3600)
LEAVE = FailbackPolicies(replication_deadline_seconds=3600, on_replication_timeout=OnReplicationTimeout.SKIP)
STOP = FailbackPolicies(replication_deadline_seconds=3600, on_replication_timeout=OnReplicationTimeout.STOP)

STALLS = [
    "AGENT_NOT_SEEN",
    "SNAPSHOTS_FAILURE",
    "NOT_CONVERGING",
    "UNSTABLE_NETWORK",
    "FAILED_TO_CREATE_SECURITY_GROUP",
    "FAILED_TO_LAUNCH_REPLICATION_SERVER",
    "FAILED_TO_BOOT_REPLICATION_SERVER",
    "FAILED_TO_AUTHENTICATE_WITH_SERVICE",
    "FAILED_TO_DOWNLOAD_REPLICATION_SOFTWARE",
    "FAILED_TO_CREATE_STAGING_DISKS",
    "FAILED_TO_ATTACH_STAGING_DISKS",
    "FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT",
    "FAILED_TO_CONNECT_AGENT_TO_REPLICATION_SERVER",
    "FAILED_TO_START_DATA_TRANSFER",
]


def ago(**time: float) -> str:
    return (NOW - timedelta(**time)).isoformat()


def reversed_id(number: int) -> str:
    return server_id(9000 + number)


def server(number: int = 1, **changes: Any) -> ServerRecord:
    values: dict[str, Any] = {
        "scope": ORIGIN,
        "status": ServerStatus.REPLICATING,
        "reversed_server_id": reversed_id(number),
        "reverse_requested_at": ago(minutes=10),
    }
    return record(number, **(values | changes))


def progress(replicated: int, **changes: Any) -> ReplicationProgress:
    values: dict[str, Any] = {
        "total_bytes": 8 * GIB,
        "replicated_bytes": replicated,
        "backlog_bytes": 0,
        "rescanned_bytes": 0,
        "every_disk_rescanned": False,
    }
    return ReplicationProgress(**(values | changes))


def a2(number: int = 1, state: str = "CONTINUOUS", **changes: Any) -> SourceServer:
    values: dict[str, Any] = {
        "source_server_id": reversed_id(number),
        "scope": ORIGIN,
        "staging_account": ORIGIN.account,
        "replication_state": state,
        "progress": progress(8 * GIB if state == "CONTINUOUS" else 2 * GIB),
    }
    return source_server(number, **(values | changes))


def judge(
    servers: list[ServerRecord], sources: list[SourceServer], policies: FailbackPolicies = DEFAULT
) -> Any:
    return judge_replication(servers, {s.source_server_id: s for s in sources}, policies, NOW)


def values(verdict: Any) -> dict[str, Any]:
    """What the verdict records of the first server."""
    [found] = [c.values for c in verdict.changes if c.before.source_server_id == server_id(1)] or [{}]
    return dict(found)


def test_a_server_is_replicated_when_it_is_continuous_without_much_lag() -> None:
    verdict = judge([server()], [a2(lag_seconds=60.0)])
    assert verdict.action is Action.GO
    assert values(verdict) == {
        "status": ServerStatus.REPLICATED,
        "replication_state": "CONTINUOUS",
        "bytes_total": 8 * GIB,
        "bytes_replicated": 8 * GIB,
        "replicated_at": "2026-01-01T12:00:00Z",
    }


@pytest.mark.parametrize(
    "source", [a2(lag_seconds=61.0), a2(lag_seconds=None), a2(state="INITIAL_SYNC"), a2(state="RESCAN")]
)
def test_it_is_waited_for_what_is_not_replicated(source: SourceServer) -> None:
    assert judge([server()], [source]).action is Action.WAIT
    again = judge([server(status=ServerStatus.REPLICATED, replicated_at=ago(minutes=1))], [source])
    assert again.action is Action.WAIT
    assert values(again)["status"] is ServerStatus.REPLICATING


def test_bytes_and_time_left_come_from_the_measured_rate_or_from_drs() -> None:
    verdict = judge([server(), server(2)], [a2(state="INITIAL_SYNC"), a2(2)])
    assert verdict.bytes_left == 6 * GIB
    assert verdict.seconds_left == 1800  # 2 GiB in ten minutes
    assert verdict.wait_seconds == 180
    eta = (NOW + timedelta(minutes=5)).isoformat()
    by_drs = judge([server()], [a2(state="INITIAL_SYNC", progress=progress(2 * GIB, eta=eta))])
    assert (by_drs.seconds_left, by_drs.wait_seconds) == (300, 30)
    unknown = judge([server()], [a2(state="INITIATING", progress=None)])
    assert unknown.seconds_left is None


@pytest.mark.parametrize("error", STALLS)
def test_a_stall_is_reported_once_with_its_remedy_and_forgotten_when_it_ends(error: str) -> None:
    first = judge([server(stall_reported=True)], [a2(state="STALLED", stalled_reason=error)])
    assert first.newly_stalled == (server_id(1),)
    new = values(first)
    assert (new["stalled_since"], new["stall_reported"]) == ("2026-01-01T12:00:00Z", False)
    assert error in new["reason"]
    assert new["remedy"] == stall_remedy(error) != stall_remedy("SOMETHING_NEW")
    stalled = server(
        stalled_since=ago(minutes=1), stall_reported=True, reason=new["reason"], remedy=new["remedy"]
    )
    again = judge([stalled], [a2(state="STALLED", stalled_reason=error)])
    assert again.newly_stalled == ()
    over = values(judge([stalled], [a2(state="BACKLOG")]))
    assert (over["stalled_since"], over["reason"], over["remedy"]) == (None, None, None)


def test_a_stopped_replication_is_a_stall_with_a_command() -> None:
    new = values(judge([server()], [a2(state="STOPPED")]))
    assert f"aws drs start-replication --source-server-id {reversed_id(1)}" in new["remedy"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ([a2(staging_account="999999999999")], "999999999999"),
        ([a2(state="DISCONNECTED")], "disconnected"),
        ([], "no longer exists"),
    ],
)
def test_what_cannot_become_good_fails(source: list[SourceServer], words: str) -> None:
    verdict = judge([server(reverse_requested_at=ago(minutes=11))], source)
    new = values(verdict)
    assert (verdict.action, verdict.failed) == (Action.STOP, 1)
    assert new["status"] is ServerStatus.FAILED
    assert words in new["reason"]
    assert new["remedy"]


def test_a_server_that_is_not_listed_yet_is_waited_for() -> None:
    assert judge([server(reverse_requested_at=ago(minutes=9))], []).action is Action.WAIT
    unasked = server(status=ServerStatus.REVERSING, reversed_server_id=None, reverse_requested_at=None)
    assert judge([unasked], []).action is Action.WAIT


LATE = [server(reverse_requested_at=ago(minutes=61)), server(2)]


@pytest.mark.parametrize(
    ("policies", "action", "status"),
    [
        (HOUR, Action.WAIT, None),
        (LEAVE, Action.GO, ServerStatus.SKIPPED),
        (STOP, Action.STOP, ServerStatus.FAILED),
    ],
)
def test_servers_that_have_not_replicated_at_the_deadline(
    policies: FailbackPolicies, action: Action, status: ServerStatus | None
) -> None:
    verdict = judge(LATE, [a2(state="INITIAL_SYNC"), a2(2)], policies)
    new = values(verdict)
    assert verdict.action is action
    assert new.get("status") is status
    if status:
        assert "3600 s" in new["reason"]
        assert "policies.failback" in new["remedy"]
    if action is Action.STOP:
        assert "app-1" in verdict.reason
        assert "SKIP" in verdict.remedy
    assert judge(LATE, [a2(), a2(2)], policies).action is Action.GO


def test_without_any_copy_there_is_no_cutover() -> None:
    assert judge([server(status=ServerStatus.BLOCKED)], []).action is Action.STOP
    assert judge([server(reverse_requested_at=ago(minutes=61))], [], LEAVE).action is Action.STOP
    assert judge([server(status=ServerStatus.RECOVERED)], []).action is Action.GO


STATES = ["INITIATING", "INITIAL_SYNC", "CREATING_SNAPSHOT", "CONTINUOUS", "STALLED", "STOPPED", "RESCAN"]
SERVERS = st.lists(
    st.tuples(
        st.sampled_from(ServerStatus),
        st.none() | st.sampled_from([*STATES, "DISCONNECTED"]),
        st.sampled_from([None, 0.0, 61.0]),
        st.sampled_from([1, 61]),
    ),
    max_size=6,
)


@given(SERVERS, st.sampled_from([DEFAULT, HOUR, LEAVE, STOP]))
def test_no_cutover_while_a_server_is_not_replicated_unless_it_is_left_behind(
    sampled: list[tuple[ServerStatus, str | None, float | None, int]], policies: FailbackPolicies
) -> None:
    servers = [
        server(number, status=status, reverse_requested_at=ago(minutes=minutes))
        for number, (status, _, _, minutes) in enumerate(sampled)
    ]
    sources = [
        a2(number, state=state, lag_seconds=lag) for number, (_, state, lag, _) in enumerate(sampled) if state
    ]
    verdict = judge(servers, sources, policies)
    assert SHORTEST_WAIT <= verdict.wait_seconds <= LONGEST_WAIT
    assert (verdict.action is Action.STOP) == (verdict.reason is not None) == (verdict.remedy is not None)
    for one, (_, state, lag, minutes) in zip(servers, sampled, strict=True):
        after = next(s.status for s in verdict.servers if s.source_server_id == one.source_server_id)
        if verdict.action is Action.GO:
            assert after.is_final or after in PAST_REPLICATION
        if after is ServerStatus.REPLICATED and one.status in JUDGED:
            assert (state, lag) == ("CONTINUOUS", 0.0)
        if after is ServerStatus.SKIPPED and one.status is not ServerStatus.SKIPPED:
            assert policies.on_replication_timeout is OnReplicationTimeout.SKIP
            assert minutes == 61
        if one.status not in JUDGED:
            assert one in verdict.servers


# --- re-protection ----------------------------------------------------------------------------------------


def back(**changes: Any) -> ServerRecord:
    values: dict[str, Any] = {
        "status": ServerStatus.RECOVERED,
        "protection": Protection.RESCANNING,
        "verified_at": ago(minutes=20),
        "reprotect_requested_at": ago(minutes=10),
    }
    return record(1, **(values | changes))


def b1(state: str = "CONTINUOUS", rescanned: bool = True, **changes: Any) -> SourceServer:
    bytes_read = 8 * GIB if rescanned else 2 * GIB
    seen = progress(8 * GIB, rescanned_bytes=bytes_read, every_disk_rescanned=rescanned)
    return source_server(1, **({"replication_state": state, "progress": seen} | changes))


@pytest.mark.parametrize(
    ("source", "done"),
    [
        (b1(), True),
        (b1(rescanned=False), False),
        (b1(state="RESCAN"), False),
        (b1(lag_seconds=1.0), False),
        (b1(lag_seconds=None), False),
        (b1(progress=None), False),
    ],
)
def test_a_server_is_protected_when_state_disks_and_lag_show_it(source: SourceServer, done: bool) -> None:
    assert reprotect_done(source) is done
    verdict = judge_reprotection([back()], {server_id(1): source}, DEFAULT, NOW)
    assert (verdict.protected, verdict.pending, verdict.failed) == (int(done), int(not done), 0)
    if done:
        assert values(verdict)["protection"] is Protection.PROTECTED
        assert values(verdict)["protected_at"] == "2026-01-01T12:00:00Z"


def test_the_state_before_the_request_is_not_believed() -> None:
    just_asked = back(reprotect_requested_at=ago(seconds=5))
    assert judge_reprotection([just_asked], {server_id(1): b1()}, DEFAULT, NOW).pending == 1
    returning = back(protection=Protection.RETURNING, reprotect_requested_at=None)
    assert judge_reprotection([returning], {server_id(1): b1()}, DEFAULT, NOW).pending == 1


@pytest.mark.parametrize(
    ("changes", "source", "words"),
    [
        ({}, b1(state="STALLED", stalled_reason="AGENT_NOT_SEEN"), "AGENT_NOT_SEEN"),
        ({}, b1(state="RESCAN"), "RESCAN"),
        ({}, None, "no longer exists"),
        ({"protection": Protection.RETURNING, "reprotect_requested_at": None}, b1(), "did not check in"),
    ],
)
def test_at_the_deadline_a_server_is_unprotected_with_a_remedy(
    changes: dict[str, Any], source: SourceServer | None, words: str
) -> None:
    late = back(**{"reprotect_requested_at": ago(minutes=61), "verified_at": ago(minutes=62), **changes})
    sources = {server_id(1): source} if source else {}
    assert judge_reprotection([late], sources, DEFAULT, NOW).pending == 1
    verdict = judge_reprotection([late], sources, HOUR, NOW)
    new = values(verdict)
    assert (verdict.pending, verdict.failed) == (0, 1)
    assert new["protection"] is Protection.UNPROTECTED
    assert words in new["protection_reason"]
    assert new["protection_remedy"]


def test_a_disconnected_server_is_unprotected_at_once() -> None:
    verdict = judge_reprotection([back()], {server_id(1): b1(state="DISCONNECTED")}, DEFAULT, NOW)
    assert verdict.failed == 1


def test_the_wait_follows_the_rate_of_the_rescan() -> None:
    verdict = judge_reprotection([back()], {server_id(1): b1(state="RESCAN", rescanned=False)}, DEFAULT, NOW)
    assert (verdict.bytes_left, verdict.wait_seconds) == (6 * GIB, 180)
