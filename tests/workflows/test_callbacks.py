"""Who waits is resumed when something has happened, polls by itself, and needs no call to get on."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest

from drs_emulator import Settings
from local.simulation import EventFaults
from shared.rules.launch.polling import FAR
from tests.workflows.failback_stage import away, original
from tests.workflows.stage import Run, Stage, fill_with_foreign_jobs, group, stage, wave

CHAIN = [wave("data"), wave("web", "data")]
GROUPS = [group("db", "data", count=3), group("web", "web", count=3)]
RESULT = "DRS Source Server Launch Result"


def seconds_after(later: str, earlier: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def arn_of(here: Stage, name: str) -> str:
    [item] = here.drs().describe_source_servers(filters={"sourceServerIDs": [here.source(name)]})["items"]
    arn: str = item["arn"]
    return arn


def seen_launched(here: Stage, run: Run) -> float:
    """Seconds from the last launch of the first wave to the time at which it was seen."""
    ours = {arn_of(here, name) for name in ("db-1", "db-2", "db-3")}
    reported = [
        e["time"] for e in here.cloud.events if e["detail-type"] == RESULT and ours & set(e["resources"])
    ]
    [first] = [child for child in run.result.children if child.execution_arn.endswith("data")]
    *_, went_on = [
        event["timestamp"]
        for event in first.history
        if event.get("stateEnteredEventDetails", {}).get("name") == "VerifyLaunches"
    ]
    return seconds_after(went_on, max(reported))


def test_a_wave_is_resumed_when_drs_has_reported_its_last_server() -> None:
    with stage(*GROUPS, waves=CHAIN, jobs=Settings()) as here:
        here.cloud.event_delivery.delay = 0.0
        run = here.run(launchOrder="BY_WAVE")
        assert run.status == "COMPLETED"
        assert seen_launched(here, run) < 1.0
        assert here.cloud.functions.invocations("RecordLaunchEventFunction") == 6


FAULTS = {
    "lost": EventFaults(lost=1.0),
    "some lost": EventFaults(lost=0.3),
    "doubled": EventFaults(doubled=1.0),
    "late": EventFaults(late=1.0, late_seconds=(600.0, 3600.0)),
    "out of order": EventFaults(shuffle_seconds=120.0),
    "everything": EventFaults(lost=0.3, doubled=0.3, late=0.3, shuffle_seconds=60.0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_issue_with_events_costs_seconds_and_nothing_else(name: str) -> None:
    with stage(*GROUPS, waves=CHAIN, jobs=Settings()) as here:
        here.cloud.event_delivery.faults = FAULTS[name]
        run = here.run(launchOrder="BY_WAVE")
        assert run.status == "COMPLETED"
        assert set(run.outcomes.values()) == {"RECOVERED"}
        assert seen_launched(here, run) <= 31.0
        assert [len(here.jobs_of(server)) for server in here.servers] == [1] * 6


def test_the_batches_of_a_full_scope_start_as_soon_as_there_is_a_slot_the_longest_way_first() -> None:
    """Slots for one job at a time: none polls that cannot be next, and each end resumes the next."""
    one = Settings(time_factor=0.3, jobs_in_progress=1)
    names = ("a", "b", "c", "d")
    waves = [wave(name, *(names[at - 1 : at] if at else ())) for at, name in enumerate(names)]
    with stage(*(group(name, name) for name in names), waves=waves, jobs=one) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        jobs = [here.jobs_of(name) for name in names]
        assert [len(some) for some in jobs] == [1, 1, 1, 1]
        for [before], [after] in pairwise(jobs):
            assert 0 <= seconds_after(after["creationDateTime"], before["endDateTime"]) <= 10
        polls = here.cloud.functions.invocations("StartRecoveryFunction")
        seconds = sum(seconds_after(job["endDateTime"], job["creationDateTime"]) for [job] in jobs)
        assert polls < seconds / 10 + 3 * seconds / FAR + 30


def test_who_stands_behind_a_batch_that_does_not_fit_starts_when_the_execution_of_that_is_closed() -> None:
    """Three servers may be in jobs, two are; a batch of two is first in line and a batch of one behind it."""
    few = Settings(time_factor=0.1, servers_in_all_jobs=3)
    groups = [group("big", "data", count=2), group("small", "web")]
    with stage(*groups, waves=[wave("data"), wave("web")], jobs=few) as here:
        fill_with_foreign_jobs(here, 2, seconds=7200)
        data, web = here.plan["waves"]
        first = here.cloud.start("failover", {"plan": {**here.plan, "waves": [data]}}, name="first")
        here.cloud.advance(30)
        behind = {**here.plan, "name": "behind", "waves": [web]}
        second = here.cloud.start("failover", {"plan": behind}, name="second")
        here.cloud.advance(900)
        assert here.jobs_of("small") == []
        here.cloud.stop(first, "Operator", "not today")
        here.close_aborted(first)
        here.cloud.advance(5)
        assert len(here.jobs_of("small")) == 1
        assert here.wait(second).outcomes["small"] == "RECOVERED"


def test_a_server_starts_when_it_is_launched_though_others_of_its_wave_still_launch() -> None:
    with stage(group("db", "data", count=6), waves=[wave("data")], jobs=Settings()) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        reported = sorted(event["time"] for event in here.cloud.events if event["detail-type"] == RESULT)
        started = sorted(
            event["time"]
            for event in here.cloud.events
            if event["detail-type"].startswith("EC2") and event["detail"]["state"] == "pending"
        )[-6:]
        late = [seconds_after(start, launch) for launch, start in zip(reported, started, strict=True)]
        assert max(late) <= 32.0, "a poll every 30 seconds"
        assert late[-1] <= 4.0, "DRS reports the last"
        assert started[0] < reported[-1]


def test_in_a_failback_no_original_starts_before_all_of_its_wave_have_launched() -> None:
    with away(group("db", "data", count=4), waves=[wave("data")]) as (here, _):
        begun = len(here.cloud.events)
        run = here.run("back", mode="FAILBACK")
        assert run.status == "COMPLETED"
        since = here.cloud.events[begun:]
        reported = [event["time"] for event in since if event["detail-type"] == RESULT]
        originals = {original(here, name) for name in here.servers}
        started = [
            event["time"]
            for event in since
            if event["detail-type"].startswith("EC2")
            and event["detail"]["state"] == "pending"
            and event["detail"]["instance-id"] in originals
        ]
        assert len(started) == 4
        assert min(started) >= max(reported)
