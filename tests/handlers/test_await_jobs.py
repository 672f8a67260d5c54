"""AwaitJobs: a wave's task token is registered for each of its unfinished jobs, and for no other's."""

from __future__ import annotations

from functions.configuration import await_jobs
from shared.store import WaiterStore
from tests.handlers.estate import RECOVERY, Estate, environment


def tokens(job_id: str) -> list[str]:
    waiters = WaiterStore(environment()["EXECUTIONS_TABLE"], RECOVERY)
    return [waiter.task_token for waiter in waiters.for_job(job_id)]


def test_the_token_is_registered_for_the_jobs_of_the_wave_alone(estate: Estate) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("LAUNCHING")
    jobs = {job.wave: job.job_id for job in estate.store.jobs("execution-1")}
    assert estate.call(await_jobs, wave="web", taskToken="first") == {}
    assert (tokens(jobs["web"]), tokens(jobs["data"])) == (["first"], [])
    estate.call(await_jobs, wave="web", taskToken="second")
    assert tokens(jobs["web"]) == ["second"], "the earlier token is void"


def test_a_wave_whose_jobs_have_ended_waits_for_none(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("LAUNCHED")
    [job] = estate.store.jobs("execution-1")
    estate.call(await_jobs, wave="web", taskToken="late")
    assert tokens(job.job_id) == []
