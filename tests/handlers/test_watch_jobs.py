"""WatchJobs: launches end one by one; failed ones are retried, hung ones are given up."""

from __future__ import annotations

from functions.configuration import watch_jobs
from shared.model.status import ServerStatus
from tests import makers
from tests.handlers.estate import Estate
from tests.handlers.launching import jobs, launch


def watch(estate: Estate) -> dict[str, int]:
    """WatchJobs, and the next poll of which is 5 to 60 seconds later."""
    answer: dict[str, int] = estate.call(watch_jobs, wave="web")
    assert 10 <= answer.pop("waitSeconds") <= 240
    return answer


def test_servers_of_a_deleted_job_are_given_up(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("LAUNCHING")
    estate.clock.advance(3600)
    [job] = jobs(estate)
    estate.drs_client().delete_job(jobID=job["jobID"])
    assert estate.call(watch_jobs, wave="web")["failed"] == 1
    assert "was deleted from DRS" in (estate.servers()["web-1"].reason or "")
    assert estate.call(watch_jobs, wave="web")["failed"] == 1


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


def test_a_poll_without_news_reads_no_servers_of_other_waves(estate: Estate) -> None:
    estate.add_pairs("web-1", "db-1")
    estate.reach("LAUNCHING")
    estate.wire.clear()
    watch(estate)
    assert len(estate.wire.of("DescribeJobs")) == 1
    queries = [call.body for call in estate.wire.of("Query")]
    assert [query for query in queries if "SERVER#web#" in query]
    assert not [query for query in queries if "SERVER#" in query and "SERVER#web#" not in query]


def test_a_launch_that_is_seen_before_its_record_is_written_is_not_lost(estate: Estate) -> None:
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
