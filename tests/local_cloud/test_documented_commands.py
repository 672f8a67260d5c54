"""The commands of the pages, typed as they stand, in a deployed local cloud with IAM on.

Every command is read from its page, so that what a page says is what is tried.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.cli.client import Cloud, environment
from local.fleet import load, plan_document
from shared.model.scope import Scope
from tests.local_cloud import engine
from tests.local_cloud.newcomer import ROOT, begin, copy_project, endpoint_of
from tests.project.test_docs import blocks

FLEET = """
name: estate
sites:
  - name: east
    origin: {account: "111122223333", region: us-east-1, subnets: {servers: 10.10.0.0/24}}
    recovery: {account: "444455556666", region: us-east-2, subnets: {servers: 10.20.0.0/24}}
servers:
  - {name: "db-{n:03}", count: 2, wave: data}
  - {name: job-001, wave: jobs}
  - {name: web-001, wave: web}
waves:
  - {name: data}
  - {name: jobs, dependsOn: [data]}
  - {name: web, dependsOn: [jobs]}
"""
ORCHESTRATION = Scope("999988887777", "us-east-1")
ENDED = ("COMPLETED", "COMPLETED_WITH_FAILURES", "FAILED", "BLOCKED", "CANCELLED")
RECOVERED = {"db-001": "RECOVERED", "db-002": "RECOVERED", "job-001": "RECOVERED", "web-001": "RECOVERED"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader of the pages, and a cloud in which the estate's plan is stored."""
    clone = copy_project(tmp_path_factory.mktemp("clone"))
    (clone / "fleets" / "estate.yaml").write_text(FLEET, "utf-8")
    process = begin(clone, "up", "--deploy", "--fleet", "fleets/estate.yaml", "--speed", "400")
    try:
        with _warm_aws(tmp_path_factory.mktemp("aws")) as folder:
            yield Reader(clone, endpoint_of(process), folder)
    finally:
        process.terminate()
        process.communicate()
    logs = "".join(log.read_text("utf-8") for log in (clone / ".local" / "logs").glob("*.log"))
    assert "the local cloud ends" in logs, "it did not end by itself, and was killed"


@contextmanager
def _warm_aws(folder: Path) -> Iterator[Path]:
    """A folder with an ``aws`` that is there at once; to import all of it takes a second each time."""
    script, path = ROOT / "tests" / "local_cloud" / "warm_aws.py", folder / "s"
    begins = [sys.executable, str(script), str(path)]
    (folder / "aws").write_text(f'#!/bin/sh\nexec {sys.executable} -IS {script} {path} "$@"\n')
    (folder / "aws").chmod(0o755)
    with subprocess.Popen(begins, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield folder


class Reader:
    """Types what the pages say, in the folder of the clone."""

    def __init__(self, clone: Path, endpoint: str, aws: Path) -> None:
        self.clone = clone
        self._env = environment(endpoint, ORCHESTRATION)
        folders = [str(aws), str(Path(sys.executable).parent), os.environ["PATH"]]
        self._env["PATH"] = os.pathsep.join(folders)
        self._dynamodb = Cloud(endpoint).client("dynamodb", ORCHESTRATION.account, ORCHESTRATION.region)
        prelude = command("operate.md", "out() {")
        outputs = ("ExecutionsTableName", "FailoverStateMachineArn")
        found = self._bash("\n".join([prelude, *(f"out {name}" for name in outputs)])).split()
        self._table = found[0]
        self._prelude = f"{prelude.splitlines()[0]}\nMACHINE={found[1]}\n"

    def types(self, text: str, **variables: str) -> str:
        """Runs it in a shell; what it prints. It may not fail, nor may a function that it calls."""
        given = "".join(f"{name}={value}\n" for name, value in variables.items())
        printed = self._bash(f"{self._prelude}{given}{text}")
        assert "FunctionError" not in printed, f"{text}\n{printed}"
        return printed

    def _bash(self, script: str) -> str:
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.clone,
            env=self._env,
            text=True,
            capture_output=True,
            timeout=600,
            check=False,
        )
        assert ran.returncode == 0, f"{script}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def sends(self, execution: str, what: str, **instead: str) -> dict[str, Any]:
        """The message of control.md's table that does this; its answer."""
        fields = message(what)
        for old, new in instead.items():
            fields = fields.replace(old, new)
        payload = f'{{"executionId": "{execution}", {fields}, "by": "ana", "reason": "a check"}}'
        function = command("control.md", "control() {").splitlines()[0]
        printed = self.types(f"{function}\ncontrol '{payload}'")
        answer: dict[str, Any] = json.JSONDecoder().raw_decode(printed)[0]
        return answer

    def status(self, execution: str) -> str:
        """The status in the table; empty before the execution is recorded."""
        key = {"pk": {"S": f"EXECUTION#{execution}"}, "sk": {"S": "EXECUTION"}}
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return str(found["Item"]["status"]["S"]) if "Item" in found else ""

    def begun(self, execution: str) -> None:
        """Waits until the execution is recorded."""
        engine.until(lambda: self.status(execution), 900)

    def ended(self, execution: str) -> str:
        """Its status once it has ended."""
        engine.until(lambda: self.status(execution) in ENDED, 900)
        return self.status(execution)

    def servers(self, execution: str) -> dict[str, str]:
        """Every server's status by name."""
        items = self._dynamodb.scan(TableName=self._table, ConsistentRead=True)["Items"]
        return {
            item["name"]["S"]: item["status"]["S"]
            for item in items
            if item["pk"]["S"].startswith(f"EXECUTION#{execution}#") and item["sk"]["S"].startswith("SERVER#")
        }

    def servers_shown(self, execution: str) -> dict[str, str]:
        """The same as operate.md shows it."""
        printed = self.types(command("operate.md", "aws dynamodb query"), ID=execution)
        return {row[0]: row[2] for row in (line.split("\t") for line in printed.splitlines())}

    def report(self, execution: str) -> str:
        """The readable report, by the command of operate.md."""
        return self.types(command("operate.md", "report.md -").replace("estate-2026-11-22", execution))

    def asking(self, begins: str) -> str:
        """The execution of such a name that waits for an approval."""

        def found() -> str:
            items = self._dynamodb.scan(TableName=self._table, ConsistentRead=True)["Items"]
            waiting = [
                item["pk"]["S"].removeprefix("EXECUTION#")
                for item in items
                if item["sk"]["S"] == "EXECUTION"
                and "approvalToken" in item
                and item["status"]["S"] not in ENDED
            ]
            return next((one for one in waiting if one.startswith(begins)), "")

        return str(engine.until(found, 900))


def command(page: str, part: str) -> str:
    """The shell commands of a page that have this in them, as far as the next blank line."""
    paragraphs = [one for block in blocks(ROOT / "docs" / page, "sh") for one in block.split("\n\n")]
    [found] = [one for one in paragraphs if part in one]
    return found


def message(what: str) -> str:
    """The fields of the message that does this, by the table of control.md."""
    text = (ROOT / "docs" / "control.md").read_text("utf-8")
    [found] = re.findall(rf"^\| {re.escape(what)} \| `([^`]*)`", text, re.M)
    return str(found)


def test_a_deployed_plan_is_checked_and_prepared_as_the_pages_say(reader: Reader) -> None:
    plan = {**plan_document(load(reader.clone / "fleets" / "estate.yaml"))}
    for name in ("intranet", "erp"):
        (reader.clone / "plan.yaml").write_text(json.dumps({**plan, "name": name}), "utf-8")
        assert f'"{name}"' in reader.types(command("deploy.md", "StorePlanFunctionName"))
    first, reads, _ = command("deploy.md", "--name dry-1").splitlines()

    reader.types(first)
    assert reader.ended("dry-1") == "COMPLETED"
    assert "intranet" in reader.types(reads)
    prepare, undo = command("plans.md", "--name prepare-1").splitlines()
    reader.types(prepare)
    assert reader.ended("prepare-1") == "COMPLETED"
    reader.types(undo)
    assert reader.ended("undo-1") == "COMPLETED"


def test_every_control_message_has_its_effect_and_the_estate_comes_back(reader: Reader) -> None:
    _undone(reader)
    _declared_by_event(reader)
    _failed_back(reader)


def _undone(reader: Reader) -> None:
    """Paused before a wave when others are recovered, then undone: what follows begins anew."""
    switched = reader.types(command("control.md", "freeze() {"))
    assert "The plan estate is frozen since" in switched
    assert "estate is released by ana" in switched
    reader.types(command("operate.md", "--name dry-2026-11-22"))
    reader.types(command("operate.md", "--name estate-2026-11-22"))
    run = "estate-2026-11-22"
    reader.begun(run)
    reader.sends(run, "pause before a wave")
    engine.until(lambda: reader.servers(run).get("job-001") == "RECOVERED", 900)
    reader.sends(run, "undo recovered servers too")
    assert reader.ended(run) == "CANCELLED", reader.report(run)
    assert reader.ended("dry-2026-11-22") == "COMPLETED"


def _declared_by_event(reader: Reader) -> None:
    """Declared twice: rejected, then approved; paused, resumed, servers and a wave skipped; then retried."""
    declare = command("demo.md", "events/disaster-declared.json").splitlines()[0]
    reader.types(declare)
    rejected = reader.asking("event-")
    reader.types(command("operate.md", '"APPROVE"').replace("APPROVE", "REJECT"), ID=rejected)
    assert reader.ended(rejected) == "CANCELLED"
    assert "ReplayArn" in reader.types(command("operate.md", "start-replay"))
    reader.types(declare)
    run = reader.asking("event-")
    reader.types(command("operate.md", '"APPROVE"'), ID=run)
    for what in ("pause at once", "pause between waves"):
        reader.sends(run, what)
    reader.sends(run, "skip a wave")
    reader.sends(run, "skip servers", **{"db-007": "db-002"})
    reader.sends(run, "resume")
    assert reader.ended(run) == "COMPLETED_WITH_FAILURES", reader.report(run)
    assert reader.servers_shown(run) == {**RECOVERED, "db-002": "SKIPPED", "job-001": "SKIPPED"}
    reader.sends(run, "retry what failed")
    assert reader.ended(f"{run}-retry") == "COMPLETED", reader.report(f"{run}-retry")
    assert reader.servers(f"{run}-retry") == {"db-002": "RECOVERED", "job-001": "RECOVERED"}


def _failed_back(reader: Reader) -> None:
    """Checked, cancelled while it replicates, and started again: every server comes back."""
    machine, check = command("failback.md", "--name check-1").splitlines()
    reader.types(f"{machine}\n{check}")
    assert reader.ended("check-1") == "COMPLETED", reader.report("check-1")
    start = command("deploy.md", "--name failback-1").splitlines()[1].replace("intranet", "estate")
    reader.types(start)
    engine.until(lambda: "REPLICATING" in reader.servers("failback-1").values(), 900)
    reader.sends("failback-1", "cancel")
    assert reader.ended("failback-1") == "CANCELLED"
    reader.types(start.replace("failback-1", "failback-2"))
    assert reader.ended("failback-2") == "COMPLETED", reader.report("failback-2")
    assert reader.servers("failback-2") == RECOVERED
