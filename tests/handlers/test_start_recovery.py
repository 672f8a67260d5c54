"""StartRecovery: one DRS job for each batch, never a second one, and no server fails for another."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from shared.aws.errors import OutcomeUnknownError
from shared.model.status import ServerStatus
from tests.handlers.estate import Estate
from tests.handlers.launching import jobs, launch, statuses
from tests.handlers.wire import Call, lost_answer, refused_json


def test_one_job_for_the_batch_and_no_second_one(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED")
    answer = launch(estate)
    assert answer == {
        "batch": 1,
        "outcome": "STARTED",
        "launching": 2,
        "reason": "",
        "waitSeconds": 10,
        "scope": "444455556666/us-east-2",
        "paused": False,
    }
    assert launch(estate)["outcome"] == "NOTHING"
    [job] = jobs(estate)
    assert job["tags"] == {
        "drs-orchestrator:execution": "execution-1",
        "drs-orchestrator:wave": "web",
        "drs-orchestrator:batch": "1",
        "drs-orchestrator:attempt": "1",
    }
    for server in estate.servers("web").values():
        assert (server.status, server.job_id, server.attempts) == (ServerStatus.LAUNCHING, job["jobID"], 1)
    assert [record.job_id for record in estate.store.jobs("execution-1")] == [job["jobID"]]
    assert launch(estate, batch=7)["outcome"] == "NOTHING"


def test_a_job_whose_answer_was_lost_is_adopted(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED")
    estate.wire.on("drs", "StartRecovery", lost_answer(estate.wire))
    with pytest.raises(OutcomeUnknownError):
        launch(estate)
    assert set(statuses(estate).values()) == {ServerStatus.CONFIGURED}
    estate.wire.off("drs", "StartRecovery")
    assert (launch(estate)["outcome"], launch(estate)["outcome"]) == ("STARTED", "NOTHING")
    assert len(jobs(estate)) == 1


def test_a_throttled_launch_waits_as_long_as_it_takes(estate: Estate) -> None:
    """Tries of the state are few, and a batch that ran out of them would fail for nothing."""
    estate.add_pairs("web-1")
    estate.reach("CONFIGURED")
    estate.fault("THROTTLED", operation="StartRecovery", times=20)
    for _ in range(20):
        answer = launch(estate)
        assert (answer["outcome"], answer["launching"]) == ("WAIT", 0)
        assert "Throttling" in answer["reason"]
    assert launch(estate)["outcome"] == "STARTED"
    assert len(jobs(estate)) == 1


def test_a_busy_server_waits_while_its_neighbours_launch(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED")
    estate.fault("SERVER_BUSY", server="web-1")
    answer = launch(estate)
    assert (answer["outcome"], answer["launching"]) == ("WAIT", 1)
    assert launch(estate)["reason"] == "1 servers are in other jobs"
    estate.admin("DELETE", "/faults")
    assert launch(estate)["outcome"] == "STARTED"
    assert set(statuses(estate).values()) == {ServerStatus.LAUNCHING}


def test_a_scope_without_slots_is_waited_for_but_not_for_ever(estate: Estate) -> None:
    others = estate.add_servers(*(f"other-{number}" for number in range(20)))
    estate.add_pairs("web-1")
    estate.reach("CONFIGURED")
    for other in others:
        estate.fault("SERVER_BUSY", server=other)
    answer = launch(estate)
    assert answer["outcome"] == "WAIT"
    assert "has 20 jobs with 20 servers in progress" in answer["reason"]
    estate.clock.advance(2 * 3600 + 1)
    assert launch(estate)["outcome"] == "NOTHING"
    server = estate.servers()["web-1"]
    assert server.status is ServerStatus.FAILED
    assert "No place in a DRS job within 2:00:00" in (server.reason or "")


def test_a_quota_that_drs_enforces_is_waited_for(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("CONFIGURED")
    estate.fault("ERROR", operation="StartRecovery", code="ServiceQuotaExceededException", times=1)
    assert launch(estate)["outcome"] == "WAIT"
    assert launch(estate)["outcome"] == "STARTED"


def test_denied_rights_fail_the_batch_with_the_remedy(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED")
    estate.fault("ERROR", operation="StartRecovery", code="AccessDeniedException")
    assert launch(estate)["outcome"] == "NOTHING"
    assert set(statuses(estate).values()) == {ServerStatus.FAILED}
    assert "member-account stack" in (estate.servers()["web-1"].remedy or "")


def test_one_server_that_is_denied_does_not_delay_its_neighbours(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2", "web-3")
    estate.reach("CONFIGURED")
    denied = pairs["web-2"][0]

    def answer(call: Call) -> AWSResponse | None:
        return refused_json("AccessDeniedException", status=403)(call) if denied in call.body else None

    estate.wire.on("drs", "StartRecovery", answer)
    assert launch(estate)["launching"] == 2
    expected = {"web-1": "LAUNCHING", "web-2": "FAILED", "web-3": "LAUNCHING"}
    assert statuses(estate) == expected


def test_the_server_whose_target_runs_is_found_and_left_out(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2", "web-3")
    estate.reach("CONFIGURED")
    estate.ec2().start_instances(InstanceIds=[pairs["web-2"][1]])
    assert launch(estate)["launching"] == 2
    assert statuses(estate)["web-2"] is ServerStatus.FAILED
    assert "cannot be launched into: it is running" in (estate.servers()["web-2"].reason or "")


def test_a_call_that_nothing_explains_is_split_until_the_bad_one_stands_alone(estate: Estate) -> None:
    names = [f"web-{number}" for number in range(1, 6)]
    pairs = estate.add_pairs(*names)
    estate.reach("CONFIGURED")
    bad = pairs["web-3"][0]

    def refuse(call: Any) -> Any:
        if bad not in call.body:
            return None
        headers = {"x-amzn-errortype": "ValidationException"}
        return call.answer(400, b'{"message": "something is wrong"}', headers)

    estate.wire.on("drs", "StartRecovery", refuse)
    assert launch(estate)["launching"] == 4
    assert [name for name, status in statuses(estate).items() if status is ServerStatus.FAILED] == ["web-3"]
    assert "something is wrong" in (estate.servers()["web-3"].reason or "")
