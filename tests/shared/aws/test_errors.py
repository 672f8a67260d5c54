"""botocore's exceptions as classes that the state machines retry or catch."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions

from shared.aws.errors import (
    AccessDeniedError,
    AwsCallError,
    AwsUnavailableError,
    OutcomeUnknownError,
    ThrottledError,
    calling,
)

URL: dict[str, Any] = {"endpoint_url": "https://drs.us-east-2.amazonaws.com"}
LOST: list[Exception] = [
    exceptions.ReadTimeoutError(**URL),
    exceptions.ConnectionClosedError(**URL),
    exceptions.HTTPClientError(error="broken"),
    exceptions.ConnectionError(error=OSError("broken")),
]


def client_error(code: str, message: str = "said AWS") -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "StartRecovery")


def raised(error: Exception, *, has_effect: bool) -> AwsCallError:
    with pytest.raises(AwsCallError) as caught, calling("StartRecovery", "here", has_effect=has_effect):
        raise error
    return caught.value


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
def test_a_lost_answer_is_an_unknown_outcome_only_of_calls_with_effect(error: Exception) -> None:
    assert type(raised(error, has_effect=True)) is OutcomeUnknownError
    assert type(raised(error, has_effect=False)) is AwsUnavailableError


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", ThrottledError),
        ("RequestLimitExceeded", ThrottledError),
        ("AccessDeniedException", AccessDeniedError),
        ("UnauthorizedOperation", AccessDeniedError),
        ("ConflictException", AwsCallError),
        ("ServiceQuotaExceededException", AwsCallError),
        ("ValidationException", AwsCallError),
        ("504", OutcomeUnknownError),
        ("InternalServerException", OutcomeUnknownError),
    ],
)
def test_what_aws_answers_decides_the_class(code: str, kind: type[AwsCallError]) -> None:
    error = raised(client_error(code), has_effect=True)
    assert type(error) is kind
    assert error.code == code


def test_a_server_error_of_a_read_may_be_repeated() -> None:
    assert type(raised(client_error("InternalServerException"), has_effect=False)) is AwsUnavailableError


def test_a_call_that_was_never_sent_has_no_unknown_outcome() -> None:
    error = raised(exceptions.ParamValidationError(report="bad"), has_effect=True)
    assert not isinstance(error, OutcomeUnknownError)
    denied = raised(exceptions.NoCredentialsError(), has_effect=True)
    assert type(denied) is AccessDeniedError


def test_the_message_says_what_failed_where_and_what_to_do() -> None:
    error = raised(client_error("ConflictException", "busy"), has_effect=True)
    assert str(error).startswith("StartRecovery in here failed: ConflictException: busy — ")
    assert str(error).endswith(error.explanation.remedy)
    assert isinstance(error.__cause__, exceptions.ClientError)


def test_what_is_no_failure_of_aws_passes() -> None:
    with pytest.raises(KeyError), calling("StartRecovery", "here"):
        raise KeyError("a mistake of ours")
