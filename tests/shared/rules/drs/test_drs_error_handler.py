"""Every error gets a kind, a remedy, and an honest word on whether the call may be repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rules.drs.drs_error_handler import ErrorKind, explain, explain_raw_error
from shared.rules.drs.drs_error_table import BY_CODE, BY_MESSAGE, RAW_ERRORS

BUSY = "One or more of the Source Servers included in API call are currently being processed by a Job"
MISMATCH = (
    "You cannot define the EC2 instance i-1 as … ID as is has conflicting instance settings to those of …"
)


@pytest.mark.parametrize(
    ("code", "message", "operation", "kind", "retryable", "word"),
    [
        ("ThrottlingException", "Rate exceeded", "DescribeJobs", ErrorKind.THROTTLED, True, "fewer"),
        ("RequestLimitExceeded", "", "DescribeInstances", ErrorKind.THROTTLED, True, "fewer"),
        ("ServiceQuotaExceededException", "", "StartRecovery", ErrorKind.QUOTA, True, "20 jobs"),
        ("VcpuLimitExceeded", "", "StartInstances", ErrorKind.QUOTA, True, "Service Quotas"),
        ("ConflictException", BUSY, "StartRecovery", ErrorKind.BUSY, True, "other job"),
        ("ConflictException", "", "StartRecovery", ErrorKind.BUSY, True, "other job"),
        (
            "ConflictException",
            "The instance i-1 is running, it must be stopped to launch into it",
            "StartRecovery",
            ErrorKind.NOT_STOPPED,
            False,
            "Stop the target",
        ),
        ("IncorrectInstanceState", "", "StartInstances", ErrorKind.NOT_STOPPED, False, "Stop the target"),
        ("AccessDeniedException", "", "DescribeSourceServers", ErrorKind.DENIED, False, "member-account"),
        (
            "AccessDenied",
            "is not authorized to perform: sts:AssumeRole",
            "AssumeRole",
            ErrorKind.DENIED,
            False,
            "role",
        ),
        ("UnauthorizedOperation", "it must be stopped", "StopInstances", ErrorKind.DENIED, False, "role"),
        ("ResourceNotFoundException", "", "GetLaunchConfiguration", ErrorKind.NOT_FOUND, False, "exists"),
        ("InvalidInstanceID.NotFound", "", "DescribeInstances", ErrorKind.NOT_FOUND, False, "exists"),
        (
            "ValidationException",
            MISMATCH,
            "UpdateLaunchConfiguration",
            ErrorKind.INVALID,
            False,
            "architecture",
        ),
        ("ValidationException", "x", "StartRecovery", ErrorKind.INVALID, False, "request is wrong"),
        ("UninitializedAccountException", "", "DescribeJobs", ErrorKind.INVALID, False, "initialize-service"),
        ("InvalidParameterValue", "", "StartInstances", ErrorKind.INVALID, False, "request is wrong"),
        ("InsufficientInstanceCapacity", "", "StartInstances", ErrorKind.CAPACITY, True, "no capacity"),
        ("ReadTimeoutError", "", "StartRecovery", ErrorKind.UNKNOWN_OUTCOME, False, "DescribeJobs"),
        ("ReadTimeoutError", "", "DescribeJobs", ErrorKind.UNKNOWN_OUTCOME, True, "did not answer"),
        ("InternalServerException", "", "ReverseReplication", ErrorKind.INTERNAL, False, "taken effect"),
        ("InternalServerException", "", "DescribeJobs", ErrorKind.INTERNAL, True, "failed inside"),
        ("EndpointConnectionError", "", "DescribeJobs", ErrorKind.INTERNAL, True, "Region"),
        ("com.amazonaws.drs#ConflictException:http://x", "", "StartRecovery", ErrorKind.BUSY, True, "job"),
        ("ANewException", "", "StartRecovery", ErrorKind.INTERNAL, False, "ANewException"),
        ("", "", "StartRecovery", ErrorKind.INTERNAL, False, "the error"),
    ],
)
def test_what_an_error_means(
    code: str, message: str, operation: str, kind: ErrorKind, retryable: bool, word: str
) -> None:
    explanation = explain(code, message, operation)
    assert explanation.kind is kind
    assert explanation.retryable is retryable
    assert word in explanation.remedy


DRS_ERRORS = [
    "ValidationException",
    "UninitializedAccountException",
    "ServiceQuotaExceededException",
    "AccessDeniedException",
    "ResourceNotFoundException",
    "ConflictException",
    "ThrottlingException",
    "InternalServerException",
]


@pytest.mark.parametrize("code", DRS_ERRORS)
def test_every_error_of_the_drs_service_model_is_in_the_table(code: str) -> None:
    assert code.removesuffix("Exception") in BY_CODE


CODES = st.sampled_from(sorted(BY_CODE)) | st.text(max_size=20)
MESSAGES = st.sampled_from([text for texts, _, _ in BY_MESSAGE for text in texts]) | st.text(max_size=40)
OPERATIONS = st.sampled_from(["StartRecovery", "DescribeJobs", "StartInstances", "ReverseReplication"])


@given(code=CODES, message=MESSAGES, operation=OPERATIONS)
def test_every_error_at_all_has_an_answer(code: str, message: str, operation: str) -> None:
    explanation = explain(code, message, operation)
    assert explanation.kind in ErrorKind
    assert explanation.remedy
    if explanation.kind in (ErrorKind.DENIED, ErrorKind.INVALID, ErrorKind.NOT_FOUND):
        assert not explanation.retryable
    if explanation.kind is ErrorKind.UNKNOWN_OUTCOME and operation in ("StartRecovery", "ReverseReplication"):
        assert not explanation.retryable


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Failed to connect using HTTP channel", "443"),
        ("Conversion server launch failed", "vCPU"),
        ("Conversion failed", "boot loader"),
        ("AuthFailure ModifySnapshotAttribute: Not authorized to use key arn:x", "kms:CreateGrant"),
        ("OS BYOL can only be used with EC2 Dedicated Hosts", "BYOL"),
        ("The EBS encryption key could not be found in this account", "KMS key"),
        ("Your IAM user do not have permission for ec2:CreateSecurityGroup", "iam:PassRole"),
        (
            "An error occurred (UnauthorizedOperation) when calling the StartInstances operation: no",
            "iam:PassRole",
        ),
        ("InsufficientInstanceCapacity: none left", "no capacity"),
        ("instance not launched because server lifecycle state is not READY_FOR_TEST", "initial sync"),
        ("AGENT_NOT_SEEN", "agent"),
        ("something never seen", "job log"),
        ("", "job log"),
    ],
)
def test_the_remedy_for_a_raw_error(text: str, word: str) -> None:
    assert word in explain_raw_error(text)


@given(text=st.text() | st.sampled_from([text for texts, _ in RAW_ERRORS for text in texts]))
def test_every_raw_error_at_all_has_a_remedy(text: str) -> None:
    assert explain_raw_error(text)


def test_an_agent_that_has_not_checked_in_is_no_other_job() -> None:
    """The text is of the DRS user guide, failback errors, and of what was observed in the field."""
    text = (
        "The recovery instance has not finished initializing. AWS Replication agent is not connected to DRS."
    )
    explanation = explain("ConflictException", text, "ReverseReplication")
    assert explanation.kind is ErrorKind.BUSY
    assert "agent" in explanation.remedy
    assert "job" not in explanation.remedy
