"""StopTargets, StartRecovery, WatchJobs, VerifyLaunches: never a second job, nobody drags others down."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from functions.configuration import await_turn, close_wave, verify_launches, watch_jobs
from functions.execution.launch import start_recovery
from functions.execution.stop import stop_targets
from shared.aws.errors import OutcomeUnknownError
from shared.model.status import ServerStatus, WaveStatus
from tests import makers
from tests.handlers.estate import Estate, plan_document
from tests.handlers.wire import Call, lost_answer, refused, refused_json

STOP = {"policies": {"whenTargetRuns": "STOP"}}


def launch(estate: Estate, batch: int = 1) -> Any:
    return estate.call(start_recovery, wave="web", batch=batch)


def watch(estate: Estate) -> dict[str, int]:
    """WatchJobs, and whether it says when to look again."""
    answer: dict[str, int] = estate.call(watch_jobs, wave="web")
    assert 10 <= answer.pop("waitSeconds") <= 240
    return answer


def jobs(estate: Estate) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = estate.drs_client().describe_jobs(filters={})["items"]
    return items


def statuses(estate: Estate) -> dict[str, ServerStatus]:
    return {name: server.status for name, server in estate.servers().items()}


# --- StopTargets


def test_stopped_targets_need_nothing(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED")
    estate.wire.clear()
    assert estate.call(stop_targets, wave="web") == {"stopped": 2, "stopping": 0, "failed": 0}
    assert not estate.wire.of("StopInstances")


def test_running_targets_are_stopped_only_if_the_plan_says_so(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED")
    estate.ec2().start_instances(InstanceIds=[pairs["web-1"][1]])
    assert estate.call(stop_targets, wave="web") == {"stopped": 1, "stopping": 0, "failed": 1}
    server = estate.servers()["web-1"]
    assert "was started after the checks" in (server.reason or "")
    assert "stop-instances" in (server.remedy or "")
    assert estate.instance(pairs["web-1"][1])["State"]["Name"] == "running"


def test_targets_that_may_be_stopped_are(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED", plan_document(**STOP))
    estate.ec2().start_instances(InstanceIds=[pairs["web-1"][1]])
    assert estate.call(stop_targets, wave="web") == {"stopped": 1, "stopping": 1, "failed": 0}
    assert estate.call(stop_targets, wave="web") == {"stopped": 2, "stopping": 0, "failed": 0}


def test_targets_that_are_gone_untagged_or_refuse_fail_alone(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2", "web-3", "web-4")
    estate.reach("CONFIGURED", plan_document(**STOP))
    ec2 = estate.ec2()
    ec2.terminate_instances(InstanceIds=[pairs["web-1"][1]])
    estate.wire.on("ec2", "StopInstances", refused("OperationNotPermitted"))
    ec2.delete_tags(Resources=[pairs["web-2"][1]], Tags=[{"Key": "AWSDRS"}])
    ec2.start_instances(InstanceIds=[pairs["web-3"][1]])
    answer = estate.call(stop_targets, wave="web")
    assert answer["failed"] >= 2
    assert statuses(estate)["web-2"] is statuses(estate)["web-3"] is ServerStatus.FAILED
    assert "create-tags" in (estate.servers()["web-2"].remedy or "")
    assert statuses(estate)["web-4"] is ServerStatus.CONFIGURED


def test_a_target_that_does_not_stop_is_given_up_in_time(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED", plan_document(**STOP))
    estate.ec2().start_instances(InstanceIds=[pairs["web-1"][1]])
    estate.wire.on("ec2", "StopInstances", lambda call: call.answer(200, b"<StopInstancesResponse/>"))
    assert estate.call(stop_targets, wave="web")["stopping"] == 1
    estate.clock.advance(16 * 60)
    assert estate.call(stop_targets, wave="web") == {"stopped": 1, "stopping": 0, "failed": 1}
    assert "--force" in (estate.servers()["web-1"].remedy or "")


# --- StartRecovery


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


def test_a_scope_without_room_is_waited_for_but_not_for_ever(estate: Estate) -> None:
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


def test_one_server_that_is_denied_does_not_hold_up_its_neighbours(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2", "web-3")
    estate.reach("CONFIGURED")
    denied = pairs["web-2"][0]

    def answer(call: Call) -> AWSResponse | None:
        return refused_json("AccessDeniedException", status=403)(call) if denied in call.body else None

    estate.wire.on("drs", "StartRecovery", answer)
    assert launch(estate)["launching"] == 2
    expected = {"web-1": "LAUNCHING", "web-2": "FAILED", "web-3": "LAUNCHING"}
    assert statuses(estate) == expected


def test_servers_of_a_job_that_somebody_deleted_are_given_up(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("LAUNCHING")
    estate.clock.advance(3600)
    [job] = jobs(estate)
    estate.drs_client().delete_job(jobID=job["jobID"])
    assert estate.call(watch_jobs, wave="web")["failed"] == 1
    assert "was deleted from DRS" in (estate.servers()["web-1"].reason or "")
    assert estate.call(watch_jobs, wave="web")["failed"] == 1


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


# --- WatchJobs and VerifyLaunches


def test_launches_end_one_by_one_and_the_failed_are_tried_again(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED")
    estate.fault("PHASE_FAILS", server="web-1", phase="CONVERSION", times=2)
    launch(estate)
    assert watch(estate).items() >= {"launching": 2, "toRetry": 0, "launched": 0, "failed": 0}.items()
    estate.await_jobs(["web"])
    assert watch(estate).items() >= {"launching": 0, "toRetry": 1, "launched": 1, "failed": 0}.items()
    assert "Conversion failed" in (estate.servers()["web-1"].reason or "")
    assert launch(estate)["launching"] == 1
    estate.await_jobs(["web"])
    assert watch(estate).items() >= {"launching": 0, "toRetry": 0, "launched": 1, "failed": 1}.items()
    assert estate.servers()["web-1"].attempts == 2
    assert {record.status for record in estate.store.jobs("execution-1")} == {"COMPLETED"}


def test_a_round_asks_drs_once(estate: Estate) -> None:
    estate.add_pairs("web-1", "db-1")
    estate.reach("LAUNCHING")
    estate.wire.clear()
    for wave in ("data", "web", "data"):
        estate.call(watch_jobs, wave=wave)
    assert len(estate.wire.of("DescribeJobs")) == 1


def test_a_look_without_news_reads_no_servers_of_other_waves(estate: Estate) -> None:
    estate.add_pairs("web-1", "db-1")
    estate.reach("LAUNCHING")
    estate.wire.clear()
    watch(estate)
    assert len(estate.wire.of("DescribeJobs")) == 1
    queries = [call.body for call in estate.wire.of("Query")]
    assert [query for query in queries if "SERVER#web#" in query]
    assert not [query for query in queries if "SERVER#" in query and "SERVER#web#" not in query]


def test_a_launch_that_is_seen_before_its_record_says_so_is_not_lost(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED")
    estate.fault("JOB_STUCK", server="web-2", phase="CONVERSION")
    launch(estate)
    server = estate.servers()["web-1"]
    late = {"status": ServerStatus.LAUNCHING, "job_id": server.job_id}
    early = {"status": ServerStatus.CONFIGURED, "job_id": None}
    estate.store.change_servers("execution-1", [makers.changed(server, early)])
    estate.clock.advance(3600)
    assert watch(estate)["launched"] == 0
    estate.store.change_servers("execution-1", [makers.changed(estate.servers()["web-1"], late)])
    estate.clock.advance(60)
    assert watch(estate)["launched"] == 1


def test_a_job_that_hangs_is_given_up(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("CONFIGURED")
    estate.fault("JOB_STUCK", phase="CONVERSION")
    launch(estate)
    estate.clock.advance(2 * 3600 + 60)
    assert estate.call(watch_jobs, wave="web")["failed"] == 1
    assert "has run for over 2:00:00" in (estate.servers()["web-1"].reason or "")


def test_launched_into_the_pair_and_left_stopped_is_confirmed(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.fault("IGNORES_DISPOSITION", server="web-2")
    estate.reach("LAUNCHED")
    answer = estate.call(verify_launches, wave="web")
    assert answer == {"confirmed": 2, "failed": 0, "startedByDrs": 1}
    servers = estate.servers()
    assert [servers[name].started_by_drs for name in ("web-1", "web-2")] == [False, True]
    assert servers["web-2"].recovery_instance_id == servers["web-2"].pair_instance_id
    assert estate.call(verify_launches, wave="web") == answer


def test_launched_into_another_instance_or_none_is_a_failure(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("LAUNCHED")
    servers = estate.servers()
    estate.store.change_servers(
        "execution-1", [makers.changed(servers["web-1"], {"pair_instance_id": "i-00000000000000bad"})]
    )
    estate.drs_client().disconnect_recovery_instance(recoveryInstanceID=servers["web-2"].pair_instance_id)
    estate.drs_client().delete_recovery_instance(recoveryInstanceID=servers["web-2"].pair_instance_id)
    assert estate.call(verify_launches, wave="web") == {"confirmed": 0, "failed": 2, "startedByDrs": 0}
    assert "the pair is i-00000000000000bad" in (estate.servers()["web-1"].reason or "")
    assert "shows no recovery instance" in (estate.servers()["web-2"].reason or "")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (WaveStatus.RUNNING, None),
        (WaveStatus.COMPLETED, "READY"),
        (WaveStatus.FAILED, "SKIP"),
    ],
)
def test_a_wave_is_answered_at_once_if_what_it_depends_on_is_done(
    estate: Estate, status: WaveStatus, verdict: str | None
) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("PLANNED")
    estate.store.change_wave("execution-1", "data", {"status": status})
    answers = taking_answers(estate)
    assert estate.call(await_turn, wave="web", half="START", taskToken="token-of-web") == {}
    assert [answer["taskToken"] for answer in answers] == (["token-of-web"] if verdict else [])
    for answer in answers:
        output = json.loads(answer["output"])
        assert output["verdict"] == verdict
        assert ("data" in output["reason"]) is (verdict == "SKIP")
    [web] = [wave for wave in estate.store.waves("execution-1") if wave.name == "web"]
    assert web.token == (None if verdict else "token-of-web")


def test_the_end_of_a_wave_wakes_those_that_wait_for_it_once(estate: Estate) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("PLANNED")
    answers = taking_answers(estate)
    estate.call(await_turn, wave="web", half="START", taskToken="token-of-web")
    for _ in range(2):
        estate.call(close_wave, wave="data", failure={"Error": "Boom", "Cause": "a test"})
    assert [json.loads(answer["output"])["verdict"] for answer in answers] == ["SKIP"]


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_wave_that_does_not_wait_any_more_is_left_alone(estate: Estate, code: str) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("PLANNED")
    estate.store.change_wave("execution-1", "web", {"token": "an-old-token"})
    estate.wire.on("sfn", "SendTaskSuccess", refused_json(code))
    assert estate.call(close_wave, wave="data", failure={"Error": "Boom", "Cause": "x"})["status"] == "FAILED"


def taking_answers(estate: Estate) -> list[dict[str, Any]]:
    """What tasks that wait are answered from now on."""
    answers: list[dict[str, Any]] = []

    def take(call: Call) -> AWSResponse:
        answers.append(json.loads(call.body))
        return call.answer(200, b"{}")

    estate.wire.on("sfn", "SendTaskSuccess", take)
    return answers
