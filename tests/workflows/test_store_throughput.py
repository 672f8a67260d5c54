"""A thousand servers move on together, under the throughput that a key and a table have on AWS."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from local.simulation import VirtualCloud
from shared.model.server import Change
from shared.model.status import ExecutionStatus, ServerStatus
from shared.store import execution_store
from tests import makers

SERVERS, SECONDS = 1000, 5.0
AS_LARGE_AS_THEY_GET = "." * 2000
LATER = datetime(2031, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("functions", [1, 10])
def test_a_thousand_servers_are_configured_within_five_seconds(functions: int) -> None:
    """By one function, or by those of ten waves at once; each server once, and its function learns of it."""
    with VirtualCloud() as cloud:
        store = execution_store(cloud.template.ref("ExecutionsTable"))
        record = makers.execution(status=ExecutionStatus.RUNNING, ended_at=None)
        assert store.open(record, makers.plan_document(), LATER)
        servers = [
            makers.record(n, wave=f"wave-{n % functions}", reason=AS_LARGE_AS_THEY_GET)
            for n in range(SERVERS)
        ]
        store.put_servers(record.execution_id, servers)
        done: list[str] = []
        ended: list[datetime] = []

        def settle(event: dict[str, Any], context: Any) -> dict[str, Any]:
            ready = store.servers(record.execution_id, event["wave"])
            changes = [Change(s, replace(s, status=ServerStatus.CONFIGURED)) for s in ready]
            after = store.change_servers(record.execution_id, changes, only_from=(ServerStatus.READY,))
            done.extend(server.source_server_id for server in after)
            ended.append(cloud.clock.now())
            return {}

        cloud.add_function("Settle", settle)
        began = cloud.clock.now()
        for number in range(functions):
            payload = json.dumps({"wave": f"wave-{number}"}).encode()
            cloud.scheduler.spawn(partial(cloud.functions.invoke, "Settle", payload), "settle")
        cloud.advance(60)

        assert sorted(done) == sorted(server.source_server_id for server in servers)
        assert {server.status for server in store.servers(record.execution_id)} == {ServerStatus.CONFIGURED}
        assert cloud.routes.throughput.refused["TransactWriteItems"], "the limits were never reached"
        assert 0 < (max(ended) - began).total_seconds() <= SECONDS
