"""A request is limited to servers, sites and what an earlier execution did not recover; all of these hold."""

from __future__ import annotations

from typing import Any

import pytest

from shared.model.status import ServerStatus
from shared.rules.plan.limits import limited_to
from shared.rules.plan.requests import Request
from tests.makers import record, server_id, source_server

SERVERS = [source_server(1), source_server(2), source_server(3), source_server(4, site="east")]
EARLIER = [
    record(1, status=ServerStatus.RECOVERED),
    record(2, status=ServerStatus.FAILED),
    record(3, status=ServerStatus.BLOCKED),
    record(4, status=ServerStatus.SKIPPED),
]


@pytest.mark.parametrize(
    ("limits", "names"),
    [
        ({}, ["app-1", "app-2", "app-3", "app-4"]),
        ({"servers": ("APP-1", server_id(3))}, ["app-1", "app-3"]),
        ({"servers": ("app-9",)}, []),
        ({"sites": ("east",)}, ["app-4"]),
        ({"sites": ("main",), "servers": ("app-1", "app-4")}, ["app-1"]),
        ({"retry_of": "erp-1"}, ["app-2", "app-4"]),
        ({"retry_of": "erp-1", "retry_blocked": True}, ["app-2", "app-3", "app-4"]),
        ({"retry_of": "erp-1", "sites": ("main",)}, ["app-2"]),
        ({"retry_of": "erp-1", "servers": ("app-1", "app-2")}, ["app-2"]),
    ],
)
def test_a_server_must_pass_every_limit(limits: dict[str, Any], names: list[str]) -> None:
    is_asked_for = limited_to(Request("erp", **limits), EARLIER if "retry_of" in limits else ())
    assert [server.name for server in SERVERS if is_asked_for(server)] == names


def test_a_retry_of_an_execution_that_recovered_everything_asks_for_nothing() -> None:
    is_asked_for = limited_to(Request("erp", retry_of="erp-1"), ())
    assert not any(is_asked_for(server) for server in SERVERS)


def test_a_recorded_server_passes_the_limits_by_the_same_rule() -> None:
    is_asked_for = limited_to(Request("erp", servers=("app-2",)), ())
    assert [server.name for server in EARLIER if is_asked_for(server)] == ["app-2"]
