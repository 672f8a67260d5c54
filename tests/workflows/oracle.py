"""Compares, when all has ended, what DRS and EC2 did with what we recorded: nothing lost, nothing doubled.

``Stage.wait`` keeps each run to what its own report must say; this covers the whole cloud.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.workflows.preparing import prepare
from tests.workflows.stage import Run, Stage

EXECUTION_TAG = "drs-orchestrator:execution"
BUSY = 6 * 3600.0
"""By then every job has ended, one that hung too."""
FINAL = {"RECOVERED", "RETURNED", "FAILED", "SKIPPED", "BLOCKED", "LEFT_OUT"}
TERMINATED = ("terminated", "shutting-down")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What DRS and EC2 hold in all accounts, by id."""

    jobs: dict[str, Json]
    servers: dict[str, Json]
    recovery_instances: dict[str, Json]
    instances: dict[str, Json]
    volumes: dict[str, Json]


def facts(here: Stage) -> Facts:
    """Asks the emulators, not our records."""
    _, state = here.cloud.drs.admin("GET", "/state", None)
    scopes: list[Json] = state["scopes"]
    instances: dict[str, Json] = {}
    volumes: dict[str, Json] = {}
    for scope in scopes:
        instances |= here.instances(scope)
        pages = here.ec2(scope).get_paginator("describe_volumes").paginate()
        volumes |= {volume["VolumeId"]: volume for page in pages for volume in page["Volumes"]}
    return Facts(
        jobs={
            job["jobID"]: {**job, "scope": (scope["account"], scope["region"])}
            for scope in scopes
            for job in scope["jobs"]
        },
        servers={server["sourceServerID"]: server for scope in scopes for server in scope["sourceServers"]},
        recovery_instances={
            item["recoveryInstanceID"]: item for scope in scopes for item in scope["recoveryInstances"]
        },
        instances=instances,
        volumes=volumes,
    )


def check_facts(here: Stage, before: Facts, runs: Sequence[Run]) -> None:
    """Everything below, for executions that have all ended. ``before``: the facts when they began."""
    now = facts(here)
    check_the_end(here)
    check_one_outcome(here, runs)
    check_jobs(here, before, now)
    check_instances(before, now)
    failovers = [run for run in runs if run.report["mode"] == "FAILOVER"]
    if len(failovers) == len(runs):
        check_launches(here, before, now, failovers)
        if check_preparations(here):
            now = facts(here)
        check_settings(here, before, now, failovers)


def check_the_end(here: Stage) -> None:
    """Nothing runs, waits for a token, keeps a lock or claims a slot any more."""
    running = [arn for arn, r in here.cloud.states.records.items() if r.execution.status == "RUNNING"]
    assert running == [], running
    assert here.locks() == {}, here.locks()
    left = [
        (item["pk"], item["sk"])
        for item in here.items()
        if item["pk"].startswith("SLOTS#") and item["sk"].startswith("CLAIM#")
    ]
    assert left == [], left


def check_one_outcome(here: Stage, runs: Sequence[Run]) -> None:
    """Each server of a run has one final record, and the report says the same of it, once."""
    for run in runs:
        if not run.report["servers"] or run.report["dryRun"]:
            continue
        mine = [item for item in here.items() if item["pk"].split("#")[:2] == ["EXECUTION", run.name]]
        records = [item for item in mine if item["sk"].startswith("SERVER#")]
        assert len({item["sourceServerId"] for item in records}) == len(records)
        recorded = {item["name"]: item["status"] for item in records}
        assert recorded == run.outcomes, (recorded, run.outcomes)
        assert len(run.report["servers"]) == len(recorded)
        assert set(recorded.values()) <= FINAL, recorded
        waves = {item["name"]: item["status"] for item in mine if item["sk"].startswith("WAVE#")}
        assert not {"PLANNED", "RUNNING"} & set(waves.values()), waves
        [execution] = [item for item in mine if item["sk"] == "EXECUTION"]
        assert execution["status"] == run.status
        assert execution["endedAt"]


def check_jobs(here: Stage, before: Facts, now: Facts) -> None:
    """One job at a time for a server, no launch of what is launched, each job recorded, quotas kept."""
    made = [job for job_id, job in now.jobs.items() if job_id not in before.jobs]
    others = [job["jobID"] for job in made if job["type"] != "LAUNCH"]
    assert others == [], others
    by_server: defaultdict[str, list[tuple[Json, Json]]] = defaultdict(list)
    for job in sorted(made, key=lambda job: str(job["creationDateTime"])):
        for member in job["participatingServers"]:
            by_server[member["sourceServerID"]].append((job, member))
    for server, taken in by_server.items():
        for (earlier, member), (later, _) in pairwise(taken):
            assert earlier.get("endDateTime"), f"{server} got a second job while one runs"
            assert earlier["endDateTime"] <= later["creationDateTime"], f"{server} is in two jobs at once"
            assert member["launchStatus"] != "LAUNCHED", f"{server} was launched again"
    recorded = {item["jobId"] for item in here.items() if item["sk"].startswith("JOB#")}
    ours = {job["jobID"] for job in made if EXECUTION_TAG in job["tags"]}
    assert ours <= recorded, f"jobs that none recorded: {ours - recorded}"
    check_quotas(here, now.jobs.values())


def check_quotas(here: Stage, jobs: Iterable[Json]) -> None:
    """What DRS allows in a scope, at every moment (docs/limits.md)."""
    settings = here.cloud.drs.admin("GET", "/settings", None)[1]
    moments: defaultdict[tuple[str, str], list[tuple[str, int, int]]] = defaultdict(list)
    for job in jobs:
        servers = len(job["participatingServers"])
        assert servers <= settings["servers_per_job"]
        moments[job["scope"]].append((job["creationDateTime"], 1, servers))
        if job.get("endDateTime"):
            moments[job["scope"]].append((job["endDateTime"], -1, -servers))
    for changes in moments.values():
        running = taken = 0
        for _, one, servers in sorted(changes, key=lambda change: change[:2]):
            running, taken = running + one, taken + servers
            assert running <= settings["jobs_in_progress"], f"{running} jobs at once"
            assert taken <= settings["servers_in_all_jobs"], f"{taken} servers in jobs at once"


def check_instances(before: Facts, now: Facts) -> None:
    """The instances and volumes of the start are all there still, and no instance more."""
    assert now.instances.keys() == before.instances.keys()
    missing = [i for i, instance in now.instances.items() if instance["state"] in TERMINATED]
    assert missing == [], missing
    assert before.volumes.keys() <= now.volumes.keys(), before.volumes.keys() - now.volumes.keys()


def check_launches(here: Stage, before: Facts, now: Facts, runs: Sequence[Run]) -> None:
    """Whom we call RECOVERED runs in its very pair, and whom DRS launched we report."""
    into: dict[str, str] = {}
    for instance_id, item in now.recovery_instances.items():
        assert item["launchedInto"]
        assert item["sourceServerID"] not in into, "one server in two instances"
        into[item["sourceServerID"]] = instance_id
    for name in here.servers:
        source, target = here.source(name), here.target(name)
        reported = [server for run in runs for server in run.report["servers"] if server["name"] == name]
        recovered = [server for server in reported if server["status"] == "RECOVERED"]
        if recovered:
            assert {server["pairInstanceId"] for server in recovered} == {target}
            assert into.get(source) == target, f"{name}: {into}"
            assert now.instances[target]["state"] == "running", f"{name}: {now.instances[target]}"
            assert here.pairs()[source]["pairInstanceId"] == target
            assert here.pairs()[source]["workloadSide"] == "RECOVERY"
            old = {volume for _, volume in before.instances[target]["volumes"]}
            assert not old & {volume for _, volume in now.instances[target]["volumes"]}
        else:
            assert source not in here.pairs(), f"{name} has a pair and is {reported}"
            if source in into and source not in {
                i["sourceServerID"] for i in before.recovery_instances.values()
            }:
                words = " ".join(f"{server['reason']} {server['remedy']}" for server in reported)
                assert target in words, f"{name} was launched, and no report says it: {words}"


def check_preparations(here: Stage) -> bool:
    """Whether the plan was prepared, which has ended then, and can be undone as if it had not been.

    The undo waits until no job keeps it from a server any more.
    """
    earlier = [arn for arn, record in here.cloud.states.records.items() if record.machine == "prepare"]
    if earlier:
        here.cloud.advance(BUSY)
        undone = prepare(here, f"unprepare-{len(earlier)}", undo=True)
        assert set(undone.outcomes.values()) <= {"UNDONE"}, undone.report
        left = [item for item in here.items() if item["pk"].startswith("PREPARED#")]
        assert left == [], left
    return bool(earlier)


def check_settings(here: Stage, before: Facts, now: Facts, runs: Sequence[Run]) -> None:
    """Who was not launched has the launch settings of before, or a report says how to put them back."""
    launched = {
        member["sourceServerID"]
        for job in now.jobs.values()
        for member in job["participatingServers"]
        if member["launchStatus"] == "LAUNCHED"
    }
    reported = [
        finding["remedy"]
        for run in runs
        for finding in run.report["findings"]
        if finding["code"] == "LAUNCH_SETTINGS_NOT_RESTORED"
    ]
    for source, server in before.servers.items():
        if source in launched or any(source in remedy for remedy in reported):
            continue
        assert now.servers[source]["launchConfiguration"] == server["launchConfiguration"], source


def outcomes(runs: Sequence[Run]) -> Counter[str]:
    """How many servers came to which outcome."""
    return Counter(status for run in runs for status in run.outcomes.values())
