"""Answers every botocore call of this process in memory: no socket is ever opened.

Hooked in as moto does it, by an entry in ``botocore.handlers.BUILTIN_HANDLERS``, so that it is there for
every session made after this module was imported, wherever. Calls are routed when they are sent, so that
a client which some module keeps from an earlier cloud works with the next one.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import logging
import re
import threading
import time
from collections.abc import Coroutine
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.endpoint
import botocore.handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import ReadTimeoutError

from local.hooks import HookChangedError
from local.shortcuts import (
    botocore_bypass,
    cloudformation_templates,
    dynamodb_fast_paths,
    dynamodb_queries,
    query_bodies,
)
from local.shortcuts.botocore_hooks import Bypass
from local.simulation.hooks import TABLE
from local.wire import NO_ANSWER, Answer, Call

__all__ = [
    "ORCHESTRATION_KEY",
    "Answer",
    "Call",
    "Cloud",
    "MiniStack",
    "NoCloudError",
    "enter",
    "leave",
    "remember_session",
]

ORCHESTRATION_KEY = "AKIAVIRTUALCLOUDORCH"
"""The access key of the orchestration account, whichever it is in the cloud that runs."""

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_BUCKET_HOST = re.compile(r"^(?P<bucket>.+)\.s3[.-]([a-z0-9-]+\.)?amazonaws\.com$")
_Response = tuple[int, dict[str, Any], Any]

_sessions: dict[str, str] = {}


class Cloud(Protocol):
    """What answers calls."""

    account: str

    def answer(self, call: Call) -> Answer:
        """The answer to a call of any service."""

    def pause(self, seconds: float) -> None:
        """Lets time pass before a call is repeated."""


class NoCloudError(RuntimeError):
    """A call was made while no virtual cloud was entered, by a client that must not reach AWS."""


_cloud: Cloud | None = None


def enter(cloud: Cloud) -> None:
    """From now on ``cloud`` answers."""
    global _cloud
    if _cloud is not None:
        raise RuntimeError("only one virtual cloud at a time: leave the other first")
    _cloud = cloud


def leave() -> None:
    """Calls go where they went before. A client of the virtual cloud's account is refused."""
    global _cloud
    _cloud = None


def remember_session(access_key_id: str, account: str) -> None:
    """Calls with this key are of ``account``, also in later clouds: modules keep assumed sessions."""
    _sessions[access_key_id] = account


def _account_of(key: str) -> str:
    cloud = _cloud
    return cloud.account if cloud is not None and key == ORCHESTRATION_KEY else _sessions.get(key, key)


def _before_send(request: AWSPreparedRequest, event_name: str, **kwargs: Any) -> AWSResponse | None:
    cloud = _cloud
    if cloud is None:
        if ORCHESTRATION_KEY in str(request.headers.get("Authorization", "")):
            raise NoCloudError(f"{event_name}: this client belongs to a virtual cloud, and none is entered")
        return None
    answer = _bypass.take() or cloud.answer(_call(request, event_name))
    if answer is NO_ANSWER:
        return None  # botocore sends the request itself: see _send
    headers: Any = HeadersDict(answer.headers)
    return AWSResponse(request.url, answer.status, headers, _Raw(answer.body))


def _sending() -> Any:
    """Stands for that of botocore: what no service answers ends by the client's own read time-out."""

    def send(endpoint: botocore.endpoint.Endpoint, request: AWSPreparedRequest) -> Any:
        if _cloud is None:
            return _send_to_aws(endpoint, request)
        _cloud.pause(endpoint.http_session._timeout.read_timeout)  # type: ignore[attr-defined]
        raise ReadTimeoutError(endpoint_url=request.url)

    return send


class _Pauses:
    """Stands in for the module ``time`` where botocore waits before it repeats a call."""

    @staticmethod
    def sleep(seconds: float) -> None:
        if _cloud is None:
            time.sleep(seconds)
        else:
            _cloud.pause(seconds)


class _Raw(io.BytesIO):
    """The body as urllib3 would hand it over."""

    def stream(self, amt: int = 65536, decode_content: bool | None = None) -> Any:
        while chunk := self.read(amt):
            yield chunk

    @property
    def headers(self) -> dict[str, str]:
        return {}


def _call(request: AWSPreparedRequest, event_name: str) -> Call:
    _, service, operation = event_name.split(".", 2)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    scope = _CREDENTIAL.search(headers.get("authorization", ""))
    key, region = (scope.group(1), scope.group(2)) if scope else (ORCHESTRATION_KEY, "us-east-1")
    url = urlsplit(request.url)
    path = url.path or "/"
    headers.setdefault("host", url.netloc)
    if service == "s3" and (host := _BUCKET_HOST.match(url.netloc)):
        path = f"/{host.group('bucket')}{path}"
        headers["host"] = "s3.amazonaws.com"
    return Call(
        service=service,
        operation=operation,
        account=_account_of(key),
        region=region,
        access_key_id=key,
        method=request.method,
        path=unquote(path),
        query=parse_qs(url.query, keep_blank_values=True),
        headers=headers,
        body=_body(request.body),
    )


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    data: bytes = body.read()
    return data


class MiniStack:
    """MiniStack's services in this process, called without its HTTP server."""

    def __init__(self) -> None:
        self._app = _ministack_app()
        dynamodb_queries.install()
        dynamodb_fast_paths.install()
        cloudformation_templates.install()
        query_bodies.install()
        self._loop = asyncio.new_event_loop()
        self._lock = threading.RLock()
        self._requests = itertools.count(1)

    def reset(self) -> None:
        """Forgets everything in every account and Region."""
        with self._lock:
            self._app._reset_all_state()

    def answer(self, call: Call) -> Answer:
        """The answer of the service that the request is for, in the caller's account and Region."""
        with self._lock:
            status, headers, body = self._run(self._dispatch(call), call.service)
        plain = body.encode() if isinstance(body, str) else bytes(body or b"")
        return Answer(status, {str(name).lower(): str(value) for name, value in headers.items()}, plain)

    def _run(self, dispatch: Coroutine[Any, Any, _Response], service: str) -> _Response:
        """The event loop costs more than most answers; the services of most calls do not need it."""
        if service not in botocore_bypass.SERVICES:
            return self._loop.run_until_complete(dispatch)
        try:
            dispatch.send(None)
        except StopIteration as done:
            response: _Response = done.value
            return response
        dispatch.close()
        raise HookChangedError(f"MiniStack's {service} waits for something: it needs an event loop")

    async def _dispatch(self, call: Call) -> _Response:
        app = self._app
        app.set_request_account_id(call.account)
        app.set_request_region(call.region)
        headers, body = dict(call.headers), call.body
        if headers.get("content-encoding", "").startswith("aws-chunked"):
            body = app._decode_aws_chunked_body(body, headers)
        response: _Response = await app._dispatch_service_request(
            call.method,
            call.path,
            headers,
            body,
            dict(call.query),
            f"00000000-0000-4000-b000-{next(self._requests):012d}",
        )
        return response

    def close(self) -> None:
        """Ends its event loop."""
        self._loop.close()


def _ministack_app() -> Any:
    """MiniStack's module, without the log handler and level that its import gives this process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    from ministack import app  # slow to import: only when a cloud is made

    root.handlers[:] = handlers
    root.setLevel(level)
    return app


TABLE.check()
_bypass = Bypass(lambda: _cloud, _account_of)
_bypass.install()
botocore.handlers.BUILTIN_HANDLERS.append(("before-send", _before_send))
TABLE.replace("botocore.endpoint", "time", _Pauses)
_send_to_aws = TABLE.replace("botocore.endpoint", "Endpoint._send", _sending())
