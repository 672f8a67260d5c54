"""What holds whatever is called in whatever order, and whatever fails: of failback, by property."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drs_emulator.failback_world import ORIGIN_ACCOUNT, ORIGIN_REGION, FailbackWorld
from tests.drs_emulator.world import ACCOUNT, REGION

SERVER_CALLS = [
    "start_replication",
    "stop_replication",
    "disconnect_source_server",
    "delete_source_server",
    "start_recovery",
]
INSTANCE_CALLS = [
    "reverse_replication",
    "stop_failback",
    "disconnect_recovery_instance",
    "delete_recovery_instance",
]
CALLS = st.tuples(
    st.sampled_from(
        [*SERVER_CALLS, *INSTANCE_CALLS, "reverse_replication", "start_recovery", "stop", "start"]
    ),
    st.sampled_from(["origin", "recovery"]),
    st.sampled_from([0, 30, 400, 1500]),
)
FAULTS = st.lists(
    st.sampled_from(
        [
            {"kind": "STALLS", "error": "UNSTABLE_NETWORK", "state": "INITIAL_SYNC", "seconds": 100},
            {"kind": "STALLS", "error": "AGENT_NOT_SEEN", "direction": "FAILBACK"},
            {"kind": "NOT_CONVERGING", "server": "web-1", "seconds": 2000},
            {"kind": "AGENT_NEVER_CHECKS_IN", "seconds": 1000},
            {"kind": "PHASE_FAILS", "phase": "LAUNCH", "times": 1},
            {"kind": "ACCEPTED_BUT_TIMES_OUT", "operation": "ReverseReplication", "times": 1},
        ]
    ),
    max_size=2,
)


def take(world: FailbackWorld, call: str, side: Any, place: tuple[str, str, str]) -> None:
    """One call about the only server, or the only recovery instance, of a side; a refusal is an answer."""
    account, region, instance = place
    if call == "stop":
        world.ec2.client(account, region, None).stop_instances(InstanceIds=[instance])
        return
    if call == "start":
        if world.state_of(*place) == "stopped":
            world.ec2.client(account, region, None).start_instances(InstanceIds=[instance])
        return
    with suppress(ClientError):
        if call in INSTANCE_CALLS:
            getattr(side, call)(recoveryInstanceID=instance)
            return
        for server in side.describe_source_servers()["items"]:
            named = {"sourceServerID": server["sourceServerID"]}
            if call == "start_recovery":
                side.start_recovery(sourceServers=[named])
            else:
                getattr(side, call)(**named)


@settings(max_examples=30)
@given(st.lists(CALLS, min_size=5, max_size=25), FAULTS)
def test_no_order_of_calls_makes_a_second_pair_or_ends_an_instance(
    calls: list[tuple[str, str, int]], faults: list[dict[str, Any]]
) -> None:
    world = FailbackWorld()
    world.origin.create_launch_configuration_template(launchIntoSourceInstance=True)
    original, _, target = world.failed_over()
    for fault in faults:
        world.fault(**fault)
    places = {"origin": (ORIGIN_ACCOUNT, ORIGIN_REGION, original), "recovery": (ACCOUNT, REGION, target)}
    for call, where, seconds in calls:
        take(world, call, world.origin if where == "origin" else world.client, places[where])
        world.clock.advance(seconds)
        for side in (world.origin, world.client):
            servers = side.describe_source_servers()["items"]
            active = [
                item
                for item in servers
                if item["dataReplicationInfo"]["dataReplicationState"] != "DISCONNECTED"
            ]
            assert len(active) <= 1, "one server a side protects the one workload"
            for item in side.describe_recovery_instances()["items"]:
                assert item["ec2InstanceState"] != "TERMINATED"
            for disk in (disk for item in servers for disk in item["dataReplicationInfo"]["replicatedDisks"]):
                assert 0 <= disk["replicatedStorageBytes"] <= disk["totalStorageBytes"]
                assert 0 <= disk["rescannedStorageBytes"] <= disk["totalStorageBytes"]
    assert "terminated" not in {world.state_of(*place) for place in places.values()}
    assert {response.status for response in world.responses} <= {200, 201, 202, 204, 400, 404, 409, 504}
    json.dumps(world.admin("GET", "/state"))
