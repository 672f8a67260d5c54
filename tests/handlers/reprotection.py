"""The steps after a failback's cutover: protect again, retire, and the volumes left detached."""

from __future__ import annotations

from typing import Any

from functions.execution.retire import retire_recovery
from tests.handlers.estate import Estate


def retire(estate: Estate) -> dict[str, Any]:
    total = {"retired": 0}
    for _ in range(200):
        answer: dict[str, Any] = estate.call(retire_recovery)
        total["retired"] += answer["retired"]
        if not answer["pending"]:
            return {**answer, **total}
        estate.clock.advance(answer["waitSeconds"])
    raise AssertionError("it is never retired")


def replication_of(estate: Estate, server: str) -> str:
    """The replication state of a server of the recovery side."""
    found = estate.drs_client().describe_source_servers(filters={"sourceServerIDs": [server]})["items"]
    return str(found[0]["dataReplicationInfo"]["dataReplicationState"])
