"""Faults of the AWS calls that functions make, of any service, sampled from the seed.

What a call meets depends on the seed and on what the call asks for, not on the order in which threads happen
to make their calls: the same seed, input and code meet the same faults.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from local.wire import NO_ANSWER, Answer, Call

_TOKEN = re.compile(rb'"ClientRequestToken": ?"([^"]+)"')
"""botocore draws one for each TransactWriteItems; a repeated call has the same."""

Refusal = tuple[int, str, str]
"""Status, error code and message."""


class CallFaultKind(StrEnum):
    """What becomes of a call."""

    THROTTLED = "THROTTLED"
    """It is refused in the service's own words for too many calls; nothing happens."""
    LOST_ANSWER = "LOST_ANSWER"
    """It takes effect, and its answer is an internal error."""
    CONFLICT = "CONFLICT"
    """A write to DynamoDB meets another transaction and is refused; nothing happens."""
    DENIED = "DENIED"
    """It is refused for want of permission."""
    DOWN = "DOWN"
    """The service answers that it is not available; nothing happens."""
    HANGS = "HANGS"
    """No answer comes before the client's time-out; nothing happens."""


@dataclass(frozen=True, slots=True)
class CallFault:
    """A fault in force. What is not given is any; ``times``: how often at most."""

    kind: CallFaultKind
    services: Collection[str] = ()
    operations: Collection[str] = ()
    account: str | None = None
    """For AssumeRole, the account of the role; else that of the caller."""
    region: str | None = None
    probability: float = 1.0
    times: int | None = None

    def concerns(self, call: Call) -> bool:
        """Whether it is about such a call."""
        return (
            (not self.services or call.service in self.services)
            and (not self.operations or call.operation in self.operations)
            and (self.account is None or self.account == _account(call))
            and (self.region is None or self.region == call.region)
            and (self.kind is not CallFaultKind.CONFLICT or call.operation in _CONFLICTS)
        )


class CallFaults:
    """The faults of one cloud's calls."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._faults: dict[int, CallFault] = {}
        self._numbers = itertools.count(1)
        self._seen: Counter[str] = Counter()
        self._done: dict[bytes, Answer] = {}
        self.struck: Counter[tuple[str, str, str]] = Counter()
        """How often each ``(kind, service, operation)`` was met."""

    def add(self, fault: CallFault) -> None:
        """From now on calls meet ``fault``."""
        self._faults[next(self._numbers)] = fault

    def clear(self) -> None:
        """From now on calls meet no faults."""
        self._faults.clear()

    def refusal(self, call: Call) -> Answer | None:
        """The answer to a call that is not to take effect, or that did so before."""
        if (known := self._answered_before(call)) is not None:
            return known
        kind = self._strike(call, before=True)
        if kind is CallFaultKind.HANGS:
            return NO_ANSWER
        return None if kind is None else _error(call, *_REFUSALS[kind](call))

    def answer(self, call: Call, answer: Answer) -> Answer:
        """What the caller gets to see of ``answer``."""
        if answer.status >= 300 or self._strike(call, before=False) is None:
            return answer
        if (token := _TOKEN.search(call.body)) is not None:
            self._done[token[1]] = answer
        return _error(call, 500, _INTERNAL.get(call.service, "InternalFailure"), "made to be lost")

    def _answered_before(self, call: Call) -> Answer | None:
        """A transaction that is repeated with its token is not done twice (DynamoDB API reference)."""
        token = _TOKEN.search(call.body) if self._done else None
        return None if token is None else self._done.get(token[1])

    def _strike(self, call: Call, *, before: bool) -> CallFaultKind | None:
        for number, fault in self._faults.items():
            if before == (fault.kind is CallFaultKind.LOST_ANSWER) or not fault.concerns(call):
                continue
            if fault.times is not None and self._seen[f"{number}"] >= fault.times:
                continue
            if self._draw(number, call) < fault.probability:
                self._seen[f"{number}"] += 1
                self.struck[fault.kind, call.service, call.operation] += 1
                return fault.kind
        return None

    def _draw(self, number: int, call: Call) -> float:
        what = [call.service, call.operation, call.account, call.region, call.path, str(call.query)]
        asked = hashlib.sha256(repr(what).encode() + _TOKEN.sub(b"", call.body)).hexdigest()
        key = f"{number}/{asked}"
        self._seen[key] += 1
        return random.Random(f"{self._seed}/{key}/{self._seen[key]}").random()


_CONFLICTS = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
_INTERNAL = {"dynamodb": "InternalServerError", "drs": "InternalServerException"}
_QUERY = frozenset({"sts", "sns", "iam", "cloudwatch", "cloudformation"})
_THROTTLING: dict[str, tuple[int, str]] = {
    "ec2": (503, "RequestLimitExceeded"),
    "s3": (503, "SlowDown"),
    "drs": (429, "ThrottlingException"),
    "lambda": (429, "TooManyRequestsException"),
    "service-quotas": (400, "TooManyRequestsException"),
    **dict.fromkeys(_QUERY, (400, "Throttling")),
}
"""How each service says it (their API references, common errors); the others say ThrottlingException."""


def _throttled(call: Call) -> Refusal:
    status, code = _THROTTLING.get(call.service, (400, "ThrottlingException"))
    return status, code, "Rate exceeded"


def _denied(call: Call) -> Refusal:
    code = "UnauthorizedOperation" if call.service == "ec2" else "AccessDenied"
    code += "Exception" if call.service not in (*_QUERY, "ec2", "s3") else ""
    return 403, code, f"made not to be authorized to perform: {call.service}:{call.operation}"


def _conflict(call: Call) -> Refusal:
    if call.operation != "TransactWriteItems":
        message = "Transaction is ongoing for the item"
        return 400, "TransactionConflictException", message
    message = "Transaction cancelled, please refer cancellation reasons for specific reasons"
    return 400, "TransactionCanceledException", message


def _down(call: Call) -> Refusal:
    return 503, "ServiceUnavailable", "made to be unavailable"


_REFUSALS = {
    CallFaultKind.DOWN: _down,
    CallFaultKind.THROTTLED: _throttled,
    CallFaultKind.DENIED: _denied,
    CallFaultKind.CONFLICT: _conflict,
}


def _error(call: Call, status: int, code: str, message: str) -> Answer:
    """An error in the protocol of the call's service."""
    head = {"x-amzn-requestid": "virtual", "content-type": "text/xml"}
    if call.service == "ec2":
        inside = f"<Code>{code}</Code><Message>{message}</Message>"
        body = f"<Response><Errors><Error>{inside}</Error></Errors><RequestID>virtual</RequestID></Response>"
        return Answer(status, head, body.encode())
    if call.service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return Answer(status, head, body.encode())
    if call.service in _QUERY:
        inside = f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>"
        body = f"<ErrorResponse><Error>{inside}</Error><RequestId>virtual</RequestId></ErrorResponse>"
        return Answer(status, head, body.encode())
    head |= {"content-type": "application/json", "x-amzn-errortype": code}
    said: dict[str, Any] = {"__type": code, "message": message}
    if code == "TransactionCanceledException":
        _, *others = json.loads(call.body)["TransactItems"]
        said["CancellationReasons"] = [{"Code": "TransactionConflict"}] + [{"Code": "None"} for _ in others]
    return Answer(status, head, json.dumps(said).encode())


def _account(call: Call) -> str:
    if call.operation != "AssumeRole":
        return call.account
    role = re.search(rb"RoleArn=[^&]*?(\d{12})", call.body)
    return role[1].decode() if role else call.account
