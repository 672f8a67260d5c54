"""The plan's own checks of a recovered server: a TCP port answers, an HTTP URL gives the wanted status.

They run where the function runs: give it a VPC that reaches the recovery subnets, or leave the checks out.
A redirect is an answer like any other and is not followed. No proxy is used.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

from shared.model.plan import HealthCheck

_NO_ANSWER = (OSError, HTTPException, ValueError)
"""What may come instead of an answer; a ValueError where a server's name does not make a host or a URL."""


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **more: Any) -> None:
        """Makes urllib raise the redirect as an HTTPError."""


_opener = build_opener(ProxyHandler({}), _NoRedirects)


def failing_check(checks: Sequence[HealthCheck], private_ip: str, name: str) -> str | None:
    """What the first check that fails found, or None if all pass."""
    for check in checks:
        issue = _tcp(check, private_ip, name) if check.type == "TCP" else _http(check, private_ip, name)
        if issue:
            return issue
    return None


def _fill(text: str, private_ip: str, name: str) -> str:
    return text.replace("{privateIp}", private_ip).replace("{name}", name)


def _tcp(check: HealthCheck, private_ip: str, name: str) -> str | None:
    host = _fill(check.host or "{privateIp}", private_ip, name)
    try:
        with socket.create_connection((host, check.port or 0), timeout=check.timeout_seconds):
            return None
    except _NO_ANSWER as error:
        return f"TCP {host}:{check.port} does not answer: {error}"


def _http(check: HealthCheck, private_ip: str, name: str) -> str | None:
    url = _fill(check.url or "", private_ip, name)
    try:
        # The schema of plans allows http and https only.
        with _opener.open(url, timeout=check.timeout_seconds) as answer:
            status = answer.status
    except HTTPError as error:
        status = error.code
    except _NO_ANSWER as error:
        return f"GET {url} does not answer: {error}"
    return None if status == check.status else f"GET {url} answers {status}, not {check.status}"
