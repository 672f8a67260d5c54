"""The plan's own checks of a recovered server: a TCP port answers, an HTTP URL gives the wanted status.

They run where the function runs: give it a VPC that reaches the recovery subnets, or leave the checks out.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from shared.model import HealthCheck


def failing_check(checks: Sequence[HealthCheck], private_ip: str, name: str) -> str | None:
    """What the first check that fails found, or None if all pass."""
    for check in checks:
        trouble = _tcp(check, private_ip, name) if check.type == "TCP" else _http(check, private_ip, name)
        if trouble:
            return trouble
    return None


def _fill(text: str, private_ip: str, name: str) -> str:
    return text.replace("{privateIp}", private_ip).replace("{name}", name)


def _tcp(check: HealthCheck, private_ip: str, name: str) -> str | None:
    host = _fill(check.host or "{privateIp}", private_ip, name)
    try:
        with socket.create_connection((host, check.port or 0), timeout=check.timeout_seconds):
            return None
    except OSError as error:
        return f"TCP {host}:{check.port} does not answer: {error}"


def _http(check: HealthCheck, private_ip: str, name: str) -> str | None:
    url = _fill(check.url or "", private_ip, name)
    try:
        # The schema of plans allows http and https only.
        with urlopen(Request(url), timeout=check.timeout_seconds) as answer:  # noqa: S310
            status = answer.status
    except HTTPError as error:
        status = error.code
    except (URLError, OSError, HTTPException) as error:
        return f"GET {url} does not answer: {error}"
    return None if status == check.status else f"GET {url} answers {status}, not {check.status}"
