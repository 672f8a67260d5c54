"""What stands before MiniStack on the port: our own routes under ``/_local``, and the count of API calls.

``calls`` are counted where MiniStack has decided which service a request is for, so every call counts once,
its caller.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import re
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from drs_emulator.service_quotas import SIGNING_NAME
from local.ministack import hooks
from local.ministack.role_sessions import VIA_HEADER, Clients

log = logging.getLogger("local.front")

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
Admin = Callable[[str, str, dict[str, Any] | None], tuple[int, dict[str, Any]]]

PREFIX = "/_local"
OURS = ("drs", SIGNING_NAME)
"""Services that MiniStack does not have, by the names that requests are signed for."""

called_via: contextvars.ContextVar[str | None] = contextvars.ContextVar("called_via", default=None)
"""The service that makes the current request for its caller (``drs.amazonaws.com``), or None."""

is_of_root: contextvars.ContextVar[bool] = contextvars.ContextVar("is_of_root", default=False)
"""Whether the current request is signed by an account's root, as those that seed a fleet are."""

_WAITS = (b".StartSyncExecution", b".ReceiveMessage", b".GetActivityTask")
"""Requests that may wait for something else to happen: time must not slow down for them."""
_ROOT = re.compile(rb"Credential=\d{12}/")
_SIGNED_FOR = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")


class Calls:
    """Counts of API calls by ``service:Operation``. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, action: str) -> None:
        with self._lock:
            self._counts[action] += 1

    def by_service(self) -> dict[str, dict[str, int]]:
        """``{"ec2": {"DescribeInstances": 3}}``, sorted."""
        with self._lock:
            found = dict(self._counts)
        result: dict[str, dict[str, int]] = {}
        for action in sorted(found):
            service, _, operation = action.partition(":")
            result.setdefault(service, {})[operation] = found[action]
        return result

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()


def install_routing(calls: Calls) -> None:
    """Route requests signed for DRS and Service Quotas to our handlers, and count every request."""
    from ministack.core import iam_actions

    def detect(method: str, path: str, headers: dict[str, str], query_params: dict[str, Any]) -> str:
        signed_for = _SIGNED_FOR.search(headers.get("authorization", ""))
        if signed_for and signed_for[1] in OURS:
            service = signed_for[1]
        else:
            service = original(method, path, headers, query_params)
        if method != "HEAD":
            action = iam_actions.extract_iam_action(service, method, path, headers, b"", query_params)
            calls.add(action or f"{service}:{method}")
        return service

    original = hooks.replace("ministack.app", "detect_service", detect)


class Front:
    """The ASGI application: ``/_local`` to ``admin``, everything else to MiniStack, at real speed."""

    def __init__(
        self,
        ministack: App,
        admin: Admin,
        clients: Clients,
        real_speed: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._ministack = ministack
        self._admin = admin
        self._clients = clients
        self._real_speed = real_speed

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._ministack(scope, receive, send)
            return
        if scope["path"].startswith(PREFIX + "/"):
            await self._answer_admin(scope, receive, send)
            return
        headers = dict(scope.get("headers") or [])
        called_via.set(self._clients.via(headers.get(VIA_HEADER.encode(), b"").decode("latin-1")))
        is_of_root.set(_ROOT.search(headers.get(b"authorization", b"")) is not None)
        if headers.get(b"x-amz-target", b"").endswith(_WAITS):
            await self._ministack(scope, receive, send)
            return
        with self._real_speed():
            await self._ministack(scope, receive, send)

    async def _answer_admin(self, scope: Scope, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        try:
            data = json.loads(body) if body.strip() else None
        except ValueError as wrong:
            status, answer = 400, {"message": f"the body is not JSON: {wrong}"}
        else:
            try:
                path = scope["path"][len(PREFIX) :]
                status, answer = await asyncio.to_thread(self._admin, scope["method"], path, data)
            except Exception as unexpected:
                log.exception("%s %s failed", scope["method"], scope["path"])
                status, answer = 500, {"message": f"{type(unexpected).__name__}: {unexpected}"}
        content = json.dumps(answer, default=str).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})
