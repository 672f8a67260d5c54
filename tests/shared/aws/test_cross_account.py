"""Sessions in member accounts: whose role, under which conditions, how many, and for how long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.utils import parse_timestamp

from shared.aws.cross_account import ONCE, STANDARD, MemberAccounts, member_accounts, moment
from shared.aws.errors import AccessDeniedError, calling
from shared.model.scope import Scope
from tests.handlers.estate import ORIGIN, RECOVERY
from tests.handlers.wire import Call, Wire, access_key_of, refused


@pytest.fixture
def accounts(wire: Wire) -> MemberAccounts:
    return MemberAccounts("drs-orchestrator-query", "the-external-id")


def test_the_role_is_assumed_with_the_external_id_in_the_account_of_the_scope(
    accounts: MemberAccounts, wire: Wire
) -> None:
    me = accounts.client("sts", RECOVERY).get_caller_identity()
    [call] = wire.of("AssumeRole")
    assert call.form["RoleArn"] == [f"arn:aws:iam::{RECOVERY.account}:role/drs-orchestrator-query"]
    assert call.form["ExternalId"] == ["the-external-id"]
    assert call.form["RoleSessionName"] == ["drs-orchestrator"]
    assert me["Account"] == RECOVERY.account
    assert me["Arn"].endswith("assumed-role/drs-orchestrator-query/drs-orchestrator")


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn"), ("eusc-de-east-1", "aws-eusc")],
)
def test_the_role_is_of_the_partition_that_the_region_is_in(
    accounts: MemberAccounts, wire: Wire, region: str, partition: str
) -> None:
    accounts.client("ec2", Scope(RECOVERY.account, region)).describe_vpcs()
    [call] = wire.of("AssumeRole")
    assert call.form["RoleArn"] == [f"arn:{partition}:iam::{RECOVERY.account}:role/drs-orchestrator-query"]


def test_nothing_is_assumed_before_it_is_needed(accounts: MemberAccounts, wire: Wire) -> None:
    accounts.client("ec2", RECOVERY)
    assert not wire.of("AssumeRole")


def test_a_scope_has_one_session_for_all_services_calls_and_threads(
    accounts: MemberAccounts, wire: Wire
) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: accounts.client("ec2", RECOVERY).describe_vpcs(), range(8)))
    accounts.client("iam", RECOVERY).list_roles()
    accounts.client("ec2", RECOVERY, ONCE).describe_vpcs()
    assert len(wire.of("AssumeRole")) == 1
    accounts.client("ec2", ORIGIN).describe_vpcs()
    assert len(wire.of("AssumeRole")) == 2


def test_clients_are_kept_and_differ_by_service_scope_and_timeout(accounts: MemberAccounts) -> None:
    client = accounts.client("ec2", RECOVERY)
    assert accounts.client("ec2", RECOVERY, STANDARD) is client
    others = [
        accounts.client("ec2", ORIGIN),
        accounts.client("ec2", RECOVERY, ONCE),
        accounts.client("drs", RECOVERY),
    ]
    assert len({id(client), *map(id, others)}) == 4
    assert client.meta.region_name == RECOVERY.region


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-01T02:03:04.000Z",
        "2026-03-01T02:03:04Z",
        "2026-03-01T02:03:04.123456+00:00",
        "Sun, 01 Mar 2026 02:03:04 GMT",
        1772330584,
        1772330584.5,
    ],
)
def test_timestamps_are_read_as_botocore_reads_them(value: Any) -> None:
    assert moment(value) == parse_timestamp(value)


def test_credentials_are_renewed_before_they_end(accounts: MemberAccounts, wire: Wire) -> None:
    issued: list[str] = []

    def assumed(call: Call) -> AWSResponse:
        # botocore renews what ends within 10 minutes.
        ends = datetime.now(UTC) + timedelta(minutes=60 if issued else 5)
        issued.append(ends.strftime("%Y-%m-%dT%H:%M:%SZ"))
        body = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
            f"<Credentials><AccessKeyId>ASIA{len(issued)}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            f"<SessionToken>t</SessionToken><Expiration>{issued[-1]}</Expiration></Credentials>"
            "</AssumeRoleResult></AssumeRoleResponse>"
        )
        return call.answer(200, body.encode())

    wire.on("sts", "AssumeRole", assumed)
    keys = []
    for _ in range(3):
        accounts.client("ec2", RECOVERY).describe_vpcs()
        keys.append(access_key_of(wire.of("DescribeVpcs")[-1].request))
    assert keys == ["ASIA1", "ASIA2", "ASIA2"] or keys == ["ASIA2", "ASIA2", "ASIA2"]


def test_a_role_that_may_not_be_assumed_is_access_denied(accounts: MemberAccounts, wire: Wire) -> None:
    wire.on("sts", "AssumeRole", refused("AccessDenied", status=403))
    with pytest.raises(AccessDeniedError), calling("DescribeVpcs", str(RECOVERY)):
        accounts.client("ec2", RECOVERY).describe_vpcs()


def test_without_credentials_it_says_what_to_do(
    accounts: MemberAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        with pytest.raises(RuntimeError, match="configure the AWS SDK"):
            accounts.client("ec2", RECOVERY)


def test_warm_invocations_share_the_sessions_of_a_role(wire: Wire) -> None:
    assert member_accounts("query", "x") is member_accounts("query", "x")
    assert member_accounts("query", "x") is not member_accounts("execution", "x")


def test_the_session_has_the_name_of_the_function(
    accounts: MemberAccounts, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "drs-orchestrator-StopTargetsFunction-" + "x" * 40
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", name)
    accounts.client("ec2", RECOVERY).describe_vpcs()
    [call] = wire.of("AssumeRole")
    assert call.form["RoleSessionName"] == [name[:64]]
