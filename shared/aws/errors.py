"""AWS failures as error classes whose names the state machines retry or catch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from shared.rules.drs.drs_error_handler import Explanation, explain


class AwsCallError(Exception):
    """An AWS call failed. The message names the call, the scope, the message of AWS, and the remedy."""

    def __init__(self, message: str, code: str, explanation: Explanation) -> None:
        super().__init__(message)
        self.code = code
        self.explanation = explanation


class ThrottledError(AwsCallError):
    """AWS asked us to slow down; nothing happened. Retried by the state machines."""


class AwsUnavailableError(AwsCallError):
    """AWS could not be reached or failed inside; a read may be repeated. Retried by the state machines."""


class AccessDeniedError(AwsCallError):
    """A role, its trust or its policy is missing something. Not worth retrying."""


class OutcomeUnknownError(AwsCallError):
    """A call without client token ended without an answer: it may have taken effect."""


@contextmanager
def calling(operation: str, where: str, *, has_effect: bool = False) -> Iterator[None]:
    """Turn botocore's exceptions into the classes above.

    ``has_effect`` marks calls that must not be repeated blindly: with those, a lost answer is an
    ``OutcomeUnknownError`` instead of an ``AwsUnavailableError``.
    """
    try:
        yield
    except ClientError as error:
        code = error.response["Error"].get("Code", "Unknown")
        text = error.response["Error"].get("Message", "")
        raise _classify(operation, where, code, text, has_effect) from error
    except (HTTPClientError, ConnectionError) as error:
        raise _classify(operation, where, type(error).__name__, str(error), has_effect) from error
    except BotoCoreError as error:
        raise _classify(operation, where, type(error).__name__, str(error), False) from error


def refusal(operation: str, where: str, call: Callable[[], object]) -> AwsCallError | None:
    """Make a call; the error if the service refuses what is asked for.

    Raises ThrottledError, and any error without an answer: neither is about what is asked for.
    """
    try:
        with calling(operation, where):
            call()
    except ThrottledError:
        raise
    except AwsCallError as error:
        if not isinstance(error.__cause__, ClientError):
            raise
        return error
    return None


def _classify(operation: str, where: str, code: str, text: str, has_effect: bool) -> AwsCallError:
    explanation = explain(code, text, operation)
    message = f"{operation} in {where} failed: {code}: {text} — {explanation.remedy}"
    kind = explanation.kind
    if kind == "THROTTLED":
        return ThrottledError(message, code, explanation)
    if kind == "DENIED":
        return AccessDeniedError(message, code, explanation)
    if kind in ("UNKNOWN_OUTCOME", "INTERNAL"):
        error = OutcomeUnknownError if has_effect else AwsUnavailableError
        return error(message, code, explanation)
    return AwsCallError(message, code, explanation)
