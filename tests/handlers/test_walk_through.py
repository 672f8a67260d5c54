"""The handlers one after the other, as the workflow calls them."""

from __future__ import annotations

from functions.configuration import close_execution, close_wave, verify_instances
from shared.model.status import ServerStatus
from tests.handlers.estate import Estate


def test_a_fleet_moves_to_its_very_pairs(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1", "web-2")
    addresses = {name: estate.instance(target)["PrivateIpAddress"] for name, (_, target) in pairs.items()}

    estate.reach("STARTING")
    for wave in ("data", "web"):
        answer = estate.call(verify_instances, wave=wave)
        assert (answer["pending"], answer["failed"]) == (0, 0), estate.servers()
        estate.call(close_wave, wave=wave)
    ended = estate.call(close_execution, startedAt=estate.now)

    assert ended["status"] == "COMPLETED"
    for name, server in estate.servers().items():
        assert server.status is ServerStatus.RECOVERED
        assert server.pair_instance_id == server.recovery_instance_id == pairs[name][1]
        assert server.private_ip_after == addresses[name]
        assert estate.instance(pairs[name][1])["State"]["Name"] == "running"
