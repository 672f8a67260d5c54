"""Whatever a task does not explain itself ends in an error that the state machines know."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shared.aws.errors import AwsCallError, AwsUnavailableError, ThrottledError
from shared.settings import QuerySettings
from shared.task import Run, TaskInputError, task
from tests.handlers.estate import environment, forget_clients


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """What a task keeps for warm invocations here has no credentials: no other test may find it."""
    forget_clients()
    yield
    forget_clients()


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "made to fail"}}, "Query")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refused("ThrottlingException"), ThrottledError),
        (refused("ProvisionedThroughputExceededException"), ThrottledError),
        (refused("TransactionConflictException"), ThrottledError),
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


def test_a_read_that_waits_blocks_no_other_task_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Up to Python 3.11 ``functools.cached_property`` has one lock for all instances."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    first_reads, second_done = Event(), Event()

    def opened(store: Any, execution_id: str) -> Any:
        if execution_id == "first":
            first_reads.set()
            assert second_done.wait(10), "the second task waits for the first one's read"
        return execution_id

    monkeypatch.setattr("shared.task.opened", opened)

    @task(QuerySettings)
    def handler(run: Run[QuerySettings]) -> dict[str, Any]:
        return {"execution": run.execution}

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(handler, {"executionId": "first"}, None)
        assert first_reads.wait(10)
        with ThreadPoolExecutor(1) as other:
            second = other.submit(handler, {"executionId": "second"}, None)
            try:
                assert second.result(5) == {"execution": "second"}
            finally:
                second_done.set()
        assert first.result(10) == {"execution": "first"}
