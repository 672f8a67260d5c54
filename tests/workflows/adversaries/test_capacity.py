"""EC2 without capacity at the start: the healthy start at once, the refused when there is some."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from local.ministack.ec2_throttling import Limit, Size
from local.wire import Answer, Call
from tests.workflows.failback_stage import QUICK, away, fail_back, original, sides
from tests.workflows.stage import Stage, group, stage, wave

ON_FAILURE = {"onFailure": "CONTINUE"}


class Starts:
    """When functions first asked for each instance, and how long each invocation took."""

    def __init__(self, here: Stage) -> None:
        self.first: dict[str, datetime] = {}
        self.ends: dict[Any, tuple[datetime, datetime]] = {}
        self.calls = 0
        answer = here.cloud.routes.answer

        def noting(call: Call) -> Answer:
            invocation, now = here.cloud.functions.calling(), here.cloud.clock.now()
            if invocation is not None and invocation.function == "StartInstancesFunction":
                begun, _ = self.ends.get(id(invocation), (now, now))
                self.ends[id(invocation)] = (begun, now)
                if call.operation == "StartInstances":
                    self.calls += 1
            found = answer(call)
            if call.operation == "StartInstances" and found.status == 200:
                for name, values in parse_qs(call.body.decode()).items():
                    if name.startswith("InstanceId"):
                        self.first.setdefault(values[0], here.cloud.clock.now())
            return found

        here.cloud.routes.answer = noting  # type: ignore[method-assign]

    @property
    def span(self) -> timedelta:
        return max(self.first.values()) - min(self.first.values())

    @property
    def longest(self) -> timedelta:
        return max(end - begun for begun, end in self.ends.values())


def lacking(here: Stage, servers: list[str]) -> None:
    for server in servers:
        here.ec2_fault("START_REFUSED", server)


def recovered(here: Stage) -> set[str]:
    """The servers of the execution *run* that are recovered already."""
    return {
        item["name"]
        for item in here.items()
        if item["sk"].startswith("SERVER#")
        and item["pk"].startswith("EXECUTION#run#")
        and item["status"] == "RECOVERED"
    }


@pytest.mark.parametrize("every", [5, 2])
def test_the_healthy_start_within_a_minute_and_no_invocation_comes_near_its_limit(every: int) -> None:
    bad = [f"app-{n}" for n in range(2, 40, every)]
    policies = {"verifyTimeoutSeconds": 600}
    waves = [wave("one", **ON_FAILURE), wave("two", "one")]
    with stage(
        group("app", "one", count=40), group("web", "two"), waves=waves, policies=policies, jobs=QUICK
    ) as here:
        lacking(here, bad)
        starts = Starts(here)
        run = here.run()
        assert run.status == "COMPLETED_WITH_FAILURES"
        assert {name for name, status in run.outcomes.items() if status == "FAILED"} == set(bad)
        assert run.outcomes["web"] == "RECOVERED"
        assert len(starts.first) == 41 - len(bad)
        healthy = [starts.first[here.target(f"app-{n}")] for n in range(1, 41) if f"app-{n}" not in bad]
        assert max(healthy) - min(healthy) <= timedelta(seconds=60)
        assert starts.longest < timedelta(seconds=180), "60 % of its timeout"
        server = run.server(bad[0])
        assert "Not started within 10 min" in server["reason"]
        assert "InsufficientInstanceCapacity" in server["reason"]
        assert "capacity" in server["remedy"]


def test_a_zone_without_any_capacity_is_not_asked_for_each_instance() -> None:
    with stage(
        group("app", count=100), waves=[wave("all", **ON_FAILURE)], policies={"verifyTimeoutSeconds": 60}
    ) as here:
        lacking(here, [f"app-{n}" for n in range(1, 101)])
        starts = Starts(here)
        run = here.run()
        assert set(run.outcomes.values()) == {"FAILED"}
        assert starts.longest < timedelta(seconds=60)
        assert all("no capacity" in run.server(name)["remedy"] for name in run.outcomes)


@pytest.mark.parametrize("kind", ["START_REFUSED", "START_FAILS"])
def test_what_was_refused_is_started_when_there_is_capacity_again(kind: str) -> None:
    with stage(group("app", count=3), jobs=QUICK) as here:
        here.ec2_fault(kind, "app-2")
        starts = Starts(here)
        begun = here.start()
        here.cloud.wait_until(lambda: recovered(here) == {"app-1", "app-3"})
        here.cloud.advance(360)
        waiting = here.record("run", "app-2")
        assert (waiting["status"], "InsufficientInstanceCapacity" in waiting["reason"]) == ("STARTING", True)
        here.cloud.ec2.clear_faults()
        run = here.wait(begun)
        assert run.status == "COMPLETED", run.summary
        assert run.outcomes["app-2"] == "RECOVERED"
        assert not run.server("app-2")["reason"]
        assert starts.calls < 40


def test_a_failback_without_capacity_at_the_origin_leaves_the_workload_where_it_was() -> None:
    with away(policies={"verifyTimeoutSeconds": 120}, waves=[wave("all", **ON_FAILURE)]) as (here, _):
        here.cloud.ec2.add_faults([{"kind": "START_REFUSED", "instance": original(here, "app-2")}])
        run = fail_back(here)
        assert run.outcomes == {"app-1": "RECOVERED", "app-2": "FAILED"}, run.summary
        assert sides(here, "app-2") == ("stopped", "running")
        here.cloud.ec2.clear_faults()
        again = fail_back(here, "again")
        assert again.outcomes["app-2"] == "RECOVERED", again.summary


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("InvalidKMSKey.InvalidState: the key is disabled", "KMS key"),
        ("OptInRequired: accept terms and subscribe to this AWS Marketplace product", "Marketplace"),
        ("VcpuLimitExceeded: 64 vCPUs", "quota"),
        ("Unsupported: not in this zone", "instance type that the Availability Zone offers"),
    ],
)
def test_any_other_refusal_fails_at_once_and_names_its_cause(message: str, remedy: str) -> None:
    with stage(group("app", count=2), waves=[wave("all", **ON_FAILURE)], jobs=QUICK) as here:
        here.ec2_fault("START_REFUSED", "app-2", message=message)
        run = here.run()
        assert run.outcomes == {"app-1": "RECOVERED", "app-2": "FAILED"}
        assert remedy.lower() in run.server("app-2")["remedy"].lower()


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("Client.InternalError: Client error on launch", "KMS key"),
        ("Client.VolumeLimitExceeded: Volume limit exceeded", "quota"),
    ],
)
def test_an_instance_that_falls_back_fails_with_its_cause(message: str, remedy: str) -> None:
    with stage(group("app", count=2), waves=[wave("all", **ON_FAILURE)], jobs=QUICK) as here:
        here.ec2_fault("START_FAILS", "app-2", message=message)
        run = here.run()
        assert run.outcomes == {"app-1": "RECOVERED", "app-2": "FAILED"}
        assert remedy in run.server("app-2")["remedy"]
        assert here.target("app-2") in run.server("app-2")["remedy"]


def test_servers_wait_while_another_program_takes_all_that_ec2_allows_the_account() -> None:
    """For ten minutes, longer than the state's retries last."""
    waves = [wave("one"), wave("two")]
    with stage(group("app", "one", count=3), group("web", "two", count=3), waves=waves, jobs=QUICK) as here:
        buckets = here.cloud.ec2.throttling
        before = buckets.limits["StartInstances"]
        buckets.limits["StartInstances"] = Limit(Size(0, 0), before.resources)
        starts = Starts(here)
        begun = here.start()
        here.cloud.wait_until(lambda: buckets.refused["StartInstances"] > 0)
        here.cloud.advance(600)
        waiting = here.record("run", "app-2")
        assert (waiting["status"], "EC2 throttles it" in waiting["reason"]) == ("STARTING", True)
        assert not starts.first
        buckets.limits["StartInstances"] = before
        run = here.wait(begun)
        assert run.status == "COMPLETED", run.summary
        assert not any(server["reason"] for server in run.report["servers"])
        assert starts.longest < timedelta(seconds=180), "60 % of its timeout"


def test_ten_waves_at_once_start_within_a_minute_by_the_buckets_of_aws() -> None:
    """A fifth of a thousand servers, and of the bucket that AWS has for a thousand."""
    waves = [wave(f"w{n}") for n in range(10)]
    groups = [group(f"app-{n}", f"w{n}", count=20) for n in range(10)]
    with stage(*groups, waves=waves, jobs=QUICK) as here:
        here.cloud.ec2.throttling.limits["StartInstances"] = Limit(Size(5, 2), Size(200, 0.4))
        starts = Starts(here)
        run = here.run()
        assert run.status == "COMPLETED", run.summary
        assert len(starts.first) == 200
        assert starts.span <= timedelta(seconds=60)
        assert starts.longest < timedelta(seconds=180), "60 % of its timeout"
