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
from shared.model.server import HealthResult

FOUND = 500
"""Characters of what a check found; an item of DynamoDB takes 400 KB."""
_NO_ANSWER = (OSError, HTTPException, ValueError)
"""What may come instead of an answer; a ValueError where a server's name does not make a host or a URL."""


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **more: Any) -> None:
        """Makes urllib raise the redirect as an HTTPError."""


_opener = build_opener(ProxyHandler({}), _NoRedirects)


def run_health_checks(checks: Sequence[HealthCheck], private_ip: str, name: str) -> tuple[HealthResult, ...]:
    """What each check found, in order. After one that fails no other is made."""
    results: list[HealthResult] = []
    for check in checks:
        results.append(
            _tcp(check, private_ip, name) if check.type == "TCP" else _http(check, private_ip, name)
        )
        if not results[-1].passed:
            break
    return tuple(results)


def _fill(text: str, private_ip: str, name: str) -> str:
    return text.replace("{privateIp}", private_ip).replace("{name}", name)


def _tcp(check: HealthCheck, private_ip: str, name: str) -> HealthResult:
    host = _fill(check.host or "{privateIp}", private_ip, name)
    asked = f"TCP {host}:{check.port}"
    try:
        with socket.create_connection((host, check.port or 0), timeout=check.timeout_seconds):
            return HealthResult(asked, True, "answers")
    except _NO_ANSWER as error:
        return HealthResult(asked, False, f"does not answer: {error}"[:FOUND])


def _http(check: HealthCheck, private_ip: str, name: str) -> HealthResult:
    url = _fill(check.url or "", private_ip, name)
    try:
        # The schema of plans allows http and https only.
        with _opener.open(url, timeout=check.timeout_seconds) as answer:
            status = answer.status
    except HTTPError as error:
        status = error.code
    except _NO_ANSWER as error:
        return HealthResult(f"GET {url}", False, f"does not answer: {error}"[:FOUND])
    passed = status == check.status
    return HealthResult(
        f"GET {url}", passed, f"answers {status}" + ("" if passed else f", not {check.status}")
    )
