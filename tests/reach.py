"""What one function of a tier reaches, asked of the IAM evaluator of the local cloud, probe by probe.

The evaluator gets what IAM would: a function's policies and its boundary; a member role's policies and trust.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from ministack.core.iam_evaluator import (
    EvalContext,
    ParsedStatement,
    evaluate,
    evaluate_trust_policy,
)

from local.simulation.template import STACK_NAME
from tests.policies import (
    HUB_ACCOUNT,
    RECOVERY,
    REGION,
    TIERS,
    Statement,
    function_statements,
    functions,
    member,
    orchestration,
    role_name,
    role_statements,
    statements,
    tier_name,
    tier_of,
)

Context = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """One question to IAM. A request needs every check of it."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


Request = tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """What an attacker would do, in the words of docs/iam.md: any of these requests does it."""

    words: str
    requests: tuple[Request, ...]

    @property
    def checks(self) -> Iterator[Check]:
        return (check for request in self.requests for check in request)


# --- who


def _parsed(found: Iterable[Statement]) -> list[ParsedStatement]:
    return [
        ParsedStatement(s.sid, s.effect, list(s.actions), [], list(s.resources), [], s.condition)
        for s in found
    ]


@cache
def _function(name: str) -> tuple[list[ParsedStatement], list[ParsedStatement]]:
    """A function's policies and its boundary."""
    boundary = orchestration().resources[f"{tier_name(tier_of(name))}Boundary"]["Properties"]
    limits = statements(orchestration(), boundary["PolicyDocument"])
    return _parsed(function_statements(name)), _parsed(limits)


@cache
def _role(tier: str) -> list[ParsedStatement]:
    return _parsed(role_statements(tier))


def _context(principal: str, account: str, check: Check) -> EvalContext:
    return EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=account,
        action=check.action,
        resource_arn=check.resource,
        region=REGION,
        service_context={"aws:viaawsservice": "false", **check.context},
    )


def role_of(function: str) -> str:
    return f"arn:aws:iam::{HUB_ACCOUNT}:role/drs-orchestrator/{tier_of(function)}/{function}"


def function_may(function: str, check: Check) -> bool:
    """Whether IAM allows it to the function. To assume a role, that role has to trust the function too."""
    own, limits = _function(function)
    context = _context(role_of(function), HUB_ACCOUNT, check)
    if evaluate(context, [own], [limits]).decision != "Allow":
        return False
    return check.action != "sts:AssumeRole" or _trusted(function, check.resource)


def _trusted(function: str, role_arn: str) -> bool:
    for tier in TIERS:
        if role_arn.endswith(f":role/{member().ref(role_name(tier))}"):
            trust = member().resolve(member().resources[role_name(tier)]["Properties"])
            external_id = {"sts:externalid": "an-external-id"}
            check = Check("sts:AssumeRole", role_arn, external_id)
            context = _context(role_of(function), HUB_ACCOUNT, check)
            return bool(evaluate_trust_policy(trust["AssumeRolePolicyDocument"], role_of(function), context))
    return False


def role_may(tier: str, check: Check) -> bool:
    """Whether IAM allows it to the member role of a tier."""
    context = _context(f"arn:aws:iam::{RECOVERY}:role/{role_name(tier)}", RECOVERY, check)
    return bool(evaluate(context, [_role(tier)]).decision == "Allow")


def is_probed(
    statement: Statement, action: str, resource: str, principal: str, checks: Iterable[Check]
) -> bool:
    """Whether this statement alone, with its conditions, allows one of the checks on such a resource."""
    narrow = replace(statement, actions=(action,), resources=(resource,))
    own = _parsed([narrow])
    account = principal.split(":")[4]
    return any(
        evaluate(_context(principal, account, check), [own]).decision == "Allow"
        for check in checks
        if check.action == action
    )


def functions_that_reach(tier: str, probe: Probe) -> list[str]:
    """The functions of a tier that can do it themselves."""
    return sorted(
        name.removesuffix("Function")
        for name in functions()
        if tier_of(name) == tier and _any(probe, lambda check, name=name: function_may(name, check))  # type: ignore[misc]
    )


def role_reaches(tier: str, probe: Probe) -> bool:
    """Whether a function of the tier can do it as the tier's member role."""
    return _any(probe, lambda check: role_may(tier, check))


def _any(probe: Probe, may: Callable[[Check], bool]) -> bool:
    return any(all(map(may, request)) for request in probe.requests)


# --- what, in the orchestration account


def _on(table: str) -> str:
    return orchestration().arn(table)


def _writes(table: str, key: str) -> tuple[Request, ...]:
    keys = {"dynamodb:leadingkeys": [key]}
    names = ("PutItem", "UpdateItem", "BatchWriteItem", "DeleteItem")
    return tuple((Check(f"dynamodb:{name}", _on(table), keys),) for name in names)


def _reads(table: str) -> tuple[Request, ...]:
    names = ("GetItem", "BatchGetItem", "Query", "Scan")
    return tuple((Check(f"dynamodb:{name}", _on(table)),) for name in names)


def _one(action: str, *resources: str, **context: Any) -> tuple[Request, ...]:
    """One request of one action on all of these."""
    return (tuple(Check(action, resource, context) for resource in resources),)


def _either(*probes: tuple[Request, ...]) -> tuple[Request, ...]:
    return tuple(request for probe in probes for request in probe)


def _stack() -> str:
    return f"arn:aws:states:{REGION}:{HUB_ACCOUNT}"


def _machine(name: str) -> str:
    return f"{_stack()}:stateMachine:{STACK_NAME}-{name}"


def _execution(name: str) -> str:
    return f"{_stack()}:execution:{STACK_NAME}-{name}:e-1"


def _member_role(tier: str, account: str = RECOVERY) -> str:
    return f"arn:aws:iam::{account}:role/{member().ref(role_name(tier))}"


def _assumes(*roles: str) -> tuple[Request, ...]:
    return _either(*(_one("sts:AssumeRole", role) for role in roles))


EXECUTIONS, SERVER = "ExecutionsTable", "EXECUTION#e-1#3"


def hub_probes(tier: str) -> tuple[Probe, ...]:
    """What a function of ``tier`` may do itself; the member roles of other tiers differ for each."""
    report = f"{orchestration().arn('ReportsBucket')}/e-1.json"
    others = [_member_role(other) for other in TIERS if other != tier]
    machines = ("failover", "failback", "drill-cleanup", "prepare")
    return (
        Probe("read executions, with the task tokens in them", _reads(EXECUTIONS)),
        Probe("write an execution: state, cancellation, waves, jobs", _writes(EXECUTIONS, "EXECUTION#e-1")),
        Probe("write servers, and facts about them", _writes(EXECUTIONS, SERVER)),
        Probe("write decided pairs", _writes(EXECUTIONS, "DECIDED#e-1#3")),
        Probe("write operator messages", _writes(EXECUTIONS, "CONTROL#e-1")),
        Probe("write answers to requests for approval", _writes(EXECUTIONS, "APPROVAL#e-1")),
        Probe("write or release locks", _writes(EXECUTIONS, "LOCK#SERVER#s-1")),
        Probe("write claims of slots and their task tokens", _writes(EXECUTIONS, "SLOTS#a/r")),
        Probe("write which launches DRS reported", _writes(EXECUTIONS, "REPORTS#a/r")),
        Probe("write launch settings from before a preparation", _writes(EXECUTIONS, "PREPARED#a/r")),
        Probe("freeze or release a plan", _writes(EXECUTIONS, "FREEZE#p")),
        Probe("write any other key of the Executions table", _writes(EXECUTIONS, "ANYTHING#e-1")),
        Probe("write findings", _writes("FindingsTable", "EXECUTION#e-1#3")),
        Probe("read findings", _reads("FindingsTable")),
        Probe("write plans", _writes("PlansTable", "shop")),
        Probe("read plans", _reads("PlansTable")),
        Probe("write pairs", _writes("InstancePairsTable", "s-1")),
        Probe("read pairs", _reads("InstancePairsTable")),
        Probe("write or overwrite a report", _one("s3:PutObject", report)),
        Probe(
            "read or delete a report",
            _either(*(_one(f"s3:{n}", report) for n in ("GetObject", "DeleteObject", "DeleteObjectVersion"))),
        ),
        Probe("send a notification", _one("sns:Publish", orchestration().ref("NotificationsTopic"))),
        Probe("answer a task whose token it has", _one("states:SendTaskSuccess", "*")),
        Probe("fail a task whose token it has", _one("states:SendTaskFailure", "*")),
        Probe(
            "start a failover or failback",
            _either(*(_one("states:StartExecution", _machine(name)) for name in ("failover", "failback"))),
        ),
        Probe("start a preparation", _one("states:StartExecution", _machine("prepare"))),
        Probe("start the clean-up of a drill", _one("states:StartExecution", _machine("drill-cleanup"))),
        Probe("stop a failover or drill", _one("states:StopExecution", _execution("failover"))),
        Probe("stop a failback", _one("states:StopExecution", _execution("failback"))),
        Probe(
            "read the state of a workflow",
            _either(*(_one("states:DescribeExecution", _execution(name)) for name in machines)),
        ),
        Probe("act as the member role of its tier", _assumes(_member_role(tier))),
        Probe("act as the member role of another tier", _assumes(*others)),
        Probe("act in an account that is no member", _assumes(_member_role(tier, "123412341234"))),
        Probe(
            "call a function, pass a role or change one",
            _either(
                _one("lambda:InvokeFunction", orchestration().arn("ControlExecutionFunction")),
                _one("iam:PassRole", f"arn:aws:iam::{HUB_ACCOUNT}:role/any"),
                _one("iam:PutRolePolicy", f"arn:aws:iam::{HUB_ACCOUNT}:role/any"),
            ),
        ),
        Probe(
            "delete a table or a workflow",
            _either(
                _one("dynamodb:DeleteTable", _on(EXECUTIONS)),
                _one("states:DeleteStateMachine", _machine("failover")),
            ),
        ),
    )


# --- what, in a member account

_EC2 = f"arn:aws:ec2:{REGION}:{RECOVERY}"
_DRS = f"arn:aws:drs:{REGION}:{RECOVERY}"
_INSTANCE, _VOLUME, _SNAPSHOT = (
    f"{_EC2}:instance/i-1",
    f"{_EC2}:volume/vol-1",
    f"arn:aws:ec2:{REGION}::snapshot/snap-1",
)
_DOCUMENT = f"arn:aws:ssm:{REGION}:{RECOVERY}:document"
_TEMPLATE = f"{_EC2}:launch-template/lt-1"
_VIA_DRS: Context = {"aws:viaawsservice": "true", "aws:calledvia": ["drs.amazonaws.com"]}


def _tags(**tags: str) -> dict[str, str]:
    """As EC2 and the global keys state the tags of a resource."""
    return {
        f"{prefix}:resourcetag/{key}".lower(): value
        for key, value in tags.items()
        for prefix in ("aws", "ec2")
    }


_PAIR = _tags(AWSDRS="AllowLaunchingIntoThisInstance")
_OF_DRS = _tags(AWSElasticDisasterRecoveryManaged="drs.amazonaws.com")
_DETACHED = {"aws:resourcetag/drs-orchestrator:detached-from": "i-1"}


def _sets(key: str, value: str = "AllowLaunchingIntoThisInstance", *more: str) -> dict[str, Any]:
    return {f"aws:requesttag/{key}".lower(): value, "aws:tagkeys": [key, *more]}


def _ec2(name: str, context: Context, *resources: str) -> tuple[Request, ...]:
    return (tuple(Check(f"ec2:{name}", one, context) for one in resources or (_INSTANCE,)),)


def _volumes(context: Context) -> tuple[Request, ...]:
    """EC2 asks for the volume, which has no tag of ours, and for the instance."""
    untagged = {key: value for key, value in context.items() if "resourcetag" not in key}
    return tuple(
        (Check(f"ec2:{name}", _INSTANCE, context), Check(f"ec2:{name}", _VOLUME, untagged))
        for name in ("DetachVolume", "AttachVolume")
    )


def _command(document: str, tags: Context) -> tuple[Request, ...]:
    owner = "" if document.startswith("AWS-") else RECOVERY
    named = f"arn:aws:ssm:{REGION}:{owner}:document/{document}"
    return ((Check("ssm:SendCommand", named), Check("ssm:SendCommand", _INSTANCE, tags)),)


def _drs(kind: str, *names: str) -> tuple[Request, ...]:
    return _either(*(_one(f"drs:{name}", f"{_DRS}:{kind}/x-1") for name in names))


def _ec2s(context: Context, resource: str, *names: str) -> tuple[Request, ...]:
    return _either(*(_ec2(name, context, resource) for name in names))


def _of_instances() -> Iterator[Probe]:
    kinds = {"tagged `AWSDRS`": _PAIR, "that DRS created": _OF_DRS, "of any other kind": {}}
    for verb in ("Start", "Stop"):
        for kind, tags in kinds.items():
            yield Probe(f"{verb.lower()} an instance {kind}", _ec2(f"{verb}Instances", tags))
    yield Probe("have DRS start an instance tagged `AWSDRS`", _ec2("StartInstances", {**_PAIR, **_VIA_DRS}))
    yield Probe(
        "terminate an instance itself", _either(*(_ec2("TerminateInstances", t) for t in kinds.values()))
    )
    through = {kind: {**tags, **_VIA_DRS} for kind, tags in kinds.items()}
    for kind, context in through.items():
        yield Probe(f"have DRS terminate an instance {kind}", _ec2("TerminateInstances", context))
    both = {**_PAIR, **_OF_DRS, **_VIA_DRS}
    yield Probe("have DRS terminate an instance with both tags", _ec2("TerminateInstances", both))
    yield Probe("swap the volumes of an instance tagged `AWSDRS`", _volumes(_PAIR))
    yield Probe("swap the volumes of any other instance", _either(_volumes(_OF_DRS), _volumes({})))
    yield Probe("run a new instance", _either(_ec2("RunInstances", {}), _ec2("RunInstances", _VIA_DRS)))
    changing = ("ModifyInstanceAttribute", "RebootInstances", "DeleteTags")
    yield Probe("change, reboot or untag an instance", _ec2s(_PAIR, _INSTANCE, *changing))
    yield Probe("tag any instance with `AWSDRS`", _ec2("CreateTags", _sets("AWSDRS")))
    yield Probe(
        "set or change any other tag of an instance",
        _either(
            _ec2("CreateTags", _sets("Name", "x")),
            _ec2("CreateTags", _sets("AWSElasticDisasterRecoveryManaged", "x")),
            _ec2("CreateTags", _sets("AWSDRS", "AllowLaunchingIntoThisInstance", "Name")),
        ),
    )


def _of_volumes() -> Iterator[Probe]:
    yield Probe(
        "tag any volume as detached by us",
        _ec2("CreateTags", _sets("drs-orchestrator:detached-from", "i"), _VOLUME),
    )
    yield Probe("set another tag of a volume", _ec2("CreateTags", _sets("Name", "x"), _VOLUME))
    yield Probe("delete a volume that is tagged so", _ec2("DeleteVolume", _DETACHED, _VOLUME))
    yield Probe(
        "delete any other volume, or a snapshot",
        _either(_ec2("DeleteVolume", {}, _VOLUME), _ec2("DeleteSnapshot", {}, _SNAPSHOT)),
    )
    of_drs = {**_OF_DRS, **_VIA_DRS}
    yield Probe(
        "have DRS delete what it created",
        _either(*(_ec2s(of_drs, one, "DeleteVolume", "DeleteSnapshot") for one in (_VOLUME, _SNAPSHOT))),
    )
    ours = "drs-orchestrator:snapshot-of"
    tagging = {**_sets(ours, "vol-1"), "ec2:createaction": "CreateSnapshot"}
    yield Probe(
        "snapshot a volume that is tagged as detached, and tag the snapshot",
        (
            (
                Check("ec2:CreateSnapshot", _VOLUME, _DETACHED),
                Check("ec2:CreateSnapshot", _SNAPSHOT, _sets(ours, "vol-1")),
                Check("ec2:CreateTags", _SNAPSHOT, tagging),
            ),
        ),
    )
    yield Probe("snapshot any other volume", _ec2("CreateSnapshot", {}, _VOLUME))
    yield Probe("set another tag of a snapshot", _ec2("CreateTags", _sets(ours, "vol-1"), _SNAPSHOT))
    yield Probe("have DRS delete other volumes", _ec2("DeleteVolume", _VIA_DRS, _VOLUME))
    yield Probe(
        "have DRS create volumes and snapshots, and tag these",
        _either(
            *(_ec2s(_VIA_DRS, one, "CreateVolume", "CreateSnapshot") for one in (_VOLUME, _SNAPSHOT)),
            *(
                _ec2("CreateTags", {**_VIA_DRS, "ec2:createaction": "CreateVolume"}, one)
                for one in (_VOLUME, _SNAPSHOT)
            ),
        ),
    )
    yield Probe(
        "have DRS swap the volumes of an instance tagged `AWSDRS`",
        _volumes({**_PAIR, **_VIA_DRS}),
    )
    versions = ("CreateLaunchTemplateVersion", "ModifyLaunchTemplate", "DeleteLaunchTemplateVersions")
    yield Probe("have DRS change its launch templates", _ec2s({**_OF_DRS, **_VIA_DRS}, _TEMPLATE, *versions))
    yield Probe("change a launch template itself", _ec2s(_OF_DRS, _TEMPLATE, *versions))


def _of_drs() -> Iterator[Probe]:
    yield Probe(
        "change launch settings of a source server", _drs("source-server", "UpdateLaunchConfiguration")
    )
    yield Probe(
        "start a recovery of any source server",
        _drs("source-server", "StartRecovery", "CreateRecoveryInstanceForDrs"),
    )
    yield Probe("reverse a replication", _drs("recovery-instance", "ReverseReplication"))
    yield Probe("tag a DRS job", _drs("job", "TagResource"))
    yield Probe("tag a source server", _drs("source-server", "TagResource"))
    retiring = ("StopReplication", "DisconnectSourceServer", "DeleteSourceServer")
    yield Probe("end the replication of any source server, and delete it", _drs("source-server", *retiring))
    removing = ("DisconnectRecoveryInstance", "DeleteRecoveryInstance")
    yield Probe("remove a recovery instance from DRS", _drs("recovery-instance", *removing))
    yield Probe(
        "request DRS to terminate a recovery instance, if the stack allows it",
        _drs("recovery-instance", "TerminateRecoveryInstances"),
    )
    shell, own = "AWS-RunShellScript", "drs-orchestrator-quiesce"
    yield Probe("run any shell command on an instance tagged `AWSDRS`", _command(shell, _PAIR))
    yield Probe("run any shell command on an instance that DRS created", _command(shell, _OF_DRS))
    yield Probe(
        "run an SSM document of the account there", _either(_command(own, _PAIR), _command(own, _OF_DRS))
    )
    yield Probe("run a command on any other instance", _either(_command(shell, {}), _command(own, {})))
    yield Probe(
        "simulate permissions, list policies of roles",
        _either(
            *(
                _one(f"iam:{n}", f"arn:aws:iam::{RECOVERY}:role/any")
                for n in ("SimulatePrincipalPolicy", "ListAttachedRolePolicies")
            )
        ),
    )
    yield Probe(
        "pass or change a role",
        _either(
            *(
                _one(f"iam:{n}", f"arn:aws:iam::{RECOVERY}:role/any")
                for n in ("PassRole", "PutRolePolicy", "AttachRolePolicy")
            )
        ),
    )
    yield Probe("read servers, instances, jobs", _one("ec2:DescribeInstances", "*"))


def member_probes() -> tuple[Probe, ...]:
    """What a function may do as the member role of its tier."""
    return (*_of_instances(), *_of_volumes(), *_of_drs())
