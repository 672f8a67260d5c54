"""QuiesceWorkloads: commands are sent once and followed to their end, server by server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from functions.execution.stop import quiesce_workloads
from shared.model.policies import Mode
from shared.model.server import FailbackProgress, ServerRecord
from shared.model.status import ServerStatus
from tests import makers
from tests.handlers.estate import ORIGIN, RECOVERY, Estate, plan_document
from tests.handlers.wire import Call, Wire, lost_answer

ACTIONS = [
    {"document": "AWS-RunShellScript", "parameters": {"commands": ["systemctl stop erp"]}},
    {"document": "AWS-RunShellScript", "parameters": {"commands": ["sync"]}},
]


class Commands:
    """ListCommandInvocations, which moto lacks, over the commands that were sent."""

    def __init__(self, estate: Estate, wire: Wire) -> None:
        self._estate = estate
        self._wire = wire
        self.statuses: dict[str, str] = {}
        self.requested: float | None = None
        wire.on("ssm", "ListCommandInvocations", self.answer)

    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(call.body) for call in self._wire.of("SendCommand")]

    def answer(self, call: Call) -> AWSResponse:
        invocations = [
            {
                "CommandId": f"command-{number}",
                "InstanceId": instance,
                "Comment": command["Comment"],
                "Status": self.statuses.get(f"{command['Comment'][-1]} {instance}", "Success"),
                "RequestedDateTime": self.requested or self._estate.clock.now().timestamp(),
            }
            for number, command in enumerate(self.sent())
            for instance in command["InstanceIds"]
        ]
        return call.answer(200, json.dumps({"CommandInvocations": invocations}).encode())


@pytest.fixture
def commands(estate: Estate, wire: Wire) -> Commands:
    plan = plan_document(
        waves=[{"name": "web", "servers": {"names": ["web-*"]}}],
        policies={"failback": {"quiesce": ACTIONS}},
    )
    estate.open(plan, mode=Mode.FAILBACK.value)
    estate.store.put_servers(
        estate.execution_id,
        [
            ServerRecord(
                source_server_id=f"s-{name}",
                name=name,
                scope=ORIGIN,
                site="main",
                status=ServerStatus.REPLICATED,
                wave="web",
                failback=FailbackProgress(
                    workload_instance_id=f"i-0000000000000000{name[-1]}", workload_scope=RECOVERY
                ),
            )
            for name in ("web-1", "web-2")
        ],
    )
    return Commands(estate, wire)


def quiesce(estate: Estate) -> tuple[int, int]:
    answer = estate.call(quiesce_workloads)
    return answer["running"], answer["failed"]


def test_every_action_is_sent_once_and_one_after_the_other(estate: Estate, commands: Commands) -> None:
    assert quiesce(estate) == (2, 0)
    assert [command["Comment"] for command in commands.sent()] == ["execution-1 quiesce 1"]
    assert quiesce(estate) == (2, 0)
    assert quiesce(estate) == (0, 0)
    assert quiesce(estate) == (0, 0)
    assert [c["Parameters"]["commands"] for c in commands.sent()] == [["systemctl stop erp"], ["sync"]]
    assert all(server.failback.quiesced_at for server in estate.servers().values())


def test_a_lost_answer_sends_nothing_twice(estate: Estate, commands: Commands, wire: Wire) -> None:
    wire.on("ssm", "SendCommand", lost_answer(wire))
    with pytest.raises(Exception, match="did not answer"):
        quiesce(estate)
    wire.off("ssm", "SendCommand")
    assert quiesce(estate) == (2, 0)
    assert [command["Comment"][-1] for command in commands.sent()] == ["1", "2"]


def test_a_command_that_fails_leaves_its_server_behind_alone(estate: Estate, commands: Commands) -> None:
    commands.statuses["1 i-00000000000000001"] = "Failed"
    quiesce(estate)
    assert quiesce(estate) == (1, 1)
    server = estate.servers()["web-1"]
    assert server.status is ServerStatus.FAILED
    assert "ended as Failed" in (server.reason or "")
    assert "aws ssm get-command-invocation --command-id command-0" in (server.remedy or "")


def test_a_command_that_does_not_end_is_given_up(estate: Estate, commands: Commands) -> None:
    quiesce(estate)
    commands.requested = estate.clock.now().timestamp()
    commands.statuses |= {f"1 i-0000000000000000{n}": "InProgress" for n in (1, 2)}
    assert quiesce(estate) == (2, 0)
    estate.clock.advance(601)
    assert quiesce(estate) == (0, 2)
    assert "did not end within 600 s" in (estate.servers()["web-1"].reason or "")


def test_what_an_earlier_execution_launched_is_left_alone(estate: Estate, commands: Commands) -> None:
    server = estate.servers()["web-1"]
    estate.store.change_servers(estate.execution_id, [makers.changed(server, {"adoption": "LAUNCH"})])
    assert quiesce(estate) == (1, 0)
    assert commands.sent()[0]["InstanceIds"] == ["i-00000000000000002"]
