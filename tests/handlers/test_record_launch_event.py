"""RecordLaunchEvent: the last server of a job resumes the wave; repeated and foreign events do not."""

from __future__ import annotations

from typing import Any

from functions.configuration import await_jobs, record_launch_event
from tests.handlers.estate import RECOVERY, Estate
from tests.handlers.launching import taking_answers


def launched(server: str, job: str) -> dict[str, Any]:
    """What DRS puts to EventBridge when a server was launched."""
    arn = f"arn:aws:drs:{RECOVERY.region}:{RECOVERY.account}:source-server/{server}"
    detail = {"state": "RECOVERY_LAUNCH_SUCCEEDED", "job-id": job, "is-drill": "FALSE"}
    return {"detail-type": "DRS Source Server Launch Result", "resources": [arn], "detail": detail}


def record(server: str, job: str) -> bool:
    answer = record_launch_event.handler(launched(server, job), None)
    assert answer["job"] == job
    return bool(answer["last"])


def test_the_last_server_of_a_job_resumes_the_wave_that_waits_for_it(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("LAUNCHING")
    [job] = estate.store.jobs("execution-1")
    answers = taking_answers(estate)
    estate.call(await_jobs, wave="web", taskToken="token-of-web")
    first, second = (server for server, _ in pairs.values())
    assert [record(first, job.job_id), record(first, job.job_id)] == [False, False]
    assert answers == []
    assert record(second, job.job_id)
    assert [answer["taskToken"] for answer in answers] == ["token-of-web"]


def test_a_job_of_another_tool_resumes_nothing(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("LAUNCHING")
    answers = taking_answers(estate)
    estate.call(await_jobs, wave="web", taskToken="token-of-web")
    assert not record("s-00000000000000001", "drsjob-00000000000000001")
    assert answers == []
