"""VerifyLaunches: a launch counts only if it is in the pair's instance."""

from __future__ import annotations

from functions.configuration import close_wave, verify_instances, verify_launches
from functions.execution.launch import start_instances
from shared.model.status import ServerStatus
from tests import makers
from tests.handlers.estate import ORIGIN, Estate
from tests.handlers.failback import Failback


def test_launched_into_the_pair_and_left_stopped_is_confirmed(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.fault("IGNORES_DISPOSITION", server="web-2")
    estate.reach("LAUNCHED")
    answer = estate.call(verify_launches, wave="web")
    assert answer == {"confirmed": 2, "failed": 0, "startedByDrs": 1}
    servers = estate.servers()
    assert [servers[name].started_by_drs for name in ("web-1", "web-2")] == [False, True]
    assert servers["web-2"].recovery_instance_id == servers["web-2"].pair_instance_id
    assert estate.call(verify_launches, wave="web") == answer


def test_launched_into_another_instance_or_none_is_a_failure(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("LAUNCHED")
    servers = estate.servers()
    estate.store.change_servers(
        "execution-1", [makers.changed(servers["web-1"], {"pair_instance_id": "i-00000000000000bad"})]
    )
    estate.drs_client().disconnect_recovery_instance(recoveryInstanceID=servers["web-2"].pair_instance_id)
    estate.drs_client().delete_recovery_instance(recoveryInstanceID=servers["web-2"].pair_instance_id)
    assert estate.call(verify_launches, wave="web") == {"confirmed": 0, "failed": 2, "startedByDrs": 0}
    assert "the pair is i-00000000000000bad" in (estate.servers()["web-1"].reason or "")
    assert "shows no recovery instance" in (estate.servers()["web-2"].reason or "")


def test_what_returned_is_verified_and_what_its_launch_detached_is_known(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.launched()
    way.record(ServerStatus.LAUNCHED)
    assert way.call(verify_launches) == {"confirmed": 1, "failed": 0, "startedByDrs": 0}
    server = estate.servers()["web-1"]
    ids = way.ids["web-1"]
    assert server.recovery_instance_id == ids.original
    [volume] = server.detached_volumes
    assert (volume.volume_id, volume.scope) == (ids.volumes[0].volume_id, ORIGIN)
    assert (volume.size_gib > 0, volume.type, volume.detached_by) == (True, "gp2", "execution-1")
    way.call(start_instances)
    verified = way.call(verify_instances)
    assert (verified["pending"], verified["recovered"], verified["failed"]) == (0, 1, 0)
    assert estate.servers()["web-1"].private_ip_after == ids.address
    for _ in range(2):
        assert way.call(close_wave)["status"] == "COMPLETED"
    pair = estate.pairs.get([ids.server])[ids.server]
    assert (pair.workload_side, pair.pair_instance_id, pair.original_instance_id) == (
        "ORIGIN",
        ids.workload,
        ids.original,
    )
    assert (pair.private_ip, pair.original_private_ip) == (ids.workload_address, ids.address)
    assert (pair.original_scope, pair.last_failback) == (ORIGIN, "execution-1")
    assert pair.detached_volumes == (volume,)
