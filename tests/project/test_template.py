"""What template.yaml and member-account.yaml must declare, whatever else changes in them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from local.simulation.template import read_document
from tests.policies import (
    EXECUTION,
    PROJECT,
    RECOVERY,
    TIERS,
    Statement,
    function_statements,
    functions,
    member,
    orchestration,
    properties,
    role_name,
    role_statements,
    statements,
    tier_name,
    tier_of,
)

MACHINES = "AWS::Serverless::StateMachine"
TAGGED = {"StringEquals": {"ec2:ResourceTag/AWSDRS": "AllowLaunchingIntoThisInstance"}}
OF_DRS = {"ec2:ResourceTag/AWSElasticDisasterRecoveryManaged": "false"}
OVERHEAD = ("Logs", "Traces")
"""Statements of a boundary for what SAM's managed policies allow every function."""


NEWER = ("listrecoveryplanexecutions", "listrecoveryplanexecutionsteps")
"""Actions of 2026 that the reference does not have yet; that they take no resource is assumed."""


@cache
def takes_resource(action: str) -> bool:
    """Whether the Service Authorization Reference, as cfn-lint carries it, names resources for an action."""
    reference = files("cfnlint") / "data" / "AdditionalSpecs" / "Policies.json"
    service, name = action.lower().split(":")
    if name in NEWER:
        return False
    return bool(_reference(str(reference))[service]["Actions"][name].get("Resources"))


@cache
def _reference(path: str) -> dict[str, Any]:
    with open(path, encoding="utf-8") as file:
        read: dict[str, Any] = json.load(file)
    return read


def boundary(tier: str) -> tuple[Statement, ...]:
    document = orchestration().resources[f"{tier_name(tier)}Boundary"]["Properties"]["PolicyDocument"]
    return tuple(statements(orchestration(), document))


def machine_statements() -> Iterator[Statement]:
    for machine in properties(orchestration(), MACHINES).values():
        for policy in machine["Policies"]:
            yield from statements(orchestration(), policy)


def shared_policies() -> dict[str, dict[str, Any]]:
    """The managed policies that functions and machines have in common, by logical id."""
    policies = properties(orchestration(), "AWS::IAM::ManagedPolicy")
    return {name: policy for name, policy in policies.items() if not name.endswith("Boundary")}


def holders() -> dict[str, list[str]]:
    """Of every function and machine the shared policies that its role has."""
    return {
        name: [policy["Ref"] for policy in found["Policies"] if "Ref" in policy]
        for name, found in properties(orchestration(), "AWS::Serverless::Function", MACHINES).items()
    }


def every_statement() -> list[Statement]:
    own = [s for name in functions() for s in function_statements(name)]
    bounds = [s for tier in TIERS for s in boundary(tier)]
    roles = [s for tier in TIERS for s in role_statements(tier)]
    return [*own, *bounds, *roles, *machine_statements()]


# --- functions


@pytest.mark.parametrize("name", functions())
def test_a_function_is_code_of_its_tier_with_the_role_path_and_boundary_of_it(name: str) -> None:
    function = functions()[name]
    tier = tier_of(name)
    assert tier in TIERS
    assert "InlineCode" not in function
    module, attribute = function["Handler"].split(".")
    assert attribute == "handler"
    assert (PROJECT / function["CodeUri"] / f"{module}.py").is_file()
    assert function["RolePath"] == f"/drs-orchestrator/{tier}/"
    assert function["PermissionsBoundary"] == {"Ref": f"{tier_name(tier)}Boundary"}
    assert "Role" not in function, "a function has a role of its own"
    assert all("Statement" in policy or policy["Ref"] in shared_policies() for policy in function["Policies"])
    assert function.get("Tracing", orchestration().globals["Tracing"]) == "Active"


def test_every_module_in_functions_is_deployed() -> None:
    deployed = {(f["CodeUri"], f["Handler"].split(".")[0]) for f in functions().values()}
    modules = {
        (str(path.parent.relative_to(PROJECT)), path.stem)
        for path in (PROJECT / "functions").rglob("*.py")
        if path.stem != "__init__"
    }
    assert deployed == modules


WRITES = {f"dynamodb:{name}" for name in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")}


def test_every_write_to_the_executions_table_is_limited_to_partition_keys() -> None:
    table = orchestration().arn("ExecutionsTable")
    writing = [s for s in every_statement() if table in s.resources and WRITES & set(s.actions)]
    assert len(writing) > 20
    for statement in writing:
        assert set(statement.actions) <= WRITES
        assert statement.resources == (table,)
        assert statement.leading_keys, statement
        assert all("#" in pattern for pattern in statement.leading_keys), "a pattern names a kind"


@pytest.mark.parametrize("tier", TIERS)
def test_no_function_may_write_keys_that_the_boundary_of_its_tier_keeps(tier: str) -> None:
    """Else the policy says one thing, and IAM does another."""
    kept = {pattern for s in boundary(tier) for pattern in s.leading_keys}
    own = {
        p for n in functions() if tier_of(n) == tier for s in function_statements(n) for p in s.leading_keys
    }
    assert {p for p in own if not any(fnmatchcase(p, pattern) for pattern in kept)} == set()
    assert {k for k in kept if not any(fnmatchcase(p, k) for p in own)} == set(), "no function writes them"


@pytest.mark.parametrize("tier", TIERS)
def test_a_boundary_bounds_its_functions_and_leaves_no_gap(tier: str) -> None:
    inside = {g for s in boundary(tier) if s.sid not in OVERHEAD for g in s.grants}
    used = {g for n in functions() if tier_of(n) == tier for s in function_statements(n) for g in s.grants}
    assert used - inside == set(), "the boundary takes away what a function needs"
    assert {a for a, _ in inside} == {a for a, _ in used}, "the boundary allows what no function needs"


@pytest.mark.parametrize("tier", TIERS)
def test_member_roles_are_assumed_only_in_member_accounts(tier: str) -> None:
    own = [s for name in functions() if tier_of(name) == tier for s in function_statements(name)]
    assuming = [s for s in [*own, *boundary(tier)] if "sts:AssumeRole" in s.actions]
    assert assuming
    for statement in assuming:
        assert statement.actions == ("sts:AssumeRole",)
        assert statement.resources == (f"arn:aws:iam::*:role/{member().ref(role_name(tier))}",)
        members = orchestration().ref("MemberAccountIds")
        assert statement.condition == {"StringEquals": {"aws:ResourceAccount": members}}


# --- tiers


def test_query_functions_write_their_findings_and_nothing_else() -> None:
    findings = orchestration().arn("FindingsTable")
    beyond = {
        grant
        for statement in boundary("query")
        if statement.sid not in OVERHEAD
        for grant in statement.grants
        if grant[1] != findings
    }
    # Records, plans, locks, tokens, waiters, decisions and pairs are read at most.
    assert {action for action, _ in beyond} == {
        "sts:AssumeRole",
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "states:DescribeExecution",
    }
    looking = ("Describe", "Get", "List", "Simulate")
    for statement in role_statements("query"):
        assert all(action.split(":")[1].startswith(looking) for action in statement.actions)


def test_configuration_functions_can_start_nothing_but_clean_ups_of_drills_and_preparations() -> None:
    starting = [s for s in boundary("configuration") if s.sid in ("CleanUps", "Preparations")]
    assert {s.actions for s in starting} == {("states:StartExecution",)}
    names = {resource.rsplit(":", 1)[-1] for s in starting for resource in s.resources}
    machines = {name.split("-", 1)[1] for name in names}
    assert machines == {"drill-cleanup", "prepare"}
    own = {a for s in boundary("configuration") if s not in starting for a in s.actions}
    own.remove("states:SendTaskSuccess")  # resumes a wave that waits; it starts nothing by itself
    role = {a for s in role_statements("configuration") for a in s.actions}
    verbs = ("Start", "Stop", "Run", "Reboot", "Terminate", "Reverse", "Send", "Invoke", "PassRole")
    assert not [action for action in own | role if action.split(":")[1].startswith(verbs)]


def test_a_preparation_uses_no_function_of_the_execution_tier() -> None:
    machine = orchestration().resources["PrepareStateMachine"]["Properties"]
    named = {value["Ref"] for value in machine["DefinitionSubstitutions"].values()} - {"AWS::Partition"}
    assert {tier_of(name) for name in named} == {"query", "configuration"}


def test_nothing_is_prepared_on_schedule_unless_asked_for() -> None:
    declared = read_document(PROJECT / "template.yaml")
    assert declared["Parameters"]["PrepareScheduleExpression"]["Default"] == ""
    for name in ("PrepareSchedule", "PrepareScheduleRole"):
        assert declared["Resources"][name]["Condition"] == "HasPrepareSchedule"


def test_only_the_launch_role_starts_recoveries_and_no_role_starts_or_stops_any_instance() -> None:
    can = {tier for tier in TIERS for s in role_statements(tier) if "drs:StartRecovery" in s.actions}
    assert can == {"execution/launch"}
    for statement in [s for tier in EXECUTION for s in role_statements(tier)]:
        if {"ec2:StartInstances", "ec2:StopInstances"} & set(statement.actions):
            tagged = statement.condition.get("StringEquals") == TAGGED["StringEquals"]
            assert tagged or statement.condition == {"Null": OF_DRS}


DESTRUCTIVE = ("Terminate", "Delete", "Disconnect", "StopReplication", "Detach")
OF_LAUNCHES = {
    "ec2:DeleteLaunchTemplateVersions",
    "ec2:DeleteSnapshot",
    "ec2:DeleteVolume",
    "ec2:DetachVolume",
}
"""What DRS does in a launch as the caller of StartRecovery: with what it made itself, or with the target."""


def test_only_the_retire_role_can_destroy() -> None:
    for tier in TIERS:
        allowed = [s for s in role_statements(tier) if s.effect == "Allow"]
        found = {
            (action, s.forwarded)
            for s in allowed
            for action in s.actions
            if action.split(":")[1].startswith(DESTRUCTIVE)
        }
        if tier == "execution/retire":
            assert {"drs:TerminateRecoveryInstances", "ec2:DeleteVolume"} <= {action for action, _ in found}
        else:
            assert found <= {(action, True) for action in OF_LAUNCHES}


@pytest.mark.parametrize("tier", EXECUTION)
def test_what_drs_did_not_create_is_never_terminated_whatever_is_attached_later(tier: str) -> None:
    statements = [s for s in role_statements(tier) if "ec2:TerminateInstances" in s.actions]
    denied = {s.sid: s for s in statements if s.effect == "Deny"}
    assert denied["NeverTerminateAPair"].condition == TAGGED
    made_by_others = dict.fromkeys(OF_DRS, "true")
    assert denied["NeverTerminateWhatDrsDidNotCreate"].condition == {"Null": made_by_others}
    assert all(statement.resources == ("*",) for statement in denied.values())


def test_only_drs_terminates_and_only_what_it_created() -> None:
    statements = [s for s in role_statements("execution/retire") if "ec2:TerminateInstances" in s.actions]
    [allowed] = [s for s in statements if s.effect == "Allow"]
    assert allowed.condition["Null"] == OF_DRS
    assert allowed.condition["ForAnyValue:StringEquals"] == {"aws:CalledVia": "drs.amazonaws.com"}


def test_our_own_code_deletes_only_volumes_with_our_tag_and_sets_no_other_tag() -> None:
    roles = [s for tier in EXECUTION for s in role_statements(tier)]
    own = [s for s in roles if s.effect == "Allow" and not s.forwarded]
    [deleting] = [s for s in own if "ec2:DeleteVolume" in s.actions]
    assert deleting.condition == {"Null": {"aws:ResourceTag/drs-orchestrator:detached-from": "false"}}
    keys = {
        s.resources[0].rsplit(":", 1)[-1]: s.condition["ForAllValues:StringEquals"]["aws:TagKeys"]
        for s in own
        if "ec2:CreateTags" in s.actions
    }
    assert keys == {
        "instance/*": ["AWSDRS"],
        "volume/*": ["drs-orchestrator:detached-from"],
        "snapshot/*": ["drs-orchestrator:snapshot-of"],
    }


# --- every policy


@pytest.mark.parametrize("statement", every_statement(), ids=lambda s: f"{s.sid or s.actions[0]}")
def test_actions_are_named_and_so_is_every_resource_that_can_be(statement: Statement) -> None:
    assert not [action for action in statement.actions if "*" in action]
    if statement.effect == "Allow" and "*" in statement.resources:
        assert not [action for action in statement.actions if takes_resource(action)]


@pytest.mark.parametrize("tier", TIERS)
def test_a_member_role_trusts_only_its_tier_and_only_with_the_external_id(tier: str) -> None:
    role = member().resolve(member().resources[role_name(tier)]["Properties"])
    assert role["RoleName"] == f"drs-orchestrator-{tier.replace('/', '-')}"
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": "arn:aws:iam::999988887777:root"}
    assert trust["Action"] == "sts:AssumeRole"
    assert trust["Condition"] == {
        "StringEquals": {"sts:ExternalId": "an-external-id"},
        "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::999988887777:role/drs-orchestrator/{tier}/*"},
    }


def test_an_external_id_can_be_rotated_without_a_gap() -> None:
    """The trust takes a list of values: IAM allows any of them (IAM user guide, multi-value conditions)."""
    declared = read_document(PROJECT / "member-account.yaml")["Parameters"]["ExternalId"]
    assert declared["Type"] == "CommaDelimitedList"
    ours = read_document(PROJECT / "template.yaml")["Parameters"]["ExternalId"]
    for value, fits in (("a-long-secret-value", True), ("short", False), ("long,with,commas", False)):
        assert bool(re.search(declared["AllowedPattern"], value)) == fits
        assert bool(re.search(ours["AllowedPattern"], value) and len(value) >= ours["MinLength"]) == fits


def test_member_accounts_give_five_roles_and_pass_on_what_drs_reports_of_launches() -> None:
    assert {name: r["Type"] for name, r in member().resources.items()} == {
        **{role_name(tier): "AWS::IAM::Role" for tier in TIERS},
        "EventsRole": "AWS::IAM::Role",
        "LaunchResults": "AWS::Events::Rule",
    }


def test_what_drs_reports_goes_to_the_function_that_takes_note_and_nowhere_else() -> None:
    """From the rule of a member account by its role through the policy of our bus to the function's rule."""
    bus = "arn:aws:events:us-east-1:999988887777:event-bus/virtual-events"
    account = member()
    [forwarding] = account.rules()
    assert forwarding.buses == (bus,)
    [target] = account.resolve(account.resources["LaunchResults"]["Properties"]["Targets"])
    role = account.resolve(account.resources["EventsRole"]["Properties"])
    assert target["RoleArn"] == f"arn:aws:iam::{RECOVERY}:role/{role['RoleName']}"
    [statement] = [s for policy in role["Policies"] for s in statements(account, policy["PolicyDocument"])]
    assert (statement.actions, statement.resources) == (("events:PutEvents",), (bus,))
    properties = orchestration().resources["MemberEvents"]["Properties"]
    allowed = properties["Statement"]
    assert orchestration().resolve(allowed["Resource"]) == bus
    assert allowed["Principal"] == {"AWS": {"Ref": "MemberAccountIds"}}
    heard, own = (
        next(
            rule
            for rule in orchestration().rules()
            if rule.functions == ("RecordLaunchEventFunction",) and rule.own_bus == ours
        )
        for ours in (True, False)
    )
    assert heard.pattern == own.pattern == forwarding.pattern
    [source], [kind] = heard.pattern["source"], heard.pattern["detail-type"]
    condition = allowed["Condition"]["ForAllValues:StringEquals"]
    assert condition == {"events:source": source, "events:detail-type": kind}
    assert allowed["Condition"]["Null"] == {"events:source": "false"}, "no source is no permission"


def test_roles_are_made_once_for_an_account_and_the_rule_in_every_region() -> None:
    resources = member().resources
    assert {resources[role_name(tier)]["Condition"] for tier in TIERS} == {"MakesRoles"}
    assert resources["EventsRole"]["Condition"] == "MakesEventsRole"
    assert resources["LaunchResults"]["Condition"] == "SendsEvents"


# --- policies that several roles have

ADDED_BY_SAM = 2
"""AWSLambdaBasicExecutionRole and AWSXRayDaemonWriteAccess."""


def test_a_statement_that_more_than_three_roles_have_is_a_policy_of_its_own() -> None:
    inline = [
        policy
        for found in properties(orchestration(), "AWS::Serverless::Function", MACHINES).values()
        for policy in found["Policies"]
        if "Ref" not in policy
    ]
    counts = Counter(str(s) for policy in inline for s in statements(orchestration(), policy))
    repeated = [statement for statement, count in counts.items() if count > 3]
    assert not repeated


@pytest.mark.parametrize("name", shared_policies())
def test_a_shared_policy_is_one_that_several_roles_have(name: str) -> None:
    assert len([holder for holder, names in holders().items() if name in names]) >= 2


def test_no_role_has_more_managed_policies_than_iam_attaches() -> None:
    assert max(len(names) for names in holders().values()) + ADDED_BY_SAM <= 10


# --- state machines


@pytest.mark.parametrize("name", properties(orchestration(), MACHINES))
def test_a_machine_may_invoke_exactly_the_functions_that_it_names(name: str) -> None:
    machine = orchestration().resources[name]["Properties"]
    named = {value["Ref"] for value in machine["DefinitionSubstitutions"].values()} - {"AWS::Partition"}
    allowed = {
        resource
        for policy in machine["Policies"]
        for statement in statements(orchestration(), policy)
        for action, resource in statement.grants
        if action in ("lambda:InvokeFunction", "states:StartExecution")
    }
    assert allowed == {orchestration().arn(one) for one in named}
    text = (PROJECT / machine["DefinitionUri"]).read_text("utf-8")
    assert all(f"${{{key}}}" in text for key in machine["DefinitionSubstitutions"])
    assert text.count("${") >= len(named)


def test_no_partition_is_taken_for_granted() -> None:
    """In another partition a machine dies at its first task with States.Runtime, which nothing catches."""
    kinds = ("statemachines/*.json", "shared/**/*.py", "functions/**/*.py", "stacks/*.yaml", "*.yaml")
    files = [path for pattern in kinds for path in PROJECT.glob(pattern)]
    assert len(files) > 100
    assert not [path for path in files if re.search(r"arn:aws[a-z-]*:", path.read_text("utf-8"))]
    text = (PROJECT / "statemachines" / "failover.asl.json").read_text("utf-8")
    gov = json.loads(text.replace("${Partition}", "aws-us-gov"))
    assert gov["States"]["OpenExecution"]["Resource"] == "arn:aws-us-gov:states:::lambda:invoke"


@pytest.mark.parametrize("name", properties(orchestration(), MACHINES))
def test_a_machine_is_traced_and_logged(name: str) -> None:
    machine = orchestration().resources[name]["Properties"]
    assert machine["Tracing"] == {"Enabled": True}
    assert machine["Logging"]["Level"] == "ALL"
    assert machine["Logging"]["Destinations"]
    assert machine["RolePath"] == "/drs-orchestrator/workflow/"
    assert "Definition" not in machine


# --- data


@pytest.mark.parametrize("name", properties(orchestration(), "AWS::DynamoDB::Table"))
def test_a_table_is_encrypted_recoverable_and_kept(name: str) -> None:
    resource = orchestration().resources[name]
    table = resource["Properties"]
    assert table["SSESpecification"]["SSEEnabled"]
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", properties(orchestration(), "AWS::S3::Bucket"))
def test_a_bucket_is_encrypted_private_and_tls_only(name: str) -> None:
    bucket = orchestration().resources[name]["Properties"]
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    policies = properties(orchestration(), "AWS::S3::BucketPolicy").values()
    [policy] = [policy for policy in policies if policy["Bucket"] == {"Ref": name}]
    [statement] = statements(orchestration(), policy["PolicyDocument"])
    assert (statement.effect, statement.condition) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_topics_queues_and_logs_are_encrypted_or_kept_for_a_time() -> None:
    template = orchestration()
    topics = properties(template, "AWS::SNS::Topic")
    assert all(topics[name]["KmsMasterKeyId"] for name in topics if name != "AlarmsTopic")
    assert all(q["SqsManagedSseEnabled"] for q in properties(template, "AWS::SQS::Queue").values())
    groups = properties(template, "AWS::Logs::LogGroup")
    assert groups
    assert all(group["RetentionInDays"] == {"Ref": "RetentionDays"} for group in groups.values())
    assert template.globals["LoggingConfig"]["LogGroup"]["Ref"] in groups


def test_no_event_is_lost() -> None:
    events = [event for f in functions().values() for event in f.get("Events", {}).values()]
    assert events
    for event in events:
        assert event["Properties"]["RetryPolicy"]["MaximumRetryAttempts"] > 0
        assert event["Properties"]["DeadLetterConfig"]["Arn"]


# --- names

NAME_LIMITS = {
    ("AWS::Events::EventBus", "Name"): 256,
    ("AWS::Scheduler::ScheduleGroup", "Name"): 64,
    ("AWS::Serverless::Function", "FunctionName"): 64,
    ("AWS::Serverless::LayerVersion", "LayerName"): 140,
    ("AWS::Serverless::StateMachine", "Name"): 80,
}
"""What names that hold the stack's may be long (API references of the services)."""


def named_after_the_stack() -> Iterator[tuple[str, str, int]]:
    """Logical id, what is added to the stack's name, and how long the whole may be."""
    for name, resource in orchestration().resources.items():
        for key, value in resource.get("Properties", {}).items():
            text = value.get("Fn::Sub") if isinstance(value, dict) else None
            if key.endswith("Name") and isinstance(text, str) and text.startswith("${AWS::StackName}"):
                yield name, text.removeprefix("${AWS::StackName}"), NAME_LIMITS[resource["Type"], key]


def test_a_stack_name_that_is_too_long_is_refused_before_anything_that_is_kept_is_made() -> None:
    spaces = {name: limit - len(added) for name, added, limit in named_after_the_stack()}
    assert len(spaces) >= 7
    assert spaces["Schedules"] == min(spaces.values()) == 46
    kept = {n: r for n, r in orchestration().resources.items() if r.get("DeletionPolicy") == "Retain"}
    assert len(kept) == 5
    assert all(resource["DependsOn"] == "Schedules" for resource in kept.values())


def test_logs_are_kept_for_a_time_that_cloudwatch_knows() -> None:
    declared = read_document(PROJECT / "template.yaml")["Parameters"]["RetentionDays"]
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::Logs::LogGroup").schema
    assert declared["AllowedValues"] == schema["properties"]["RetentionInDays"]["enum"]
    assert declared["Default"] in declared["AllowedValues"]


# --- nested stacks


def test_alarms_are_on_lost_events_and_on_functions_that_no_machine_retries() -> None:
    alarms = orchestration().resolve(properties(orchestration(), "AWS::CloudWatch::Alarm"))
    watched = {(a["Namespace"], a["MetricName"], a["Dimensions"][0]["Value"]) for a in alarms.values()}
    assert watched == {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", orchestration().ref("DeadLetterQueue")),
        *(
            ("AWS/Lambda", "Errors", name)
            for name, function in functions().items()
            # A launch event is a hint: the waves poll, too.
            if function.get("Events") and name != "RecordLaunchEventFunction"
        ),
    }
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [orchestration().arn("AlarmsTopic")]
        assert alarm["TreatMissingData"] == "notBreaching"


def test_the_alarms_topic_is_one_that_cloudwatch_can_publish_to() -> None:
    """It cannot use the key alias/aws/sns (CloudWatch user guide, Amazon SNS topics of alarms)."""
    assert "KmsMasterKeyId" not in properties(orchestration(), "AWS::SNS::Topic")["AlarmsTopic"]


def test_what_deletes_tags_or_terminates_is_off_unless_a_parameter_says_otherwise() -> None:
    document = read_document(PROJECT / "member-account.yaml")
    parameters, conditions = document["Parameters"], document["Conditions"]
    found = {
        statement["Sid"]: statement["Effect"]["Fn::If"]
        for role in document["Resources"].values()
        for policy in role["Properties"].get("Policies", ())
        for statement in policy["PolicyDocument"]["Statement"]
        if isinstance(statement["Effect"], dict)
    }
    assert set(found) == {
        "TagForLaunchingInto",
        "TagDetachedVolumes",
        "RemoveDetachedVolumes",
        "TerminateRecoveryInstances",
    }
    for condition, *effects in found.values():
        [reference, value] = conditions[condition]["Fn::Equals"]
        assert effects == ["Allow", "Deny"]
        assert value == "true"
        assert parameters[reference["Ref"]]["Default"] == "false"


def test_run_command_is_limited_to_documents_that_the_account_names() -> None:
    document = read_document(PROJECT / "member-account.yaml")
    defaults = {name: one.get("Default") for name, one in document["Parameters"].items()}
    assert (defaults["SsmDocuments"], defaults["SharedSsmDocuments"]) == ("drs-orchestrator-*", "none")
    [running] = [s for s in role_statements("execution/stop") if s.sid == "RunDocuments"]
    documents = {resource.rsplit("/", 1)[-1] for resource in running.resources}
    assert documents == {"drs-orchestrator-*", "AWS-RunShellScript"}, "as the tests deploy it"


def test_only_functions_that_assume_a_role_have_the_external_id_and_no_console_shows_it() -> None:
    assuming = {
        name
        for name, function in functions().items()
        if any(str(policy.get("Ref", "")).startswith("Assume") for policy in function.get("Policies", ()))
    }
    given = {
        name
        for name, function in functions().items()
        if "EXTERNAL_ID" in function.get("Environment", {}).get("Variables", {})
    }
    assert given == assuming
    document = read_document(PROJECT / "template.yaml")
    assert "EXTERNAL_ID" not in document["Globals"]["Function"]["Environment"]["Variables"]
    for page in ("template.yaml", "member-account.yaml"):
        assert read_document(PROJECT / page)["Parameters"]["ExternalId"]["NoEcho"] is True


def test_every_table_takes_the_key_of_the_operator() -> None:
    tables = properties(orchestration(), "AWS::DynamoDB::Table")
    for name, table in tables.items():
        key = table["SSESpecification"]["KMSMasterKeyId"]
        assert key["Fn::If"] == ["HasTablesKey", {"Ref": "TablesKeyArn"}, {"Ref": "AWS::NoValue"}], name
