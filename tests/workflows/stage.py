"""A small fleet in a virtual cloud, and the real failover run over it.

``with stage(group("app", count=2)) as here: run = here.run()`` builds originals, targets and source servers,
runs statemachines/failover.asl.json with the real handlers, and hands back its result and its report. Jobs
and boots are quick here, so that a run polls a few times only.

Every run is checked against what must be true of any execution, however it went: see ``Stage.wait``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from drs_emulator import Settings
from local.fleet import BuiltServer, Fleet, load, plan_document
from local.fleet.disaster import strike
from local.fleet.virtual import virtual_fleet
from local.ministack.ec2_lifecycle import Timings
from local.simulation import ExecutionResult, VirtualCloud
from shared.rules.plan.contracts import problems
from shared.settings import ConfigurationSettings, ExecutionSettings, PacingSettings, QuerySettings
from tests.local.simulation.world import ORIGIN, RECOVERY, World

QUICK_JOBS = Settings(time_factor=0.1)
"""A job takes about 45 seconds."""
QUICK_BOOTS = Timings(start=(1, 2), stop=(1, 2), terminate=(1, 2), linux_checks=(2, 3))
STATE_LIMIT = 32 * 1024

_FINAL = {"RECOVERED", "RETURNED", "FAILED", "SKIPPED", "BLOCKED", "LEFT_OUT"}
_STATUSES = {
    "COMPLETED": "SUCCEEDED",
    "COMPLETED_WITH_FAILURES": "SUCCEEDED",
    "FAILED": "FAILED",
    "BLOCKED": "FAILED",
    "CANCELLED": "FAILED",
}


def group(name: str, wave: str = "all", *, count: int = 1, **more: Any) -> dict[str, Any]:
    """A group of a fleet file; several servers are called ``name-1``, ``name-2``, …"""
    return {"name": name if count == 1 else f"{name}-{{n}}", "count": count, "wave": wave, **more}


def issue(kind: str, **options: Any) -> dict[str, Any]:
    """``group(…, **issue("noTarget"))``: what is wrong with all servers of the group."""
    return {"issue": [{"kind": kind, **options}]}


def wave(name: str, *depends_on: str, **more: Any) -> dict[str, Any]:
    """A wave of a fleet file."""
    return {"name": name, **({"dependsOn": list(depends_on)} if depends_on else {}), **more}


def site(name: str, origin: dict[str, str], recovery: dict[str, str]) -> dict[str, Any]:
    """A site of a fleet file, with one subnet at either side."""
    return {
        "name": name,
        "origin": {**origin, "subnets": {"servers": "10.10.0.0/24"}},
        "recovery": {**recovery, "subnets": {"servers": "10.20.0.0/24"}},
    }


@dataclass(frozen=True, slots=True)
class Run:
    """An execution that has ended: what Step Functions says of it, and what its report says."""

    name: str
    result: ExecutionResult
    report: dict[str, Any]
    summary: str

    @property
    def status(self) -> str:
        return str(self.report["status"])

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return list(self.report["jobs"])

    def server(self, name: str) -> dict[str, Any]:
        """A server's part of the report."""
        return dict(next(server for server in self.report["servers"] if server["name"] == name))

    def wave(self, name: str) -> dict[str, Any]:
        """A wave's part of the report."""
        return dict(next(wave for wave in self.report["waves"] if wave["name"] == name))

    @property
    def outcomes(self) -> dict[str, str]:
        """Every server's status by name."""
        return {server["name"]: server["status"] for server in self.report["servers"]}

    def codes(self, name: str) -> set[str]:
        """The codes of a server's findings."""
        return {finding["code"] for finding in self.server(name)["findings"]}


class Stage(World):
    """A built fleet in its cloud, to be failed over."""

    def __init__(self, cloud: VirtualCloud, fleet: Fleet, servers: Sequence[BuiltServer]) -> None:
        super().__init__(cloud, servers)
        self.fleet = fleet
        self.plan = plan_document(fleet)
        self.outsiders: Any = None
        """Who interferes with what runs here, where a scenario has them: see scenarios/outsiders.py."""

    # --- executions

    def start(self, name: str = "run", **request: Any) -> str:
        """Starts an execution of the fleet's plan, with these fields of the request; gives its ARN."""
        machine = "failback" if request.get("mode") == "FAILBACK" else "failover"
        return self.cloud.start(machine, {"plan": self.plan, **request}, name=name)

    def run(self, name: str = "run", **request: Any) -> Run:
        """Starts one and waits for its end."""
        return self.wait(self.start(name, **request))

    def wait(self, arn: str) -> Run:
        """Waits for the end of an execution and holds it to the rules of every execution."""
        result = self.cloud.wait(arn)
        run = self.read(result)
        assert result.status == _STATUSES[run.status], (result.error, result.cause)
        assert result.largest_state_bytes < STATE_LIMIT, result.largest_state
        self.check_rules(run)
        return run

    def read(self, result: ExecutionResult, record: str = "") -> Run:
        """An execution with its report, which there must be; ``record``: the id of a redriven one's."""
        name = record or result.execution_arn.rsplit(":", 1)[-1]
        s3 = self.cloud.client("s3")
        bucket = self.cloud.template.buckets()[0]
        listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        keys = {item["Key"].rsplit("/", 1)[-1]: item["Key"] for item in listed if f"/{name}/" in item["Key"]}
        texts = {
            kind: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for kind, key in keys.items()
        }
        return Run(name, result, json.loads(texts["report.json"]), texts["report.md"])

    def check_rules(self, run: Run) -> None:
        """What is true of every execution that has ended, however it went."""
        assert not problems(run.report, "report")
        assert run.name not in self.locks().values()
        assert self.overlapping_jobs() == []
        assert self.terminated() == set()
        assert ("drs", "TerminateRecoveryInstances") not in self.cloud.calls
        assert run.report["endedAt"]
        if not run.report["dryRun"]:
            assert set(run.outcomes.values()) <= _FINAL, run.summary
            totals = dict(run.report["totals"])
            assert totals.pop("servers") == sum(totals.values()) == len(run.report["servers"])
        for server in run.report["servers"]:
            if server["status"] in ("FAILED", "BLOCKED", "SKIPPED", "LEFT_OUT"):
                assert server["reason"], server
                assert server["remedy"], server
                assert server["name"] in run.summary
        recovered = [s["pairInstanceId"] for s in run.report["servers"] if s["status"] == "RECOVERED"]
        assert len(set(recovered)) == len(recovered)

    def close_aborted(self, arn: str, status: str = "ABORTED", cause: str | None = None) -> dict[str, Any]:
        """Feeds the function that closes aborted executions the event that Step Functions sends."""
        return self.call("CloseAbortedExecutionFunction", self.end_event(arn, status, cause))

    def end_event(self, arn: str, status: str = "ABORTED", cause: str | None = None) -> dict[str, Any]:
        """The event that Step Functions sends about an execution that has ended."""
        result = self.cloud.result(arn)
        record = self.cloud.states.record(arn).execution
        stopped = record.stop_date or self.cloud.clock.now()
        detail = {
            "executionArn": arn,
            "stateMachineArn": self.cloud.states.arn_of(arn.split(":")[-2]),
            "name": arn.rsplit(":", 1)[-1],
            "status": status,
            "redriveCount": self.cloud.states.record(arn).redrives,
            "startDate": int(record.start_date.timestamp() * 1000),
            "stopDate": int(stopped.timestamp() * 1000),
            "cause": cause or result.cause,
        }
        return {
            "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change",
            "time": stopped.isoformat(),
            "detail": detail,
        }

    def call(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Invokes a function by itself."""
        payload, failed = self.cloud.functions.invoke(function, json.dumps(event).encode())
        assert failed is None, payload
        answer: dict[str, Any] = json.loads(payload)
        return answer

    def store_plan(self) -> None:
        """Stores the fleet's plan under its name."""
        self.call("StorePlanFunction", {"plan": self.plan, "now": self.cloud.clock.now().isoformat()})

    # --- faults

    def strike(self) -> None:
        """The disaster of the fleet's file, to the originals."""
        clients, ec2 = self.cloud.client, self.cloud.ec2.admin
        strike(self.fleet, self.servers.values(), clients, ec2, lambda: self.cloud.advance(1))

    def drs_fault(self, kind: str, **fields: Any) -> None:
        """Adds a fault of the DRS emulator (docs/emulator.md)."""
        status, answer = self.cloud.drs.admin("POST", "/faults", {"faults": [{"kind": kind, **fields}]})
        assert status == 200, answer

    def ec2_fault(self, kind: str, server: str, **fields: Any) -> None:
        """Adds an EC2 fault to a server's target."""
        self.cloud.ec2.add_faults([{"kind": kind, "instance": self.target(server), **fields}])


SLEEPERS = {"AwaitJobs", "AwaitJobSlot"}
"""States that end by a timeout when they are not resumed, and poll: nothing has missing wrong."""


def fill_with_foreign_jobs(here: Stage, count: int, *, seconds: int) -> str:
    """Jobs of others that end by themselves; gives the time before which none ends."""
    body = {**RECOVERY, "servers": [{"hostname": f"foreign-{n}"} for n in range(count)]}
    status, answer = here.cloud.drs.admin("POST", "/source-servers", body)
    assert status == 200, answer
    for source in answer["sourceServerIDs"]:
        here.drs_fault("JOB_STUCK", phase="SNAPSHOT", server=source, seconds=seconds)
        here.drs_fault("PHASE_FAILS", phase="SNAPSHOT", server=source)
        here.drs().start_recovery(sourceServers=[{"sourceServerID": source}])
    return (here.cloud.clock.now() + timedelta(seconds=seconds)).isoformat()


@contextmanager
def stage(
    *servers: dict[str, Any],
    waves: Sequence[dict[str, Any]] = (),
    policies: dict[str, Any] | None = None,
    matching: dict[str, Any] | None = None,
    more_sites: Sequence[dict[str, Any]] = (),
    jobs: Settings = QUICK_JOBS,
    boots: Timings = QUICK_BOOTS,
    seed: int = 0,
    parameters: dict[str, str] | None = None,
    api_seconds: float = 0.0,
    originals: str = "STOPPED",
) -> Iterator[Stage]:
    """A virtual cloud with a fleet of these groups; without any: app-1 and app-2 in one wave."""
    document: dict[str, Any] = {
        "name": "shop",
        "sites": [site("east", ORIGIN, RECOVERY), *more_sites],
        "servers": list(servers) or [group("app", count=2)],
        "waves": list(waves) or [wave("all")],
        "policies": policies or {},
        "matching": matching or {},
        "originals": originals,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.yaml"
        path.write_text(json.dumps(document), "utf-8")
        fleet = load(path)
    if parameters:
        # Functions keep their settings for warm invocations, also in the next cloud of the process.
        _cold_start()
    with virtual_fleet(
        fleet,
        VirtualCloud,
        parameters=parameters,
        pause_seconds=1,
        seed=seed,
        drs_settings=jobs,
        ec2_timings=boots,
        api_seconds=api_seconds,
    ) as (cloud, built):
        cloud.calls.clear()
        try:
            yield Stage(cloud, fleet, built)
        finally:
            if parameters:
                _cold_start()


def _cold_start() -> None:
    for group_of_settings in (QuerySettings, ConfigurationSettings, ExecutionSettings, PacingSettings):
        group_of_settings.from_env.cache_clear()
