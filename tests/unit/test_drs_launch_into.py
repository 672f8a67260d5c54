"""Launching into an existing instance: what changes, what stays, who may do it, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from local.drs import Caller, Settings
from local.drs.settings import Settings as Options
from tests.unit.drs_world import ACCOUNT, GIB, REGION, World

KEPT = ("InstanceId", "PrivateIpAddress", "Tags", "Placement", "RootDeviceName", "Architecture")


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=code)


def test_it_swaps_the_volumes_and_keeps_the_instance() -> None:
    world = World()
    server, target = world.pair(launchDisposition="STARTED")
    before = world.instance(target)
    old = [mapping["Ebs"]["VolumeId"] for mapping in before["BlockDeviceMappings"]]

    job = world.finish(world.start(server))

    after = world.instance(target)
    assert job["participatingServers"] == [{"sourceServerID": server, "launchStatus": "LAUNCHED"}]
    assert {key: after[key] for key in KEPT} == {key: before[key] for key in KEPT}
    assert after["State"]["Name"] == "running"
    new = [mapping["Ebs"]["VolumeId"] for mapping in after["BlockDeviceMappings"]]
    assert not set(new) & set(old)
    volumes = world.volumes()
    assert [volumes[volume]["State"] for volume in old] == ["available"]
    assert all(volumes[volume]["SnapshotId"] for volume in new)
    assert set(volumes) == {*old, *new}, "no staging disk is left behind"
    keys = [tag["Key"] for tag in volumes[new[0]]["Tags"]]
    assert "AWSElasticDisasterRecoveryManaged" in keys
