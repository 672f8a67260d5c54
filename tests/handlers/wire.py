"""What stands between botocore and moto: DRS, DynamoDB, a count of calls, and calls that fail on demand.

MiniStack answers for DynamoDB, as in the virtual cloud: moto takes twenty times as long, which was half of
what a handler's test cost. tests/shared/store runs the same expressions against moto.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from moto.core.models import botocore_stubber
from moto.iam.models import get_account_id_from

from drs_emulator import Caller, DrsEmulator, Request
from local.simulation import transport
from shared.model.scope import Scope

_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/")


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request on its way: service and operation as botocore names them, and its parameters."""

    service: str
    operation: str
    request: AWSPreparedRequest

    @property
    def body(self) -> str:
        body: Any = self.request.body or b""
        return body.decode() if isinstance(body, bytes | bytearray) else str(body)

    @property
    def form(self) -> dict[str, list[str]]:
        """The parameters of a call in the query protocol (EC2, STS, IAM, SNS)."""
        return parse_qs(self.body)

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> AWSResponse:
        """A response to this call."""
        return AWSResponse(self.request.url, status, HTTPHeaders.from_dict(headers or {}), _Raw(body))


Answer = Callable[[Call], AWSResponse | None]
"""Answers a call, raises instead of the network, or lets it through with None."""


class Wire:
    """Every call of every client, in order. ``on`` interferes with an operation."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.drs: DrsEmulator | None = None
        self._answers: dict[tuple[str, str], Answer] = {}
        self._drs_clients: dict[Scope, Any] = {}

    def on(self, service: str, operation: str, answer: Answer) -> None:
        """From now on ``answer`` decides about the calls of an operation."""
        self._answers[service, operation] = answer

    def off(self, service: str, operation: str) -> None:
        """Calls of the operation go through again."""
        del self._answers[service, operation]

    def count(self) -> Counter[str]:
        """How often each operation was called since ``clear``."""
        return Counter(call.operation for call in self.calls)

    def of(self, operation: str) -> list[Call]:
        return [call for call in self.calls if call.operation == operation]

    def clear(self) -> None:
        self.calls.clear()

    def send(self, service: str, operation: str, request: AWSPreparedRequest) -> AWSResponse | None:
        """Called by botocore before it sends a request."""
        call = Call(service, operation, request)
        self.calls.append(call)
        answer = self._answers.get((service, operation))
        response = answer(call) if answer else None
        return self.forward(call) if response is None else response

    def forward(self, call: Call) -> AWSResponse | None:
        """The answer of DRS, MiniStack or moto."""
        if call.service == "drs":
            return self._ask_drs(call)
        if call.service == "dynamodb":
            return _ask_dynamodb(call)
        if call.service == "service-quotas":
            assert self.drs, "the wire leads to no DRS"
            account, region = _signer(call.request)
            quotas = self.drs.service_quotas(call.operation, call.body.encode(), account, region)
            return call.answer(quotas.status, quotas.body, dict(quotas.headers))
        name = f"before-send.{call.service}.{call.operation}"
        response: AWSResponse | None = botocore_stubber(event_name=name, request=call.request)
        return response

    def drs_client(self, scope: Scope) -> Any:
        """A DRS client that acts as an account's root: the access key is the account."""
        if scope not in self._drs_clients:
            self._drs_clients[scope] = boto3.client(
                "drs",
                region_name=scope.region,
                aws_access_key_id=scope.account,
                aws_secret_access_key="secret",
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._drs_clients[scope]

    def _ask_drs(self, call: Call) -> AWSResponse:
        request = call.request
        assert self.drs, "the wire leads to no DRS"
        account, region = _signer(request)
        parts = urlsplit(request.url)
        body: Any = request.body or b""
        response = self.drs.handle(
            Request(
                method=request.method,
                path=parts.path,
                query=parse_qs(parts.query),
                headers={name.lower(): _text(value) for name, value in request.headers.items()},
                body=body.encode() if isinstance(body, str) else body,
                caller=Caller(account, region, access_key_of(request)),
            )
        )
        return call.answer(response.status, response.body, response.headers)


@cache
def ministack() -> transport.MiniStack:
    """The one of this process, which is slow to make; ``reset`` empties it."""
    return transport.MiniStack()


def _ask_dynamodb(call: Call) -> AWSResponse:
    request = call.request
    account, region = _signer(request)
    body: Any = request.body or b""
    response = ministack().answer(
        transport.Call(
            service="dynamodb",
            operation=call.operation,
            account=account,
            region=region,
            access_key_id=access_key_of(request),
            method=request.method,
            path=urlsplit(request.url).path,
            query={},
            headers={name.lower(): _text(value) for name, value in request.headers.items()},
            body=body.encode() if isinstance(body, str) else body,
        )
    )
    return call.answer(response.status, response.body, dict(response.headers))


def _signer(request: AWSPreparedRequest) -> tuple[str, str]:
    """The account and Region that a request is signed for."""
    found = _CREDENTIAL.search(_text(request.headers["Authorization"]))
    assert found, "the request is not signed"
    key = found["key"]
    return (key if key.isdigit() else get_account_id_from(key)), found["region"]


def access_key_of(request: AWSPreparedRequest) -> str:
    """The access key that a request is signed with."""
    found = _CREDENTIAL.search(_text(request.headers["Authorization"]))
    assert found, "the request is not signed"
    return found["key"]


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [self._body]


def lost_answer(wire: Wire) -> Answer:
    """The call takes effect, and its answer gets lost."""

    def answer(call: Call) -> AWSResponse | None:
        wire.forward(call)
        return no_answer(call)

    return answer


def no_answer(call: Call) -> AWSResponse | None:
    """The connection is silent until botocore gives up."""
    raise ReadTimeoutError(endpoint_url=call.request.url)


def refused(code: str, message: str = "refused by the test", status: int = 400) -> Answer:
    """An error in the query or EC2 protocol."""

    def answer(call: Call) -> AWSResponse:
        error = f"<Code>{code}</Code><Message>{message}</Message>"
        ec2 = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>1</RequestID></Response>"
        query = f"<ErrorResponse><Error>{error}</Error><RequestId>1</RequestId></ErrorResponse>"
        return call.answer(status, (ec2 if call.service == "ec2" else query).encode())

    return answer


def refused_json(code: str, message: str = "refused by the test", status: int = 400) -> Answer:
    """An error in a JSON protocol (DynamoDB, Step Functions)."""

    def answer(call: Call) -> AWSResponse:
        body = f'{{"__type": "{code}", "message": "{message}"}}'.encode()
        return call.answer(status, body, {"x-amzn-errortype": code})

    return answer


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def simulation(*denied: str) -> Answer:
    """SimulatePrincipalPolicy, which moto lacks: everything is allowed but ``denied``."""

    def answer(call: Call) -> AWSResponse:
        actions = [value[0] for key, value in call.form.items() if key.startswith("ActionNames.member")]
        members = "".join(
            f"<member><EvalActionName>{action}</EvalActionName><EvalDecision>"
            f"{'implicitDeny' if action in denied else 'allowed'}</EvalDecision></member>"
            for action in actions
        )
        body = (
            '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
            f"<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{members}"
            "</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
        )
        return call.answer(200, body.encode())

    return answer
