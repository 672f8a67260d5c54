"""What others do to EC2, DRS and our records before a failover, each for one server."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from ministack.services import ec2 as engine

from local.ministack.images import image_for
from shared.model.pair import PairRecord
from shared.model.scope import Scope
from shared.store.pairs import PairStore
from tests.local.simulation.world import RECOVERY
from tests.workflows.failback_stage import original
from tests.workflows.stage import Stage

TAGS = {"AWSDRS": "AllowLaunchingIntoThisInstance"}
LINUX, WINDOWS = ("linux", "x86_64", "legacy-bios"), ("windows", "x86_64", "legacy-bios")
ARM = ("linux", "arm64", "uefi")
PLAIN = "plain"
"""A server that nothing is wrong with: new instances get the network of its target."""


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
