"""Fleets that are failed over, and what must be so when they are failed back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drs_emulator import Settings
from tests.local.simulation.world import ORIGIN, RECOVERY
from tests.workflows.stage import Run, Stage, group, stage

TAG = ("AWSDRS", "AllowLaunchingIntoThisInstance")
QUICK = Settings(time_factor=0.1, replication_time_factor=0.05)
"""A job takes about 45 seconds, a copy to the origin about 15, an agent up to 20 to check in."""

World = dict[str, Any]


@contextmanager
def away(*groups: dict[str, Any], **more: Any) -> Iterator[tuple[Stage, World]]:
    """A fleet that was failed over by an execution called *out*, and the world before that.

    Without groups: app-1 and app-2 in one wave. The originals still run, as after a mere test of the other
    side.
    """
    with stage(*(groups or (group("app", count=2),)), **{"jobs": QUICK, **more}) as here:
        before = here.world()
        run = here.run("out")
        assert set(run.outcomes.values()) == {"RECOVERED"}, run.summary
        yield here, before


def fail_back(here: Stage, name: str = "back", **request: Any) -> Run:
    """Runs a failback of the fleet's plan and waits for its end."""
    return here.run(name, mode="FAILBACK", **request)


def without_plan(here: Stage, name: str, **request: Any) -> Run:
    """The same by a request that names no plan."""
    return here.wait(here.cloud.start("failback", {"mode": "FAILBACK", **request}, name=name))


def original(here: Stage, server: str) -> str:
    """The instance id of a server's original."""
    return here.servers[server].original_instance_id


def reversed_server(here: Stage, server: str) -> dict[str, Any] | None:
    """The server that replicates a server's recovery instance to the origin, None when there is none."""
    found = [s for s in here.drs_state(ORIGIN)["sourceServers"] if s["counterpart"] == here.source(server)]
    assert len(found) <= 1, found
    return dict(found[0]) if found else None


def reversals(here: Stage, server: str) -> int:
    """How often the recovery instances of a server were reversed."""
    servers = here.drs_state()["sourceServers"]
    return int(next(s["reversals"] for s in servers if s["sourceServerID"] == here.source(server)))


def launches_at_origin(here: Stage) -> Counter[str]:
    """How many DRS jobs at the origin have launched each reversed server."""
    return Counter(
        member["sourceServerID"]
        for job in here.drs_state(ORIGIN)["jobs"]
        if job["type"] == "LAUNCH"
        for member in job["participatingServers"]
        if member["launchStatus"] == "LAUNCHED"
    )


def sides(here: Stage, server: str) -> tuple[str, str]:
    """The states of a server's original and of its target."""
    there = here.instances()[here.target(server)]["state"]
    return str(here.instances(ORIGIN)[original(here, server)]["state"]), str(there)


def back(
    here: Stage,
    before: World,
    run: Run | None = None,
    *,
    only: set[str] | None = None,
    timely: bool = True,
) -> None:
    """Everything of these servers (all, unless reported otherwise) is as before the disaster.

    ``run``: the failback that brought the last of them back; its report must report it. ``timely``: unless a
    clock jumped, its times follow each other.
    """
    names = only or set(here.servers)
    at_origin, there = here.instances(ORIGIN), here.instances()
    assert at_origin.keys() == before["origin"].keys()
    assert there.keys() == before["recovery"].keys()
    for name in names:
        mine, was = at_origin[original(here, name)], before["origin"][original(here, name)]
        assert (mine["state"], mine["address"]) == ("running", was["address"])
        assert [device for device, _ in mine["volumes"]] == [device for device, _ in was["volumes"]]
        target, stood = there[here.target(name)], before["recovery"][here.target(name)]
        assert (target["state"], target["address"]) == ("stopped", stood["address"])
        assert TAG in target["tags"]
        _protected(here, name)
        pair = here.pairs()[here.source(name)]
        assert pair["workloadSide"] == "ORIGIN"
        assert pair["pairInstanceId"] == here.target(name)
        assert pair["originalInstanceId"] == original(here, name)
        assert (pair["privateIp"], pair["originalPrivateIp"]) == (stood["address"], was["address"])
        assert reversed_server(here, name) is None
        left = {i["recoveryInstanceID"] for i in _recovery_instances(here)}
        assert not {original(here, name), here.target(name)} & left
    if only is None:
        assert here.drs_state(ORIGIN)["sourceServers"] == []
        assert _recovery_instances(here) == []
    assert here.locks() == {}
    assert here.terminated() == set()
    if run is not None:
        _reported(here, before, run, names)
        if timely:
            _reported_in_time(run, names)


def one_side(here: Stage, server: str) -> str:
    """The side that runs a server, ORIGIN or RECOVERY; exactly one may."""
    running = [
        side
        for side, state in zip(("ORIGIN", "RECOVERY"), sides(here, server), strict=True)
        if state == "running"
    ]
    assert len(running) == 1, sides(here, server)
    return running[0]


def still_away(here: Stage, server: str) -> None:
    """The workload runs on the recovery side, and there only, as if there had been no attempt."""
    assert sides(here, server) == ("stopped", "running")
    assert here.pairs()[here.source(server)]["workloadSide"] == "RECOVERY"


def _protected(here: Stage, name: str) -> None:
    servers = {s["sourceServerID"]: s for s in here.drs_state()["sourceServers"]}
    mine = servers[here.source(name)]
    info = mine["dataReplicationInfo"]
    assert (info["dataReplicationState"], info["lagDuration"]) == ("CONTINUOUS", "P0D")
    assert mine["sourceProperties"]["identificationHints"]["awsInstanceID"] == original(here, name)
    assert mine["sourceCloudProperties"]["originAccountID"] == ORIGIN["account"]
    into = mine["launchConfiguration"].get("launchIntoInstanceProperties", {})
    assert into.get("launchIntoEC2InstanceID") == here.target(name)
    assert mine["stagingArea"]["stagingAccountID"] == RECOVERY["account"]


def _recovery_instances(here: Stage) -> list[dict[str, Any]]:
    return [
        instance
        for place in (ORIGIN, RECOVERY)
        for instance in here.drs_state(place)["recoveryInstances"]
        if instance.get("ec2InstanceState") != "TERMINATED"
    ]


def _reported(here: Stage, before: World, run: Run, names: set[str]) -> None:
    report = run.report
    assert report["mode"] == "FAILBACK"
    if names == set(here.servers):
        assert run.status == "COMPLETED", run.summary
    for name in names:
        reported = run.server(name)
        address = before["origin"][original(here, name)]["address"]
        assert (reported["status"], reported["protection"]) == ("RECOVERED", "RETIRED"), reported
        assert reported["pairInstanceId"] == reported["originalInstanceId"] == original(here, name)
        assert reported["privateIpBefore"] == reported["privateIpAfter"] == address
        assert reported["protectionReason"] is reported["protectionRemedy"] is None
        if reported["verifiedAt"]:
            assert reported["workloadInstanceId"] == here.target(name)
            assert reported["recoveryInstanceId"] == original(here, name)


def _reported_in_time(run: Run, names: set[str]) -> None:
    verified = [reported for name in names if (reported := run.server(name))["verifiedAt"]]
    for reported in verified:
        assert (
            reported["workloadStoppedAt"]
            <= reported["verifiedAt"]
            <= reported["protectedAt"]
            <= reported["retiredAt"]
        )
        assert reported["outageSeconds"] > 0
    if verified:
        for field in ("reverseReplicationSeconds", "cutoverSeconds", "reprotectSeconds"):
            assert run.report[field] is None or run.report[field] >= 0
            assert field != "cutoverSeconds" or run.report[field] > 0
