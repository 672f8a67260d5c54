"""Situations before a failover: the code of each, how it comes about, and how its advice is followed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.local.simulation.world import ORIGIN, RECOVERY
from tests.workflows.adversaries.outsiders import point
from tests.workflows.advice.aws_cli import typed
from tests.workflows.advice.failover_situations import (
    PLAIN,
    WINDOWS,
    agent,
    byol,
    claims_original_of,
    detach,
    is_built,
    lags,
    launched_elsewhere,
    lost_profile,
    new_target,
    no_point,
    recorded,
    rename,
    reports,
    uses_profile,
    weak_profile,
    without_volumes,
)
from tests.workflows.failback_stage import original
from tests.workflows.stage import Stage, issue


class Operator:
    """Who follows advice: with overrides in the request, changes of ``here.plan``, and a drill."""

    def __init__(self, here: Stage) -> None:
        self.here = here
        self.overrides: list[dict[str, Any]] = []
        self.drill: list[str] = []


@dataclass(frozen=True, slots=True)
class Row:
    """``stays``: a warning that the advice does not remove. ``becomes``: what it may turn into."""

    code: str
    fleet: dict[str, Any] = field(default_factory=dict)
    arises: Callable[[Stage, str], Any] = lambda here, server: None
    follow: Callable[[Operator, Row, str], Any] = lambda operator, row, remedy: typed(operator.here, remedy)
    stays: bool = False
    becomes: tuple[str, ...] = ()

    @property
    def server(self) -> str:
        return self.code.lower().replace("_", "-")


Follow = Callable[[Operator, Row, str], Any]
"""Does what a remedy says."""


# --- what operators do


def type_it(operator: Operator, row: Row, remedy: str) -> None:
    """Types the commands, and waits until EC2 has done them."""
    typed(operator.here, remedy)
    operator.here.cloud.advance(5)


def start_replication(operator: Operator, row: Row, remedy: str) -> None:
    """Types the command, and waits for the initial sync."""
    type_it(operator, row, remedy)
    operator.here.cloud.advance(3600)


def do_nothing(operator: Operator, row: Row, remedy: str) -> None:
    assert remedy.startswith(("Nothing", "Know what is lost")), remedy


def check(operator: Operator, row: Row, remedy: str) -> None:
    """Something to see to that no call of AWS shows."""
    assert remedy.startswith(("Check that both are the same", "Update whatever points to")), remedy


def repair_profile(operator: Operator, row: Row, remedy: str) -> None:
    here = operator.here
    assert remedy.startswith("Check that it exists"), remedy
    iam = here.cloud.client("iam", RECOVERY["account"], RECOVERY["region"])
    name = re.search(r"use the profile (\w+)", remedy)
    assert name, remedy
    found = iam.get_instance_profile(InstanceProfileName=name[1])
    uses_profile(here, row.server, found["InstanceProfile"]["Arn"])


def override(operator: Operator, row: Row, remedy: str) -> None:
    assert f"override {row.code}" in remedy, remedy
    operator.overrides.append({"check": row.code, "reason": "seen", "servers": [row.server]})


def drill(operator: Operator, row: Row, remedy: str) -> None:
    assert remedy.startswith("Try it in a drill"), remedy
    operator.drill.append(row.server)


def wait(seconds: int, then: Callable[[Stage, str], Any] = lambda here, server: None) -> Follow:
    """``then``: what happens meanwhile."""

    def follow(operator: Operator, row: Row, remedy: str) -> None:
        assert remedy.startswith("Wait"), remedy
        operator.here.cloud.advance(seconds)
        then(operator.here, row.server)

    return follow


def create(**kind: Any) -> Follow:
    """Creates the target that the remedy asks for, in the place of the unfit one."""

    def follow(operator: Operator, row: Row, remedy: str) -> None:
        here = operator.here
        assert "Create" in remedy, remedy
        for unfit in here.servers[row.server].target_instance_ids:
            rename(here, unfit, f"{row.server}-unfit")
        new_target(here, row.server, **kind)

    return follow


def pair_by_hand(here: Stage, server: str, instance_id: str) -> None:
    pair = {"sourceServerId": here.source(server), "targetInstanceId": instance_id}
    matching = here.plan.setdefault("matching", {})
    matching["manualPairs"] = [*matching.get("manualPairs", []), pair]


def settle(operator: Operator, row: Row, remedy: str) -> None:
    """It is the target that has the name now."""
    here = operator.here
    assert here.target(row.server) in remedy, remedy
    pair_by_hand(here, row.server, here.target(row.server))


def attach_policies(operator: Operator, row: Row, remedy: str) -> None:
    assert remedy.startswith("Attach what is missing to its role"), remedy
    iam = operator.here.cloud.client("iam", RECOVERY["account"], RECOVERY["region"])
    for arn in (
        "service-role/AWSElasticDisasterRecoveryRecoveryInstancePolicy",
        "AmazonSSMManagedInstanceCore",
    ):
        iam.attach_role_policy(RoleName="weak", PolicyArn=f"arn:aws:iam::aws:policy/{arn}")


def install_agent(operator: Operator, row: Row, remedy: str) -> None:
    here = operator.here
    assert "Install the DRS agent of the one that is wrong anew" in remedy, remedy
    agent(here, row.server).instance_id = original(here, row.server)


def restart_agent(operator: Operator, row: Row, remedy: str) -> None:
    here = operator.here
    assert "restart the DRS agent there" in remedy, remedy
    found = here.ec2(ORIGIN).describe_instances(InstanceIds=[original(here, row.server)])
    [interface] = found["Reservations"][0]["Instances"][0]["NetworkInterfaces"]
    agent(here, row.server).mac_address = interface["MacAddress"]
    agent(here, row.server).private_ip = interface["PrivateIpAddress"]


def native_plan(here: Stage, server: str) -> None:
    here.drs_fault("NATIVE_PLAN_RUNS", server=here.source(server))


def attach_root(operator: Operator, row: Row, remedy: str) -> None:
    here = operator.here
    zone = here.ec2().describe_subnets()["Subnets"][0]["AvailabilityZone"]
    volume = here.ec2().create_volume(AvailabilityZone=zone, Size=8)["VolumeId"]
    typed(here, remedy, VOLUME_ID=volume, ROOT_DEVICE="/dev/xvda")


ROWS = (
    Row("ORIGINAL_RUNS", follow=type_it),
    Row("LAUNCH_SETTINGS_CHANGE", follow=do_nothing, stays=True),
    Row(
        "REPLICATION_NOT_READY",
        issue("notReplicating", state="STOPPED"),
        follow=start_replication,
    ),
    Row(
        "RECOVERY_POINT_MISSING",
        arises=no_point,
        follow=wait(
            60,
            lambda here, server: setattr(
                agent(here, server).replication, "snapshots_since", here.cloud.clock.now()
            ),
        ),
    ),
    Row(
        "REPLICATION_DEGRADED",
        issue("notReplicating", state="STALLED", error="UNSTABLE_NETWORK"),
        follow=do_nothing,
        stays=True,
    ),
    Row("LAG_TOO_HIGH", issue("lag", seconds=7200), follow=override, stays=True),
    Row("RECOVERY_POINT_OLD", arises=lags("STALLED", "AGENT_NOT_SEEN", 7200), follow=do_nothing, stays=True),
    Row("NATIVE_PLAN_RUNS", arises=native_plan, follow=type_it),
    Row("SERVER_BUSY", issue("busy", seconds=900), follow=wait(900)),
    Row(
        "RECOVERY_INSTANCE_RUNS",
        arises=launched_elsewhere(stopped=False),
        follow=type_it,
        becomes=("RECOVERY_INSTANCE_REPLACED",),
    ),
    Row("RECOVERY_INSTANCE_REPLACED", arises=launched_elsewhere(stopped=True), follow=type_it, stays=True),
    Row("ORIGINAL_AMBIGUOUS", arises=claims_original_of(PLAIN), follow=install_agent),
    Row(
        "ORIGINAL_CONTRADICTED",
        arises=reports(mac_address="02:00:00:00:00:01", private_ip="10.10.0.250"),
        follow=restart_agent,
    ),
    Row("TARGET_UNTAGGED", issue("targetUntagged")),
    Row("TARGET_RUNNING", issue("targetRunning"), follow=type_it),
    Row(
        "PLATFORM_DIFFERS",
        {"platform": "windows"},
        is_built(Platform=None, PlatformDetails="Linux/UNIX"),
        create(image=WINDOWS),
    ),
    Row("ARCHITECTURE_DIFFERS", issue("targetArchitecture"), follow=create()),
    Row(
        "BOOT_MODE_DIFFERS",
        arises=is_built(BootMode="uefi", CurrentInstanceBootMode="uefi"),
        follow=create(),
    ),
    Row(
        "BOOT_MODE_UNKNOWN",
        arises=is_built(BootMode=None, CurrentInstanceBootMode=None),
        follow=check,
        stays=True,
    ),
    Row("BOOT_MODE_UEFI_LINUX", {"bootMode": "uefi"}, follow=drill, stays=True),
    Row("ARCHITECTURE_ARM64", {"architecture": "arm64"}, follow=drill, stays=True),
    Row("ROOT_NOT_EBS", arises=is_built(RootDeviceType="instance-store"), follow=create()),
    Row("VIRTUALIZATION_NOT_HVM", arises=is_built(Virtualization="paravirtual"), follow=create()),
    Row("VOLUMES_MISSING", arises=without_volumes, follow=attach_root),
    Row(
        "VOLUME_COUNT_DIFFERS",
        {"disksGiB": [8, 8]},
        lambda here, server: detach(here, server, 1),
        do_nothing,
        stays=True,
    ),
    Row("PROFILE_MISSING", issue("noProfile")),
    Row("PROFILE_INCOMPLETE", arises=weak_profile, follow=attach_policies),
    Row("PROFILE_UNREADABLE", arises=lost_profile, follow=repair_profile),
    Row("ADDRESS_CHANGED", arises=recorded(private_ip="10.20.0.250"), follow=check, stays=True),
    Row("PAIR_CHANGED", arises=recorded(pair_instance_id="i-0123456789abcdef0"), follow=settle),
    Row(
        "LAUNCH_INTO_OTHER",
        arises=lambda here, server: point(here, server, here.target(PLAIN)),
        follow=settle,
    ),
    Row("OS_BYOL_NOT_ALLOWED", {"platform": "windows"}, byol),
)
