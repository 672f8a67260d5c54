"""The steps of a wave's launch as the tests of several handlers call them."""

from __future__ import annotations

import json
from typing import Any

from botocore.awsrequest import AWSResponse

from functions.execution.launch import start_recovery
from shared.model.status import ServerStatus
from tests.handlers.estate import Estate
from tests.handlers.wire import Call


def launch(estate: Estate, batch: int = 1) -> Any:
    return estate.call(start_recovery, wave="web", batch=batch)


def jobs(estate: Estate) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = estate.drs_client().describe_jobs(filters={})["items"]
    return items


def statuses(estate: Estate) -> dict[str, ServerStatus]:
    return {name: server.status for name, server in estate.servers().items()}


def taking_answers(estate: Estate) -> list[dict[str, Any]]:
    """What tasks that wait are answered from now on."""
    answers: list[dict[str, Any]] = []

    def take(call: Call) -> AWSResponse:
        answers.append(json.loads(call.body))
        return call.answer(200, b"{}")

    estate.wire.on("sfn", "SendTaskSuccess", take)
    return answers


def configurations(estate: Estate, *servers: str) -> list[dict[str, Any]]:
    """Launch configurations without what differs by request."""
    found = [estate.launch_configuration(server) for server in servers]
    return [{key: value for key, value in item.items() if key != "ResponseMetadata"} for item in found]
