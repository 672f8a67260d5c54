"""Each function's policy, and each member role's, allows exactly the calls that the code makes."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.drs_emulator.failback_world import FailbackWorld
from tests.drs_emulator.world import World
from tests.policies import (
    TIERS,
    Statement,
    function_statements,
    functions,
    matches,
    member,
    role_name,
    role_statements,
    tier_of,
)
from tests.workflows.policy_scenarios import SCENARIOS, stage
from tests.workflows.recorded_calls import Recorded, forget_sessions

_STARTING = "Service Authorization Reference, DRS: dependent actions of StartRecovery"
_TERMINATING = "Service Authorization Reference, DRS: dependent actions of TerminateRecoveryInstances"
_REVERSING = "Service Authorization Reference, DRS: dependent actions of ReverseReplication"
_SETTING = "Service Authorization Reference, DRS: dependent actions of UpdateLaunchConfiguration"
_CONSOLE = "managed policy AWSElasticDisasterRecoveryConsoleFullAccess_v2, with aws:ViaAWSService"
_INTO = "the same, for instances tagged AWSDRS, with aws:CalledVia"

FORWARDED: dict[str, dict[str, str]] = {
    "query": {},
    "configuration": {
        "ec2:DescribeInstances": _SETTING,
        "ec2:DescribeInstanceTypes": _CONSOLE,
        "ec2:DescribeLaunchTemplates": _CONSOLE,
        "ec2:DescribeLaunchTemplateVersions": _CONSOLE,
        # DRS keeps its own EC2 launch template for each source server, in step with its launch settings.
        "ec2:CreateLaunchTemplateVersion": _CONSOLE,
        "ec2:DeleteLaunchTemplateVersions": _CONSOLE,
        "ec2:ModifyLaunchTemplate": _CONSOLE,
    },
    "execution/launch": {
        "drs:CreateRecoveryInstanceForDrs": _STARTING,
        "drs:DescribeReplicationConfigurationTemplates": _REVERSING,
        "drs:ListTagsForResource": _STARTING,
        "ec2:AttachVolume": _INTO,
        "ec2:CreateLaunchTemplateVersion": _STARTING,
        "ec2:CreateSnapshot": _STARTING,
        "ec2:CreateTags": _STARTING,
        "ec2:CreateVolume": _STARTING,
        "ec2:DeleteLaunchTemplateVersions": _STARTING,
        "ec2:DeleteSnapshot": _STARTING,
        "ec2:DeleteVolume": _STARTING,
        "ec2:DescribeAccountAttributes": _STARTING,
        "ec2:DescribeAvailabilityZones": _STARTING,
        "ec2:DescribeImages": _STARTING,
        "ec2:DescribeInstanceAttribute": _STARTING,
        "ec2:DescribeInstanceStatus": _STARTING,
        "ec2:DescribeInstanceTypeOfferings": _CONSOLE,
        "ec2:DescribeInstanceTypes": _STARTING,
        "ec2:DescribeLaunchTemplateVersions": _STARTING,
        "ec2:DescribeLaunchTemplates": _STARTING,
        "ec2:DescribeSecurityGroups": _STARTING,
        "ec2:DescribeSnapshots": _STARTING,
        "ec2:DescribeSubnets": _STARTING,
        "ec2:DescribeVolumes": _STARTING,
        "ec2:DetachVolume": _INTO,
        "ec2:GetConsoleOutput": _INTO,
        "ec2:GetConsoleScreenshot": _INTO,
        "ec2:GetEbsDefaultKmsKeyId": _CONSOLE,
        "ec2:GetEbsEncryptionByDefault": _CONSOLE,
        "ec2:ModifyLaunchTemplate": _STARTING,
        "ec2:StartInstances": _INTO,
        "kms:DescribeKey": _CONSOLE,
        "kms:ListAliases": _CONSOLE,
    },
    "execution/stop": {},
    "execution/retire": {
        "ec2:DeleteVolume": _TERMINATING,
        "ec2:TerminateInstances": _TERMINATING,
    },
}
"""What DRS does with a role's permissions, by tier, each with the AWS source that states it."""

WITHHELD = {
    "ec2:AuthorizeSecurityGroupEgress": "a target keeps its security groups",
    "ec2:AuthorizeSecurityGroupIngress": "a target keeps its security groups",
    "ec2:CreateLaunchTemplate": "a source server has its launch template since it was added",
    "ec2:ModifyInstanceAttribute": "DRS may not change a tagged instance beyond its volumes (console policy)",
    "ec2:RevokeSecurityGroupEgress": "a target keeps its security groups",
    "ec2:RunInstances": "a launch into an instance makes none; conversion servers are DRS's own role's",
    "iam:PassRole": "a target keeps its instance profile",
}
"""Dependent actions of StartRecovery that a launch into an instance needs no permission for."""

NO_CALL = {"drs:CreateRecoveryInstanceForDrs", "drs:DescribeReplicationConfigurationTemplates"}
"""What DRS itself asks of the caller, maybe before any service calls another: allowed without conditions."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> set[Recorded]:
    """Everything that the functions did in all scenarios."""
    forget_sessions()
    calls: set[Recorded] = set()
    for played in SCENARIOS:
        folder: Path = tmp_path_factory.mktemp(played.scenario.__name__)
        with stage(folder, played.servers, played.failback) as at:
            played.scenario(at)
            assert at.outcomes() == played.outcomes, played.scenario.__name__
            calls |= at.cloud.recorded
    return calls


def allowing(statements: tuple[Statement, ...], call: Recorded) -> list[Statement]:
    return [
        statement
        for statement in statements
        if statement.effect == "Allow"
        and not statement.forwarded
        and call.action in statement.actions
        and any(matches(pattern, call.resource) for pattern in statement.resources)
        and statement.covers(call.keys)
    ]


def unused(statements: tuple[Statement, ...], calls: set[Recorded]) -> set[tuple[str, str]]:
    """(action, resource pattern) pairs that are allowed, for direct calls, and that no call needs."""
    return {
        (action, pattern)
        for statement in statements
        if statement.effect == "Allow" and not statement.forwarded
        for action, pattern in statement.grants
        if not any(call.action == action and matches(pattern, call.resource) for call in calls)
    }


def unwritten(statements: tuple[Statement, ...], calls: set[Recorded]) -> set[str]:
    """The patterns of partition keys that are allowed, and that no call writes with one of their actions."""
    return {
        pattern
        for statement in statements
        for pattern in statement.leading_keys
        if not any(
            fnmatchcase(key, pattern)
            for call in calls
            if call.action in statement.actions
            for key in call.keys
        )
    }


@pytest.mark.parametrize("function", functions())
def test_a_function_may_do_what_it_does_and_nothing_else(function: str, recorded: set[Recorded]) -> None:
    calls = {call for call in recorded if call.function == function and call.role is None}
    statements = function_statements(function)
    assert calls, f"no scenario calls {function}"
    missing = sorted({(c.action, c.resource, c.keys) for c in calls if not allowing(statements, c)})
    assert not missing, f"{function} needs what template.yaml does not allow"
    assert not unused(statements, calls), f"template.yaml allows {function} what it never does"
    assert not unwritten(statements, calls), f"template.yaml allows {function} keys that it never writes"


@pytest.mark.parametrize("tier", TIERS)
def test_a_member_role_may_do_what_its_functions_do_and_nothing_else(
    tier: str, recorded: set[Recorded]
) -> None:
    name = member().ref(role_name(tier))
    calls = {call for call in recorded if call.role and call.role.endswith(f"role/{name}")}
    missing = {
        (call.action, call.resource)
        for call in calls
        if not allowing(role_statements(tier, account=call.role.split(":")[4] if call.role else ""), call)
    }
    assert not missing, f"{tier} functions need what member-account.yaml does not allow"
    # The same roles stand at the origin and on the recovery side: either may need what a role allows.
    never = {
        (action, pattern)
        for action, pattern in unused(role_statements(tier, account="*"), calls)
        if action not in NO_CALL
    }
    assert not never, f"member-account.yaml allows {tier} functions what they never do"


def test_functions_assume_the_role_of_their_tier_and_no_other(recorded: set[Recorded]) -> None:
    assumed = {(tier_of(call.function), call.role.rsplit("/", 1)[-1]) for call in recorded if call.role}
    assert assumed == {(tier, member().ref(role_name(tier))) for tier in TIERS}


@pytest.mark.parametrize("tier", TIERS)
def test_what_drs_may_do_with_a_role_is_what_aws_says_it_does(tier: str) -> None:
    statements = [statement for statement in role_statements(tier) if statement.effect == "Allow"]
    forwarded = {action for statement in statements if statement.forwarded for action in statement.actions}
    granted = {action for statement in statements for action in statement.actions}
    assert forwarded | (granted & NO_CALL & set(FORWARDED[tier])) == set(FORWARDED[tier])


def test_nothing_that_is_withheld_is_granted() -> None:
    allowed = {
        action
        for tier in TIERS
        for statement in role_statements(tier)
        if statement.effect == "Allow"
        for action in statement.actions
    }
    assert not allowed & set(WITHHELD)


def test_drs_may_make_every_ec2_call_of_a_launch_into_an_instance() -> None:
    """Checked against the emulator's own record of what it asked EC2 for as its caller."""
    world = World()
    started, _ = world.pair("web-1", launchDisposition="STARTED")
    stopped, _ = world.pair("web-2", launchDisposition="STOPPED")
    for server in (started, stopped, stopped):
        world.finish(world.start(server))
    as_caller = {action for key, action in world.ec2.calls if key is not None}
    assert {"ec2:CreateVolume", "ec2:DetachVolume", "ec2:AttachVolume", "ec2:StartInstances"} <= as_caller
    assert as_caller <= set(FORWARDED["execution/launch"]) | {"ec2:DescribeInstances"}, (
        "our code describes, too"
    )


def test_drs_may_make_every_ec2_call_of_the_failback() -> None:
    """Launched into at the origin, protected again; and what DRS made on the recovery side is ended."""
    world = FailbackWorld()
    original, _, _, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    world.reprotect(original)
    as_caller = {action for key, action in world.ec2.calls if key is not None}
    assert {"ec2:DetachVolume", "ec2:AttachVolume"} <= as_caller
    made = world.server("web-9")
    world.finish(world.start(made))
    world.ec2.calls.clear()
    [instance] = world.client.describe_recovery_instances(filters={"sourceServerIDs": [made]})["items"]
    world.client.terminate_recovery_instances(recoveryInstanceIDs=[instance["recoveryInstanceID"]])
    world.clock.advance(3600)
    finishing = {action for key, action in world.ec2.calls if key is not None}
    assert "ec2:TerminateInstances" in finishing
    assert as_caller <= set(FORWARDED["execution/launch"]) | {"ec2:DescribeInstances"}
    assert finishing <= set(FORWARDED["execution/retire"]) | {"ec2:DescribeInstances"}


def test_drs_may_read_the_target_when_launch_settings_are_written() -> None:
    world = World()
    server, target = world.server("web-1"), world.target("web-1")
    into = {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": target}}
    world.client.update_launch_configuration(sourceServerID=server, **into)
    as_caller = {action for key, action in world.ec2.calls if key is not None}
    assert as_caller == {"ec2:DescribeInstances"}
    assert as_caller <= set(FORWARDED["configuration"])
    world.ec2.denied |= as_caller
    other = {"launchIntoInstanceProperties": {"launchIntoEC2InstanceID": world.target("web-2")}}
    with pytest.raises(ClientError) as refused:
        world.client.update_launch_configuration(sourceServerID=server, **other)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
