"""Situations before a failover: the code of each, how it comes about, and how its advice is followed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack.services import ec2 as engine  # type: ignore[import-untyped]

from local.ministack.images import image_for
from shared.model.pair import PairRecord
from shared.model.scope import Scope
from shared.store.pairs import PairStore
from tests.local.simulation.world import ORIGIN, RECOVERY
from tests.workflows.adversaries.outsiders import point
from tests.workflows.advice.aws_cli import typed
from tests.workflows.failback_stage import original
from tests.workflows.stage import Stage, issue

TAGS = {"AWSDRS": "AllowLaunchingIntoThisInstance"}
LINUX, WINDOWS = ("linux", "x86_64", "legacy-bios"), ("windows", "x86_64", "legacy-bios")
ARM = ("linux", "arm64", "uefi")
PLAIN = "plain"
"""A server that nothing is wrong with: new instances get the network of its target."""


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


# --- what others do to EC2, DRS and our records


def new_target(here: Stage, called: str, image: tuple[str, str, str] = LINUX, **more: Any) -> str:
    """A stopped, tagged instance of this name beside the target of the server that is well."""
    ec2 = here.ec2()
    [found] = ec2.describe_instances(InstanceIds=[here.target(PLAIN)])["Reservations"][0]["Instances"]
    tags = [{"Key": key, "Value": value} for key, value in {"Name": called, **TAGS}.items()]
    made = ec2.run_instances(
        ImageId=image_for(*image),
        InstanceType="m6g.large" if "arm64" in image else "m6i.large",
        SubnetId=found["SubnetId"],
        SecurityGroupIds=[group["GroupId"] for group in found["SecurityGroups"]],
        IamInstanceProfile={"Arn": found["IamInstanceProfile"]["Arn"]},
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        **more,
    )
    instance_id = str(made["Instances"][0]["InstanceId"])
    here.cloud.advance(3)
    ec2.stop_instances(InstanceIds=[instance_id])
    here.cloud.advance(3)
    return instance_id


def rename(here: Stage, instance_id: str, called: str) -> None:
    here.ec2().create_tags(Resources=[instance_id], Tags=[{"Key": "Name", "Value": called}])


def agent(here: Stage, server: str) -> Any:
    """The emulator's own record of a source server."""
    scope = here.cloud.drs._core.scope(RECOVERY["account"], RECOVERY["region"])
    return scope.servers[here.source(server)]


def reports(**fields: Any) -> Callable[[Stage, str], None]:
    """The agent of the server reports this from now on."""

    def arise(here: Stage, server: str) -> None:
        for name, value in fields.items():
            setattr(agent(here, server), name, value)

    return arise


def is_built(**fields: Any) -> Callable[[Stage, str], None]:
    """The target is as no call can make one in the emulated EC2."""

    def arise(here: Stage, server: str) -> None:
        engine._instances.get_scoped(*RECOVERY.values(), here.target(server)).update(fields)

    return arise


def lags(state: str | None, error: str | None, seconds: int) -> Callable[[Stage, str], None]:
    def arise(here: Stage, server: str) -> None:
        seen = {key: value for key, value in (("state", state), ("error", error)) if value}
        here.drs_fault("REPLICATION", server=here.source(server), lagSeconds=seconds, **seen)

    return arise


def recorded(**fields: Any) -> Callable[[Stage, str], None]:
    """An earlier execution recorded the pair, with these fields."""

    def arise(here: Stage, server: str) -> None:
        made = here.servers[server]
        pair: dict[str, Any] = {
            "source_server_id": made.source_server_id,
            "name": server,
            "scope": Scope(**RECOVERY),
            "pair_instance_id": here.target(server),
            "original_instance_id": made.original_instance_id,
            "private_ip": None,
            "original_private_ip": None,
            "staging_account": None,
            "workload_side": "ORIGIN",
            **fields,
        }
        assert PairStore(os.environ["INSTANCE_PAIRS_TABLE"]).put([PairRecord(**pair)]) == [True]

    return arise


def no_point(here: Stage, server: str) -> None:
    """Its replication is behind, and no snapshot is complete."""
    lags("BACKLOG", None, 60)(here, server)
    agent(here, server).replication.snapshots_since = None


def weak_profile(here: Stage, server: str) -> None:
    """The target's profile has a role without policies."""
    iam = here.cloud.client("iam", RECOVERY["account"], RECOVERY["region"])
    iam.create_role(RoleName="weak", AssumeRolePolicyDocument=json.dumps({"Statement": []}))
    arn = iam.create_instance_profile(InstanceProfileName="weak")["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName="weak", RoleName="weak")
    uses_profile(here, server, arn)


def lost_profile(here: Stage, server: str) -> None:
    """The target's profile was deleted: IAM does not find it."""
    iam = here.cloud.client("iam", RECOVERY["account"], RECOVERY["region"])
    arn = iam.create_instance_profile(InstanceProfileName="deleted")["InstanceProfile"]["Arn"]
    uses_profile(here, server, arn)
    iam.delete_instance_profile(InstanceProfileName="deleted")


def uses_profile(here: Stage, server: str, arn: str) -> None:
    ec2 = here.ec2()
    filters = [{"Name": "instance-id", "Values": [here.target(server)]}]
    [own] = ec2.describe_iam_instance_profile_associations(Filters=filters)["IamInstanceProfileAssociations"]
    ec2.replace_iam_instance_profile_association(
        AssociationId=own["AssociationId"], IamInstanceProfile={"Arn": arn}
    )


def without_volumes(here: Stage, server: str) -> None:
    detach(here, server, 0)


def detach(here: Stage, server: str, keep: int) -> None:
    for _, volume in here.instances()[here.target(server)]["volumes"][keep:]:
        here.ec2().detach_volume(VolumeId=volume)
    here.cloud.advance(3)


def byol(here: Stage, server: str) -> None:
    here.drs().update_launch_configuration(sourceServerID=here.source(server), licensing={"osByol": True})


def launched_elsewhere(stopped: bool) -> Callable[[Stage, str], None]:
    """An operator launches it in the DRS console, into a new instance."""

    def arise(here: Stage, server: str) -> None:
        here.drs().start_recovery(sourceServers=[{"sourceServerID": here.source(server)}])
        here.cloud.advance(120)
        if stopped:
            here.ec2().stop_instances(InstanceIds=[elsewhere(here, server)])
            here.cloud.advance(10)

    return arise


def elsewhere(here: Stage, server: str) -> str:
    """The recovery instance of a server, by DRS."""
    filters = {"sourceServerIDs": [here.source(server)]}
    [one] = here.drs().describe_recovery_instances(filters=filters)["items"]
    return str(one["ec2InstanceID"])


def claims_original_of(other: str) -> Callable[[Stage, str], None]:
    def arise(here: Stage, server: str) -> None:
        agent(here, server).instance_id = original(here, other)

    return arise


# --- what operators do


def type_it(operator: Operator, row: Row, remedy: str) -> None:
    """Types the commands, and waits until EC2 has done them."""
    typed(operator.here, remedy)
    operator.here.cloud.advance(5)


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
        follow=lambda o, r, t: (type_it(o, r, t), o.here.cloud.advance(3600)),
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
