"""Whatever a task does not explain itself ends in an error that the state machines know."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shared.aws.errors import AwsCallError, AwsUnavailableError, ThrottledError
from shared.settings import QuerySettings
from shared.task import Run, TaskInputError, task
from tests.handlers.estate import environment


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "made to fail"}}, "Query")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refused("ThrottlingException"), ThrottledError),
        (refused("ProvisionedThroughputExceededException"), ThrottledError),
        (refused("TransactionConflictException"), AwsUnavailableError),
        (refused("InternalServerError"), AwsUnavailableError),
        (EndpointConnectionError(endpoint_url="https://dynamodb"), AwsUnavailableError),
        (TaskInputError("no field"), TaskInputError),
    ],
)
def test_an_error_of_our_own_services_is_worth_another_try(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception]
) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)

    @task(QuerySettings)
    def handler(run: Run[QuerySettings]) -> dict[str, Any]:
        raise error

    with pytest.raises(expected) as raised:
        handler({}, None)
    if issubclass(expected, AwsCallError):
        assert str(raised.value).startswith("test_task in the orchestration account failed:")
