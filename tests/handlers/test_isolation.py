"""Each function imports and answers its sample event with its own code and the built layer alone.

The workers of the local cloud see more of this machine than Lambda would let them, so this is tested alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cli.client import Cloud
from local.fleet import build, load
from local.fleet.member_stacks import create_member_stacks
from local.ministack import LocalCloud
from local.simulation.template import Template
from tests.handlers.layer import REQUIREMENTS, build_layer, needed_by, pins
from tests.policies import HUB_ACCOUNT, PROJECT, REGION, functions

FLEET = """
name: databases
sites:
  - name: east
    origin: {account: "111122223333", region: us-east-1, subnets: {all: 10.1.0.0/24}}
    recovery: {account: "444455556666", region: us-east-2, subnets: {all: 10.2.0.0/24}}
servers: [{name: "db-{n}", count: 2, wave: data}]
waves: [{name: data}]
"""

ANSWERS: tuple[tuple[str, dict[str, Any] | str], ...] = (
    ("freeze_plan", {"plan": "erp", "frozen": True}),
    ("store_plan", {"plan": "databases", "sites": ["east"], "waves": ["data"], "replaced": False}),
    ("open_execution", {"executionId": "sample", "plan": "databases", "mode": "FAILOVER", "sites": ["east"]}),
    ("request_approval", {}),
    ("read_approval", {"approved": False, "over": False}),
    ("discover_servers", {"site": "east", "servers": 2, "instances": 2}),
    ("match_instances", {"matched": 2, "unmatched": 0}),
    ("check_prerequisites", {"site": "east", "ready": 2, "blocked": 0}),
    ("decide_pairs", {"ready": 2, "blocked": 0}),
    ("plan_waves", {"decision": "PROCEED", "ready": 2, "blocked": 0}),
    ("reserve_servers", {"decision": "PROCEED", "reserved": 2, "blocked": 0}),
    ("await_turn", {}),
    ("configure_launch", {"configured": 2, "unchanged": 0, "failed": 0, "batches": [1]}),
    ("stop_targets", {"stopped": 2, "stopping": 0, "failed": 0}),
    ("start_recovery", {"batch": 1, "outcome": "STARTED", "launching": 2}),
    ("await_job_slot", {}),
    ("await_jobs", {}),
    ("record_launch_event", {"job": "drsjob-0123456789abcdef0", "last": False}),
    ("watch_jobs", {"toRetry": 0, "failed": 0}),
    ("verify_launches", {"failed": 0}),
    ("start_instances", {"failed": 0}),
    ("verify_instances", {"failed": 0}),
    ("control_execution", {"executionId": "sample", "action": "PAUSE", "id": "0001"}),
    ("approve_execution", {"executionId": "sample", "action": "APPROVE", "subject": "START"}),
    ("restore_launch_settings", {"restored": 0, "failed": 0}),
    ("close_wave", {"wave": "data"}),
    ("close_execution", {}),
    ("fail_execution", "the plan is unknown. Report: s3://"),
    ("start_from_event", {"started": True}),
    ("close_aborted_execution", {"status": "CANCELLED"}),
    ("identify_originals", {"site": "east", "servers": 2}),
    ("check_reverse_prerequisites", {"site": "east", "ready": 0, "blocked": 2}),  # nothing was failed over
    ("reverse_replication", {"site": "east", "reversed": 0, "waiting": 0, "failed": 0}),
    ("watch_replication", {"action": "WAIT", "newlyStalled": 0}),  # control_execution has paused it
    ("report_stall", {"reported": 0}),
    ("quiesce_workloads", {"running": 1, "failed": 0}),  # likewise
    ("stop_workloads", {"stopping": 0, "failed": 0}),
    ("restart_workloads", {"returning": 0, "failed": 0}),
    ("reprotect", {"failed": 0}),
    ("watch_reprotection", {"failed": 0}),
    ("retire_recovery", {"failed": 0}),
    ("cancel_drills", {"waiting": 0}),
    ("open_preparation", {"plan": "databases", "sites": ["east"], "undo": False}),
    ("prepare_launch", {"prepared": 0, "alreadyRight": 0, "blocked": 0, "yielded": 0}),
    ("undo_preparation", {"undone": 0, "blocked": 0, "yielded": 0}),
    ("close_preparation", {"status": "COMPLETED"}),
    ("clean_up_drill", "Execution sample is a failover, not a drill"),  # its targets are left alone
)
"""The functions in the order of a failover, each with what its answer must say about the samples' fleet,
or, as text, what its refusal must say."""


class Alone:
    """Invokes functions in a process that has nothing but what Lambda has."""

    def __init__(self, folder: Path, template: Template, endpoint: str) -> None:
        self._template = template
        self._endpoint = endpoint
        layer = build_layer(folder / "layer")
        script = Path(__file__).with_name("lambda_alone.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), str(layer)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={},
        )

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke a function of the template; the answer is ``{result}`` or ``{error}``."""
        properties = functions()[function]
        module = properties["Handler"].split(".")[0]
        return self.run(PROJECT / properties["CodeUri"], module, event, self._environment(function))

    def run(
        self, folder: Path, module: str, event: dict[str, Any], env: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Invoke the handler of a module."""
        request = {"folder": str(folder), "module": module, "event": event, "env": env or {}}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def end(self) -> None:
        self._process.communicate()

    def _environment(self, function: str) -> dict[str, str]:
        return {
            **self._template.functions()[function].environment,
            "AWS_ACCESS_KEY_ID": HUB_ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self._endpoint,
        }


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    """A local cloud with the samples' fleet and what the template declares beside functions."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "fleet.yaml").write_text(FLEET)
    fleet = load(folder / "fleet.yaml")
    template = Template.read(
        PROJECT, HUB_ACCOUNT, REGION, {"ExternalId": fleet.external_id, "RetentionDays": "90"}
    )
    with LocalCloud.start(auth=False, log=folder / "cloud.log") as server:
        cloud = Cloud(server.endpoint)
        _create(template, cloud)
        create_member_stacks(fleet, cloud.client)
        build(fleet, cloud.client, cloud.admin("drs"), ec2=cloud.admin("ec2"))
        made = Alone(folder, template, server.endpoint)
        yield made
        made.end()


def _create(template: Template, cloud: Cloud) -> None:
    for table in template.tables().values():
        cloud.client("dynamodb", HUB_ACCOUNT, REGION).create_table(**table)
    for bucket in template.buckets():
        cloud.client("s3", HUB_ACCOUNT, REGION).create_bucket(Bucket=bucket)
    for topic in template.topics():
        cloud.client("sns", HUB_ACCOUNT, REGION).create_topic(Name=topic)
    pass_on = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
    machine = template.functions()["StartFromEventFunction"].environment["FAILOVER_STATE_MACHINE_ARN"]
    cloud.client("stepfunctions", HUB_ACCOUNT, REGION).create_state_machine(
        name=machine.rsplit(":", 1)[-1],
        definition=json.dumps(pass_on),
        roleArn=f"arn:aws:iam::{HUB_ACCOUNT}:role/any",
    )


def test_every_function_answers_its_sample_event_alone(alone: Alone) -> None:
    names = {function["Handler"].split(".")[0]: name for name, function in functions().items()}
    assert set(names) == {name for name, _ in ANSWERS}
    for module, expected in ANSWERS:
        event = json.loads((PROJECT / "events" / "functions" / f"{module}.json").read_text("utf-8"))
        answer = alone.invoke(names[module], event)
        if isinstance(expected, str):
            assert expected in answer["error"], f"{module}: {answer}"
            continue
        assert "error" not in answer, f"{module}: {answer['error']}"
        assert expected.items() <= answer["result"].items(), f"{module}: {answer['result']}"


@pytest.mark.parametrize("module", ["drs_emulator.clock", "functions.query.match_instances", "yaml", "moto"])
def test_nothing_else_is_there(alone: Alone, tmp_path: Path, module: str) -> None:
    """Else the test above would prove nothing."""
    (tmp_path / "greedy.py").write_text(
        f"import {module}\n\ndef handler(event, context):\n    return event\n"
    )
    answer = alone.run(tmp_path, "greedy", {})
    assert f"No module named '{module.split('.')[0]}'" in answer["error"]


def test_the_layer_has_what_the_lock_file_says_and_all_that_it_needs() -> None:
    layer, locked = pins(REQUIREMENTS), pins(PROJECT / "requirements.lock")
    assert layer == {name: locked[name] for name in layer}
    needed = {name for package in layer for name in needed_by(package)}
    assert needed <= set(layer)
    assert {"boto3", "botocore"} <= set(layer), "what Lambda brings changes by itself"
