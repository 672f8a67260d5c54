"""RetireRecovery: the recovery side is retired, and no instance or volume is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from functions.execution.retire import retire_recovery
from shared.model.pair import PairRecord
from shared.model.server import DetachedVolume, RemovedVolume, VolumeContent
from shared.model.status import Protection
from tests.handlers.closure import close
from tests.handlers.estate import ORIGIN, RECOVERY, Estate
from tests.handlers.failback import Failback
from tests.handlers.reprotection import replication_of, retire
from tests.handlers.wire import refused, refused_json

REMOVE: dict[str, Any] = {"removeDetachedVolumes": True}


def test_the_recovery_side_is_tidied_up_and_the_target_stays_for_the_next_time(estate: Estate) -> None:
    way = Failback(estate, "web-1", "web-2")
    way.protected()
    estate.wire.clear()
    assert retire(estate)["retired"] == 2
    calls = estate.wire.count()
    assert {name: calls[name] for name in ("TerminateRecoveryInstances", "TerminateInstances")} == {
        "TerminateRecoveryInstances": 0,
        "TerminateInstances": 0,
    }
    assert (calls["StopReplication"], calls["DeleteSourceServer"]) == (2, 2)
    assert way.reversed_servers() == []
    assert way.recovery_instances() == {"origin": [], "recovery": []}
    assert way.state("web-1") == ("running", "stopped")
    server = estate.servers()["web-1"]
    assert (server.failback.protection, server.failback.retired_at) == (Protection.RETIRED, estate.now)
    assert estate.call(retire_recovery)["retired"] == 0
    assert replication_of(estate, way.ids["web-1"].server) == "CONTINUOUS", "it stays protected"


def test_every_refusal_on_the_way_is_waited_for_and_ends_with_a_remedy(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.protected()
    estate.wire.on("drs", "DisconnectSourceServer", refused_json("ConflictException", status=409))
    assert estate.call(retire_recovery)["pending"] == 1
    estate.clock.advance(31 * 60)
    assert estate.call(retire_recovery) | {"waitSeconds": 0} == {
        "pending": 0,
        "retired": 0,
        "failed": 1,
        "waitSeconds": 0,
    }
    server = estate.servers()["web-1"]
    assert server.failback.protection is Protection.PROTECTED, "which it is, whatever is left over"
    assert "DisconnectSourceServer" in (server.failback.protection_reason or "")
    estate.wire.off("drs", "DisconnectSourceServer")
    assert retire(estate)["retired"] == 1, "another try goes on where this one stood"


def test_an_execution_that_was_killed_between_two_steps_is_continued(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.protected()
    ids = way.ids["web-1"]
    origin = estate.drs_client(ORIGIN)
    origin.stop_replication(sourceServerID=ids.reversed)
    estate.drs_client().delete_recovery_instance(recoveryInstanceID=ids.workload)
    origin.delete_recovery_instance(recoveryInstanceID=ids.original)
    estate.wire.clear()
    assert retire(estate)["retired"] == 1
    assert not estate.wire.of("StopReplication")
    assert way.reversed_servers() == []


def test_a_recovery_side_is_not_stopped_while_the_original_does_not_run(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.protected()
    ids = way.ids["web-1"]
    estate.ec2(ORIGIN).stop_instances(InstanceIds=[ids.original])
    estate.ec2().start_instances(InstanceIds=[ids.workload])
    assert estate.call(retire_recovery)["pending"] == 1
    estate.clock.advance(31 * 60)
    assert estate.call(retire_recovery)["failed"] == 1
    assert way.state("web-1") == ("stopped", "running")
    assert "the only one that runs the workload" in (
        estate.servers()["web-1"].failback.protection_reason or ""
    )


def test_a_server_that_is_not_the_reversed_one_is_never_touched(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.protected()
    [other] = estate.add_servers("other", scope=ORIGIN)
    way.change(reversed_server_id=other)
    estate.wire.clear()
    assert estate.call(retire_recovery)["failed"] == 1
    assert "is not the reversed server" in (estate.servers()["web-1"].failback.protection_reason or "")
    assert not estate.wire.of("StopReplication")


def test_what_drs_created_itself_is_terminated_if_the_plan_allows_it_and_the_request_names_it(
    estate: Estate,
) -> None:
    way = Failback(
        estate,
        "web-1",
        "web-2",
        failback={"recoveryInstanceDisposition": "TERMINATE"},
        drs_created=("web-1",),
    )
    way.protected()
    request = estate.store.execution("execution-1").request
    named = {**request, "terminateInstances": [ids.workload for ids in way.ids.values()]}
    estate.store.change_execution("execution-1", {"request": named})
    estate.wire.clear()
    assert retire(estate)["retired"] == 2
    assert len(estate.wire.of("TerminateRecoveryInstances")) == 1
    assert way.state("web-1") == ("running", "terminated")
    assert way.state("web-2") == ("running", "stopped"), "a pre-provisioned target never is"


def test_what_drs_created_itself_becomes_a_target_when_it_is_retained(estate: Estate) -> None:
    way = Failback(estate, "web-1", drs_created=("web-1",))
    way.protected()
    assert retire(estate)["retired"] == 1
    tags = {tag["Key"] for tag in estate.instance(way.ids["web-1"].workload)["Tags"]}
    assert "AWSDRS" in tags
    assert way.state("web-1") == ("running", "stopped")


def left_behind(estate: Estate, way: Failback) -> tuple[DetachedVolume, DetachedVolume]:
    """One detached volume of either side: in this execution's record, and in the pair's."""
    ids = way.ids["web-1"]
    at_origin = DetachedVolume(
        str(ids.volumes[0].volume_id),
        ids.original,
        ids.volumes[0].device,
        ORIGIN,
        8,
        "gp3",
        "execution-1",
        VolumeContent.ORIGINAL,
    )
    made = estate.ec2().create_volume(Size=8, AvailabilityZone=f"{RECOVERY.region}a")["VolumeId"]
    away = DetachedVolume(
        made, ids.workload, "/dev/sdf", RECOVERY, 8, "gp3", "failover-1", VolumeContent.TARGET
    )
    way.change("web-1", detached_volumes=(at_origin,))
    estate.pairs.put(
        [
            PairRecord(
                source_server_id=ids.server,
                name="web-1",
                scope=RECOVERY,
                pair_instance_id=ids.workload,
                original_instance_id=ids.original,
                private_ip=None,
                original_private_ip=None,
                staging_account=None,
                workload_side="ORIGIN",
                detached_volumes=(away,),
            )
        ]
    )
    return at_origin, away


def volumes(estate: Estate, *wanted: DetachedVolume) -> list[str]:
    """The ids of those that are still there."""
    return [
        item["VolumeId"]
        for volume in wanted
        for item in estate.ec2(volume.scope).describe_volumes(
            Filters=[{"Name": "volume-id", "Values": [volume.volume_id]}]
        )["Volumes"]
    ]


def test_detached_volumes_are_kept_and_listed_unless_the_request_says_otherwise(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.protected()
    both = left_behind(estate, way)
    retire(estate)
    assert len(volumes(estate, *both)) == 2
    close(estate)
    listed = [volume["volumeId"] for volume in estate.report()["detachedVolumes"]]
    assert sorted(listed) == sorted(volume.volume_id for volume in both)
    assert estate.pairs.get([way.ids["web-1"].server])[way.ids["web-1"].server].detached_volumes == (
        both[1],
        both[0],
    )


def test_of_both_sides_only_what_exists_elsewhere_is_removed_unless_it_is_named(estate: Estate) -> None:
    way = Failback(estate, "web-1", **REMOVE)
    way.protected()
    at_origin, away = left_behind(estate, way)
    estate.wire.clear()
    retire(estate)
    assert volumes(estate, at_origin, away) == [at_origin.volume_id]
    request = estate.store.execution("execution-1").request
    named = {**request, "removeVolumes": [at_origin.volume_id]}
    estate.store.change_execution("execution-1", {"request": named})
    retire(estate)
    assert volumes(estate, at_origin) == []
    assert [call.operation for call in estate.wire.of("CreateSnapshot")] == ["CreateSnapshot"]
    tagged = [call.form["Tag.1.Key"][0] for call in estate.wire.of("CreateTags")]
    assert tagged == ["drs-orchestrator:detached-from"] * 2
    assert len(estate.wire.of("DeleteVolume")) == 2
    assert len(estate.store.facts("execution-1", RemovedVolume)) == 2
    close(estate)
    assert estate.report()["detachedVolumes"] == []
    assert len(estate.report()["removedVolumes"]) == 2
    assert estate.pairs.get([way.ids["web-1"].server])[way.ids["web-1"].server].detached_volumes == ()


def test_an_attached_volume_is_not_removed(estate: Estate) -> None:
    way = Failback(estate, "web-1", **REMOVE)
    way.protected()
    at_origin, away = left_behind(estate, way)
    zone = estate.instance(way.ids["web-1"].workload)["Placement"]["AvailabilityZone"]
    attached = estate.ec2().create_volume(Size=8, AvailabilityZone=zone)["VolumeId"]
    estate.ec2().attach_volume(VolumeId=attached, InstanceId=way.ids["web-1"].workload, Device="/dev/sdx")
    way.change("web-1", detached_volumes=(at_origin, replace(away, volume_id=attached)))
    retire(estate)
    assert volumes(estate, replace(away, volume_id=attached)) == [attached]


def test_a_volume_that_cannot_be_removed_is_reported_and_delays_no_server(estate: Estate) -> None:
    way = Failback(estate, "web-1", **REMOVE)
    way.protected()
    both = left_behind(estate, way)
    estate.wire.on("ec2", "DeleteVolume", refused("UnauthorizedOperation", status=403))
    assert retire(estate)["retired"] == 1
    assert len(volumes(estate, *both)) == 2
    close(estate)
    remedies = {f["code"]: f["remedy"] for f in estate.report()["findings"]}
    assert "AllowRemovingVolumes=true" in remedies["VOLUME_NOT_REMOVED"]
    assert len(estate.report()["detachedVolumes"]) == 2
