"""Situations before a failback: the code of each, how it comes about, and how its advice is followed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.local.simulation.world import ORIGIN
from tests.workflows.advice.aws_cli import typed
from tests.workflows.advice.failover_situations import weak_profile
from tests.workflows.failback_stage import original
from tests.workflows.stage import Stage, issue

BUSY_SECONDS = 600
Arises = Callable[[Stage, str], Any]
Follow = Callable[[Stage, str, str], Any]


def at_origin(here: Stage) -> Any:
    return here.cloud.client("ec2", ORIGIN["account"], ORIGIN["region"])


def type_it(here: Stage, server: str, remedy: str) -> None:
    typed(here, remedy)


def wait(here: Stage, server: str, remedy: str) -> None:
    """Looks at the job, and waits for its end."""
    assert remedy.startswith("Wait until it is COMPLETED"), remedy
    [answer] = typed(here, remedy)
    assert [job["status"] for job in answer["items"]] == ["STARTED"]
    here.cloud.advance(BUSY_SECONDS)


def do_nothing(here: Stage, server: str, remedy: str) -> None:
    assert remedy.startswith("Nothing"), remedy


def stopped(here: Stage, server: str) -> None:
    here.ec2().stop_instances(InstanceIds=[here.target(server)])


def stop_protected(here: Stage, server: str) -> None:
    here.ec2().modify_instance_attribute(InstanceId=here.target(server), DisableApiStop={"Value": True})


def original_stop_protected(here: Stage, server: str) -> None:
    restarted(here, server)
    at_origin(here).modify_instance_attribute(
        InstanceId=original(here, server), DisableApiStop={"Value": True}
    )


def unprofiled(here: Stage, server: str) -> None:
    _without_profile(here.ec2(), here.target(server))


def original_unprofiled(here: Stage, server: str) -> None:
    _without_profile(at_origin(here), original(here, server))


def _without_profile(ec2: Any, instance_id: str) -> None:
    filters = [{"Name": "instance-id", "Values": [instance_id]}]
    found = ec2.describe_iam_instance_profile_associations(Filters=filters)
    for one in found["IamInstanceProfileAssociations"]:
        ec2.disassociate_iam_instance_profile(AssociationId=one["AssociationId"])


def weak_original(here: Stage, server: str) -> None:
    """The original's profile has a role without policies."""
    iam = here.cloud.client("iam", ORIGIN["account"], ORIGIN["region"])
    iam.create_role(RoleName="weak", AssumeRolePolicyDocument=json.dumps({"Statement": []}))
    iam.create_instance_profile(InstanceProfileName="weak")
    iam.add_role_to_instance_profile(InstanceProfileName="weak", RoleName="weak")
    original_unprofiled(here, server)
    at_origin(here).associate_iam_instance_profile(
        InstanceId=original(here, server), IamInstanceProfile={"Name": "weak"}
    )


def use_the_profile(here: Stage, server: str, remedy: str) -> None:
    """The instance gets the profile that the remedy names."""
    named = re.search(r"use the profile (\w+)", remedy)
    assert named, remedy
    instance = here.target(server) if "original" not in server else original(here, server)
    ec2 = here.ec2() if "original" not in server else at_origin(here)
    _without_profile(ec2, instance)
    ec2.associate_iam_instance_profile(InstanceId=instance, IamInstanceProfile={"Name": named[1]})


def without_metadata(here: Stage, server: str) -> None:
    here.ec2().modify_instance_metadata_options(InstanceId=here.target(server), HttpEndpoint="disabled")


def restarted(here: Stage, server: str) -> None:
    at_origin(here).start_instances(InstanceIds=[original(here, server)])


def busy(here: Stage, server: str) -> None:
    here.drs_fault("SERVER_BUSY", server=server, seconds=BUSY_SECONDS)


@dataclass(frozen=True, slots=True)
class Row:
    """``also``: other codes that the situation has, whose advice is followed as well."""

    code: str
    arises: Arises = lambda here, server: None
    follow: Follow = type_it
    fleet: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    variant: str = ""

    @property
    def server(self) -> str:
        return f"{self.code}{self.variant and f'-{self.variant}'}".lower().replace("_", "-")


ROWS = (
    Row("RECOVERY_INSTANCE_STOPPED", stopped),
    Row("STOP_PROTECTED", stop_protected),
    Row("STOP_PROTECTED", original_stop_protected, also=("ORIGINAL_RESTARTED",), variant="original"),
    Row("PROFILE_MISSING", unprofiled),
    Row("PROFILE_INCOMPLETE", weak_profile, use_the_profile),
    Row("ORIGINAL_PROFILE_MISSING", original_unprofiled),
    Row("ORIGINAL_PROFILE_INCOMPLETE", weak_original, use_the_profile),
    Row("IMDS_DISABLED", without_metadata),
    Row("ORIGINAL_UNTAGGED", fleet=issue("originalUntagged")),
    Row("ORIGINAL_RESTARTED", restarted),
    Row("EGRESS_443_CLOSED", fleet=issue("egressClosed"), also=("EGRESS_1500_CLOSED",)),
    Row("SERVER_BUSY", busy, wait),
)
