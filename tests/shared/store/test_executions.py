"""The Executions table: first writers win, outcomes are final, and nothing stays for ever."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.execution import JobRecord
from shared.model.finding import Finding, Severity
from shared.model.server import ServerProgress
from shared.model.status import ExecutionStatus, ServerStatus, WaveStatus
from shared.store import ExecutionNotFoundError, Leftover
from shared.store.execution_items import shard_of
from shared.store.server_items import server_key
from tests import makers
from tests.handlers.estate import RECOVERY, Estate, environment, plan_document
from tests.handlers.wire import Wire

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=90)
FINAL = [status for status in ServerStatus if status.is_final]


@pytest.fixture
def opened(estate: Estate) -> Estate:
    """An execution that is recorded and runs."""
    record = makers.execution(status=ExecutionStatus.RUNNING, ended_at=None)
    assert estate.store.open(record, plan_document(), LATER)
    return estate


def all_items() -> list[dict[str, Any]]:
    table = boto3.resource("dynamodb").Table(environment()["EXECUTIONS_TABLE"])
    return table.scan()["Items"]


def test_an_execution_is_recorded_once(opened: Estate) -> None:
    other = makers.execution(status=ExecutionStatus.RUNNING, ended_at=None, plan_name="another")
    assert not opened.store.open(other, plan_document(name="another"), LATER)
    assert opened.store.execution("execution-1").plan_name == "erp"
    assert opened.store.plan("execution-1").name == "erp"


def test_an_unknown_execution_is_named(estate: Estate) -> None:
    with pytest.raises(ExecutionNotFoundError, match="'unknown'"):
        estate.store.execution("unknown")
    with pytest.raises(ExecutionNotFoundError, match="'unknown'"):
        estate.store.plan("unknown")


def test_the_outcome_of_an_execution_is_final(opened: Estate) -> None:
    assert opened.store.change_execution("execution-1", {"estimate_seconds": 60})
    assert opened.store.change_execution("execution-1", {"status": ExecutionStatus.COMPLETED})
    assert not opened.store.change_execution("execution-1", {"status": ExecutionStatus.FAILED})
    record = opened.store.execution("execution-1")
    assert (record.status, record.estimate_seconds) == (ExecutionStatus.COMPLETED, 60)


@pytest.mark.parametrize("outcome", FINAL)
def test_the_outcome_of_a_server_is_final(opened: Estate, outcome: ServerStatus) -> None:
    first, second = makers.record(1, status=outcome), makers.record(2)
    opened.store.put_servers("execution-1", [first, second])
    late = [makers.changed(server, {"status": ServerStatus.LAUNCHED}) for server in (first, second)]
    assert [server.name for server in opened.store.change_servers("execution-1", late)] == ["app-2"]
    assert {s.name: s.status for s in opened.store.servers("execution-1")} == {
        "app-1": outcome,
        "app-2": ServerStatus.LAUNCHED,
    }


def test_a_late_writer_changes_no_server_that_moved_on(opened: Estate) -> None:
    server = makers.record(1, status=ServerStatus.LAUNCHED)
    opened.store.put_servers("execution-1", [server])
    change = makers.changed(server, {"status": ServerStatus.LAUNCHING})
    assert opened.store.change_servers("execution-1", [change], only_from=(ServerStatus.CONFIGURED,)) == []
    assert opened.store.servers("execution-1") == [server]


def test_only_the_difference_is_written(opened: Estate) -> None:
    """Two writers who read the same record keep each other's fields."""
    server = makers.record(1, status=ServerStatus.LAUNCHED)
    opened.store.put_servers("execution-1", [server])
    for values in ({"skip": "ann: not now"}, {"reason": "it broke"}):
        assert opened.store.change_servers("execution-1", [makers.changed(server, values)])
    [after] = opened.store.servers("execution-1")
    assert (after.skip, after.reason) == ("ann: not now", "it broke")


@pytest.mark.parametrize(("status", "asked"), [(ServerStatus.READY, True), (ServerStatus.BLOCKED, False)])
def test_a_change_of_nothing_asks_whether_it_may(opened: Estate, status: ServerStatus, asked: bool) -> None:
    server = makers.record(1, status=status)
    opened.store.put_servers("execution-1", [server])
    same = makers.changed(server, {"status": status})
    done = opened.store.change_servers("execution-1", [same], only_from=(ServerStatus.READY,))
    assert done == ([server] if asked else [])
    assert opened.store.servers("execution-1") == [server]


def test_a_server_that_was_never_recorded_is_not_made_up(opened: Estate) -> None:
    change = makers.changed(makers.record(9), {"status": ServerStatus.LAUNCHED})
    assert opened.store.change_servers("execution-1", [change]) == []
    assert opened.store.servers("execution-1") == []


def test_an_execution_that_has_ended_takes_no_servers(opened: Estate) -> None:
    opened.store.change_execution("execution-1", {"status": ExecutionStatus.FAILED})
    opened.store.put_servers("execution-1", [makers.record(1)])
    assert opened.store.servers("execution-1") == []


def test_a_second_discovery_leaves_recorded_servers_as_they_are(opened: Estate) -> None:
    known = makers.record(1, wave="data", status=ServerStatus.CONFIGURED)
    opened.store.put_servers("execution-1", [known])
    again = [makers.record(1, wave="data", status=ServerStatus.DISCOVERED), makers.record(2, wave="data")]
    opened.store.put_servers("execution-1", again)
    assert opened.store.servers("execution-1") == [known, again[1]]


def test_servers_of_a_wave_are_not_those_of_a_wave_with_a_longer_name(opened: Estate) -> None:
    opened.store.put_servers(
        "execution-1",
        [makers.record(1, wave="web"), makers.record(2, wave="web-2"), makers.record(3, wave=None)],
    )
    assert [server.name for server in opened.store.servers("execution-1", "web")] == ["app-1"]
    assert len(opened.store.servers("execution-1")) == 3


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"statuses": (ServerStatus.LAUNCHED,)}, [2, 3]),
        ({"statuses": (ServerStatus.LAUNCHED, ServerStatus.STARTING)}, [2, 3, 4]),
        ({"jobs": ("drsjob-2",)}, [2, 4]),
        ({"jobs": ("drsjob-2", "drsjob-3"), "statuses": (ServerStatus.LAUNCHED,)}, [2]),
        ({"jobs": ("drsjob-9",)}, []),
    ],
    ids=str,
)
def test_servers_are_found_by_status_and_job(opened: Estate, asked: dict[str, Any], found: list[int]) -> None:
    servers = [
        makers.record(1, wave="web", status=ServerStatus.LAUNCHING, job_id="drsjob-1", batch=1),
        makers.record(2, wave="web", status=ServerStatus.LAUNCHED, job_id="drsjob-2", batch=1),
        makers.record(3, wave="web", status=ServerStatus.LAUNCHED, job_id="drsjob-1", batch=2),
        makers.record(4, wave="web", status=ServerStatus.STARTING, job_id="drsjob-2", batch=10),
        makers.record(5, wave="data", status=ServerStatus.LAUNCHED, job_id="drsjob-2", batch=1),
    ]
    opened.store.put_servers("execution-1", servers)
    assert opened.store.servers("execution-1", "web", **asked) == [servers[number - 1] for number in found]


def test_a_batch_is_read_by_the_ids_on_its_item(opened: Estate, wire: Wire) -> None:
    servers = [makers.record(n, wave="web", batch=1 + n // 3) for n in (1, 2, 3)]
    opened.store.add_to_batches("execution-1", servers)
    opened.store.put_servers("execution-1", servers)
    wire.clear()
    assert opened.store.batch("execution-1", "web", 1) == servers[:2]
    assert wire.count() == {"GetItem": 1, "BatchGetItem": 1}
    assert opened.store.batch("execution-1", "web", 3) == []


def test_a_late_plan_makes_no_batch_smaller(opened: Estate) -> None:
    """What a second PlanWaves puts elsewhere, after the first one's servers have moved on, stays."""
    servers = [makers.record(n, wave="web", batch=1) for n in (1, 2)]
    opened.store.add_to_batches("execution-1", servers)
    opened.store.put_servers("execution-1", servers)
    opened.store.add_to_batches("execution-1", [makers.record(1, wave="web", batch=2)])
    assert opened.store.batch("execution-1", "web", 1) == servers
    assert opened.store.batch("execution-1", "web", 2) == []


def test_servers_and_facts_are_spread_over_eight_keys(opened: Estate, wire: Wire) -> None:
    """A thousand of either at two write units each fit in the thousand units a second of each key."""
    servers = [makers.record(n) for n in range(1000)]
    of_servers = Counter(server_key("execution-1", server)["pk"] for server in servers)
    assert set(of_servers) == {f"EXECUTION#execution-1#{n}" for n in range(8)}
    assert max(of_servers.values()) < 200
    # A hash of the process, as Python's own is, would not find the server again.
    assert shard_of("execution-1", "s-1") == "EXECUTION#execution-1#4"
    opened.store.put_facts("execution-1", [makers.instance(n) for n in range(40)])
    wire.clear()
    assert len(opened.store.facts("execution-1", Instance)) == 40
    assert wire.count() == {"Query": 8}


def test_facts_that_are_few_are_read_at_once(opened: Estate, wire: Wire) -> None:
    lonely = [Leftover(f"i-{n}", Finding("UNMATCHED", Severity.WARNING, "alone", "none")) for n in range(9)]
    opened.store.put_facts("execution-1", lonely)
    wire.clear()
    assert opened.store.facts("execution-1", Leftover) == lonely
    assert opened.store.facts("execution-1", Leftover, ["i-3"]) == lonely[3:4]
    assert wire.count() == {"Query": 1, "BatchGetItem": 1}


def test_progress_says_how_far_the_servers_of_a_wave_are(opened: Estate) -> None:
    opened.store.put_servers(
        "execution-1",
        [
            makers.record(1, wave="web", status=ServerStatus.LAUNCH_FAILED, attempts=2),
            makers.record(2, wave="web", status=ServerStatus.CONFIGURED),
            makers.record(3, wave="data"),
        ],
    )
    assert opened.store.progress("execution-1", "web") == [
        ServerProgress(ServerStatus.LAUNCH_FAILED, 2),
        ServerProgress(ServerStatus.CONFIGURED, 0),
    ]


def test_the_outcome_of_a_wave_is_final_and_its_plan_is_written_once(opened: Estate) -> None:
    opened.store.put_waves("execution-1", [makers.wave("data"), makers.wave("web", "data")])
    assert opened.store.change_wave("execution-1", "data", {"status": WaveStatus.RUNNING})
    assert opened.store.change_wave("execution-1", "data", {"status": WaveStatus.FAILED, "reason": "why"})
    assert not opened.store.change_wave("execution-1", "data", {"status": WaveStatus.COMPLETED})
    opened.store.put_waves("execution-1", [makers.wave("data"), makers.wave("web", "data")])
    assert opened.store.waves("execution-1") == [
        makers.wave("data", status=WaveStatus.FAILED, reason="why"),
        makers.wave("web", "data"),
    ]
    assert not opened.store.change_wave("execution-1", "unknown", {"status": WaveStatus.RUNNING})


def test_one_wave_is_read_by_its_name(opened: Estate) -> None:
    opened.store.put_waves("execution-1", [makers.wave("web"), makers.wave("web-2")])
    assert opened.store.wave("execution-1", "web").name == "web"
    with pytest.raises(ExecutionNotFoundError, match="'execution-1' with an item 'WAVE#batch'"):
        opened.store.wave("execution-1", "batch")


def test_a_job_is_recorded_once_and_ends(opened: Estate) -> None:
    job = JobRecord("drsjob-1", RECOVERY, "data", 1, 1, "STARTED", "2026-01-01T00:00:00Z", 2)
    opened.store.put_job("execution-1", job)
    opened.store.change_jobs("execution-1", {"drsjob-1": {"status": "COMPLETED"}})
    opened.store.put_job("execution-1", job)
    assert [job.status for job in opened.store.jobs("execution-1")] == ["COMPLETED"]
    opened.store.change_jobs("execution-1", {"drsjob-2": {"status": "COMPLETED"}})
    assert len(opened.store.jobs("execution-1")) == 1


def test_jobs_whose_end_is_not_recorded_are_unfinished(opened: Estate) -> None:
    for number in (1, 2, 3):
        job = JobRecord(f"drsjob-{number}", RECOVERY, "data", 1, 1, "STARTED", "now", 2)
        opened.store.put_job("execution-1", job)
    opened.store.change_jobs(
        "execution-1", {"drsjob-1": {"status": "COMPLETED"}, "drsjob-2": {"status": "FINISHING"}}
    )
    found = opened.store.jobs("execution-1", unfinished=True)
    assert [(job.job_id, job.status) for job in found] == [("drsjob-2", "FINISHING"), ("drsjob-3", "STARTED")]


def test_one_caller_a_round_asks_drs_in_each_scope(opened: Estate) -> None:
    every = timedelta(seconds=10)
    rounds = [
        (RECOVERY, 0.0, True),
        (RECOVERY, 9.9, False),
        (makers.ELSEWHERE, 9.9, True),
        (RECOVERY, 10.0, True),
        (RECOVERY, 10.5, False),
    ]
    for scope, seconds, expected in rounds:
        now = NOW + timedelta(seconds=seconds)
        assert opened.store.claim_poll("execution-1", scope, now, every) is expected, seconds


def test_facts_come_back_by_kind_and_a_later_one_replaces_an_earlier(opened: Estate) -> None:
    finding = Finding("WAVE_EMPTY", Severity.WARNING, "The wave web selects nothing.", "Look.")
    facts = [
        makers.source_server(1),
        makers.instance(1),
        Leftover("i-1", finding),
        finding,
        makers.source_server(1, lag_seconds=5.0),
    ]
    opened.store.put_facts("execution-1", facts)
    assert opened.store.facts("execution-1", SourceServer) == [facts[4]]
    assert opened.store.facts("execution-1", Instance) == [facts[1]]
    assert opened.store.facts("execution-1", Leftover) == [facts[2]]
    assert opened.store.facts("execution-1", Finding) == [finding]


def test_more_servers_than_one_answer_has_are_read_page_by_page(opened: Estate, wire: Wire) -> None:
    """DynamoDB answers a query with at most 1 MB."""
    servers = [makers.record(number, reason="x" * 30_000) for number in range(60)]
    opened.store.put_servers("execution-1", servers)
    wire.clear()
    assert opened.store.servers("execution-1") == servers
    assert len(wire.of("Query")) > 1


def test_launch_settings_are_settled_whatever_the_outcome(opened: Estate) -> None:
    server = makers.record(1, status=ServerStatus.SKIPPED, launch_changed=True)
    opened.store.put_servers("execution-1", [server])
    opened.store.settle_launch_settings("execution-1", [server, makers.record(2)])
    assert [s.launch_changed for s in opened.store.servers("execution-1")] == [False]


def test_everything_of_an_execution_expires_with_it(opened: Estate) -> None:
    store = opened.store
    store.put_servers("execution-1", [makers.record(1), makers.record(2)])
    store.put_facts("execution-1", [makers.source_server(1)])
    store.put_waves("execution-1", [makers.wave("data")])
    store.put_job("execution-1", JobRecord("drsjob-1", RECOVERY, "data", 1, 1, "STARTED", "now", 2))
    store.claim_poll("execution-1", RECOVERY, NOW, timedelta(seconds=10))
    expiries = {item["sk"]: item.get("expiresAt") for item in all_items()}
    assert len(expiries) == 8
    assert set(expiries.values()) == {int(LATER.timestamp())}, expiries
