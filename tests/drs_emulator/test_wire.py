"""The wire format, proven with boto3 as the client: routing, validation, error shapes, response checks."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from drs_emulator import Caller, DrsEmulator, Request, Response
from drs_emulator.operations import OPERATIONS
from drs_emulator.wire import service_model
from tests.drs_emulator.world import ACCOUNT, REGION, World

NOT_EMULATED = sorted(set(service_model.service_model().operation_names) - set(OPERATIONS))
MODELLED_UNINITIALIZED = sorted(
    name for name in OPERATIONS if service_model.can_raise(name, "UninitializedAccountException")
)
SAMPLES = {
    "recoveryPlanExecutionArn": "arn:aws:drs:us-east-2:444455556666:recovery-plan/rp-1/execution/rpe-1",
    "sourceServerID": "s-00000000000000000",
    "recoveryInstanceID": "i-00000000000000000",
    "recoveryInstanceIDs": ["i-00000000000000000"],
    "sourceServers": [{"sourceServerID": "s-00000000000000000"}],
    "jobID": "drsjob-00000000000000000",
    "stagingAccountID": "333333333333",
    "sourceServerArn": "arn:aws:drs:us-east-2:333333333333:source-server/s-00000000000000000",
    "launchConfigurationTemplateID": "lct-00000000000000000",
    "replicationConfigurationTemplateID": "rct-00000000000000000",
    "stagingAreaSubnetId": "subnet-00000000000000000",
    "replicationServersSecurityGroupsIDs": [],
    "ebsEncryption": "DEFAULT",
    "bandwidthThrottling": 0,
    "stagingAreaTags": {},
    "pitPolicy": [{"units": "DAY", "interval": 1, "retentionDuration": 7}] * 3,
}


def send(world: World, method: str, path: str, body: bytes = b"") -> Response:
    return world.drs.handle(Request(method, path, {}, {}, body, Caller(ACCOUNT, REGION, ACCOUNT)))


def sample_body(operation: str) -> bytes:
    shape = service_model.operation_model(operation).input_shape
    required = shape.required_members if shape else []
    return json.dumps({name: SAMPLES[name] for name in required if name in SAMPLES}).encode()


def test_all_that_failover_and_failback_need_is_there() -> None:
    wanted = """InitializeService DescribeSourceServers GetLaunchConfiguration UpdateLaunchConfiguration
    CreateLaunchConfigurationTemplate DescribeLaunchConfigurationTemplates UpdateLaunchConfigurationTemplate
    DeleteLaunchConfigurationTemplate GetReplicationConfiguration UpdateReplicationConfiguration
    DescribeReplicationConfigurationTemplates CreateReplicationConfigurationTemplate
    UpdateReplicationConfigurationTemplate DeleteReplicationConfigurationTemplate DescribeRecoverySnapshots
    StartRecovery DescribeJobs DescribeJobLogItems DeleteJob DescribeRecoveryInstances
    TerminateRecoveryInstances DisconnectRecoveryInstance DeleteRecoveryInstance StartReplication
    StopReplication DisconnectSourceServer DeleteSourceServer ListTagsForResource TagResource UntagResource
    ReverseReplication StopFailback StartFailbackLaunch GetFailbackReplicationConfiguration
    UpdateFailbackReplicationConfiguration ListStagingAccounts ListExtensibleSourceServers
    CreateExtendedSourceServer ListRecoveryPlanExecutions ListRecoveryPlanExecutionSteps
    CancelRecoveryPlanExecution"""
    assert set(OPERATIONS) == set(wanted.split())


@pytest.mark.parametrize("operation", NOT_EMULATED)
def test_other_operations_of_the_model_say_that_they_are_not_emulated(operation: str) -> None:
    world = World()
    world.server()
    http = service_model.operation_model(operation).http
    shape = service_model.operation_model(operation).input_shape
    response = send(world, http["method"], http["requestUri"], b"{}")
    if shape is not None and shape.required_members:
        assert response.status == 400, "checked like any other"
    else:
        assert response.status == 501
        assert response.headers["x-amzn-errortype"] == "NotEmulatedException"
        assert operation in json.loads(response.body)["message"]


def test_a_not_emulated_operation_reaches_boto3_as_an_error_that_names_it() -> None:
    world = World()
    with pytest.raises(ClientError, match="DescribeSourceNetworks is a DRS operation") as refusal:
        world.client.describe_source_networks()
    assert refusal.value.response["Error"]["Code"] == "NotEmulatedException"


@pytest.mark.parametrize("operation", MODELLED_UNINITIALIZED)
def test_an_account_that_is_not_initialized_is_refused(operation: str) -> None:
    method = service_model.operation_model(operation).http["method"]
    response = send(World(), method, f"/{operation}", sample_body(operation))
    assert response.status == 400
    assert response.headers["x-amzn-errortype"] == "UninitializedAccountException"
    assert json.loads(response.body)["code"] == "UninitializedAccountException"


def test_an_account_is_initialized_in_one_region_only() -> None:
    world = World()
    world.client.initialize_service()
    assert world.client.describe_source_servers()["items"] == []
    elsewhere = world.make_client(region="us-east-1")
    with pytest.raises(elsewhere.exceptions.UninitializedAccountException):
        elsewhere.describe_source_servers()


def test_an_unknown_operation_is_a_validation_error_with_its_reason() -> None:
    response = send(World(), "POST", "/MakeCoffee")
    assert (response.status, json.loads(response.body)["reason"]) == (400, "unknownOperation")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_no_json_object_cannot_be_parsed(body: bytes) -> None:
    response = send(World(), "POST", "/DescribeJobs", body)
    assert (response.status, json.loads(response.body)["reason"]) == (400, "cannotParse")
    assert response.headers["x-amzn-errortype"] == "ValidationException"


@pytest.mark.parametrize(
    ("operation", "body", "fields"),
    [
        ("GetLaunchConfiguration", {}, ["sourceServerID"]),
        ("GetLaunchConfiguration", {"sourceServerID": None}, ["sourceServerID"]),
        ("GetLaunchConfiguration", {"sourceServerID": "s-1"}, ["sourceServerID", "sourceServerID"]),
        ("GetLaunchConfiguration", {"sourceServerID": 5}, ["sourceServerID"]),
        ("DescribeJobs", {"maxResults": 0}, ["maxResults"]),
        ("DescribeJobs", {"maxResults": True}, ["maxResults"]),
        ("DescribeJobs", {"filters": {"fromDate": "2026-01-01"}}, ["filters.fromDate"] * 2),
        ("StartRecovery", {"sourceServers": []}, ["sourceServers"]),
        ("StartRecovery", {"sourceServers": [{}]}, ["sourceServers.1.member.sourceServerID"]),
        (
            "UpdateLaunchConfiguration",
            {"sourceServerID": "s-00000000000000000", "launchDisposition": "MAYBE", "copyTags": "yes"},
            ["launchDisposition", "copyTags"],
        ),
        (
            "UpdateLaunchConfiguration",
            {
                "sourceServerID": "s-00000000000000000",
                "launchIntoInstanceProperties": {"launchIntoEC2InstanceID": "web-1"},
            },
            ["launchIntoInstanceProperties.launchIntoEC2InstanceID"],
        ),
    ],
)
def test_a_request_is_checked_by_the_model(
    operation: str, body: dict[str, object], fields: list[str]
) -> None:
    response = send(World(), "POST", f"/{operation}", json.dumps(body).encode())
    answer = json.loads(response.body)
    assert (response.status, answer["code"], answer["reason"]) == (
        400,
        "ValidationException",
        "fieldValidationFailed",
    )
    assert [item["name"] for item in answer["fieldList"]] == fields
    assert answer["message"].startswith(f"{len(fields)} validation error")


def test_unknown_members_of_a_request_are_ignored() -> None:
    world = World()
    world.client.initialize_service()
    assert send(world, "POST", "/DescribeJobs", b'{"colour": "blue"}').status == 200


def test_every_answer_carries_a_request_id_and_errors_their_type() -> None:
    world = World()
    world.client.initialize_service()
    with pytest.raises(world.client.exceptions.ResourceNotFoundException) as refusal:
        world.client.get_launch_configuration(sourceServerID="s-00000000000000000")
    ids = [response.headers["x-amzn-requestid"] for response in world.responses]
    assert len(set(ids)) == 2
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert refusal.value.response["resourceType"] == "SOURCE_SERVER"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ValidationException", 400),
        ("UninitializedAccountException", 400),
        ("ServiceQuotaExceededException", 402),
        ("AccessDeniedException", 403),
        ("ResourceNotFoundException", 404),
        ("ConflictException", 409),
        ("ThrottlingException", 429),
        ("InternalServerException", 500),
    ],
)
def test_every_modelled_error_reaches_boto3_as_its_class(code: str, status: int) -> None:
    world = World()
    world.client.initialize_service()
    world.fault("ERROR", operation="DescribeJobs", code=code, message="as asked")
    with pytest.raises(getattr(world.client.exceptions, code), match="as asked") as refusal:
        world.client.describe_jobs()
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_success_codes_are_those_of_the_model() -> None:
    world = World()
    world.client.initialize_service()
    world.client.create_launch_configuration_template()
    server = world.server()
    world.start(server)
    assert [response.status for response in world.responses] == [204, 201, 202]
    assert world.responses[0].body == b""


def test_an_answer_that_does_not_fit_the_model_is_not_sent() -> None:
    assert service_model.response_problems("DescribeJobs", {"items": [{"jobID": "drsjob-1"}]})
    assert service_model.response_problems("DescribeJobs", {"items": [], "colour": "blue"})
    assert service_model.response_problems("TagResource", {"colour": "blue"})
    assert service_model.response_problems("DescribeJobs", {"items": []}) == []


def test_answers_may_differ_from_the_model_where_the_real_service_does() -> None:
    item = {"logDateTime": "2026-01-01T10:00:00.846723+00:00", "event": "LAUNCH_END", "eventData": {}}
    assert service_model.response_problems("DescribeJobLogItems", {"items": [item]}) == []
    item["event"] = "JOB_FAILED"
    assert service_model.response_problems("DescribeJobLogItems", {"items": [item]})


class BrokenEc2:
    def client(self, *_: object) -> object:
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "no"}}, "DescribeInstances")


def test_an_ec2_that_fails_drs_itself_is_an_internal_error() -> None:
    world = World()
    world.drs = DrsEmulator(world.clock, BrokenEc2(), world.events)
    server = world.server()
    with pytest.raises(world.client.exceptions.InternalServerException, match="ServiceUnavailable"):
        world.client.update_launch_configuration(
            sourceServerID=server,
            launchIntoInstanceProperties={"launchIntoEC2InstanceID": "i-00000000000000000"},
        )
