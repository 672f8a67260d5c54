"""Sessions of service roles, and the boto3 clients that act with them on this very cloud.

Step Functions calls with its state machine's role, DRS with its caller's credentials. Both live in this
process, so a session is registered with STS directly; the role must exist and trust the service, as on AWS.
Without enforcement (AUTH=0) the account's root key stands in for every role.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from ministack.core import iam_evaluator
from ministack.services import iam, sts

VIA_HEADER = "x-local-called-via"
"""Set on calls that a service makes for its caller; its value proves that it came from this process."""

_SESSION_SECONDS = 12 * 3600
_CLIENTS_KEPT = 64
_NO_REQUEST_ID = "00000000-0000-0000-0000-000000000000"
_CONFIG = Config(
    parameter_validation=False,
    retries={"total_max_attempts": 1},
    max_pool_connections=200,
    connect_timeout=60,
    read_timeout=900,
    inject_host_prefix=False,
)


class Credentials(dict[str, str]):
    """``aws_access_key_id``, ``aws_secret_access_key`` and, for sessions, ``aws_session_token``."""


class Clients:
    """Makes and keeps boto3 clients for services of this process. Thread-safe; one per process.

    ``endpoint`` is this cloud's own; ``auth`` says whether roles count.
    """

    def __init__(
        self, endpoint: str, *, auth: bool, real_speed: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._real_speed = real_speed
        self._endpoint = endpoint
        self._auth = auth
        self._lock = threading.Lock()
        self._session = botocore.session.Session()
        self._clients: dict[tuple[str, ...], Any] = {}
        self._roles: dict[tuple[str, str], tuple[float, Credentials]] = {}
        self._via_secret = secrets.token_hex(16)

    def for_role(self, service: str, region: str, role_arn: str | None) -> Any:
        """A client with the session of a state machine's role (the client factory of ``local.states``).

        Raises ClientError AccessDenied when the role is missing or does not trust states.amazonaws.com.
        """
        credentials = self.role_credentials(role_arn, "states.amazonaws.com")
        return self.client(service, region, credentials)

    def client(self, service: str, region: str, credentials: Credentials, via: str | None = None) -> Any:
        """A client with these credentials; ``via`` names the service that calls for their owner."""
        key = (service, region, credentials["aws_access_key_id"], via or "")
        with self._real_speed(), self._lock:  # making a client is slow, and not a part of what is simulated
            found = self._clients.pop(key, None) or self._make(service, region, credentials, via)
            self._clients[key] = found  # the one used last stands last
            while len(self._clients) > _CLIENTS_KEPT:
                self._clients.pop(next(iter(self._clients)))
        return found

    def _make(self, service: str, region: str, credentials: Credentials, via: str | None) -> Any:
        made: Any = self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self._endpoint,
            config=_CONFIG,
            aws_access_key_id=credentials["aws_access_key_id"],
            aws_secret_access_key=credentials["aws_secret_access_key"],
            aws_session_token=credentials.get("aws_session_token"),
        )
        made.meta.events.register("after-call", _ensure_request_id)
        if via:
            value = f"{via} {self._via_secret}"
            made.meta.events.register("before-send", lambda request, **_: _set_header(request, value))
        return made

    def via(self, header: str | None) -> str | None:
        """The service that a request's VIA_HEADER truly names, or None."""
        service, _, secret = (header or "").partition(" ")
        return service if secret and secrets.compare_digest(secret, self._via_secret) else None

    def root(self, account: str) -> Credentials:
        return Credentials(aws_access_key_id=account, aws_secret_access_key="local")  # noqa: S106

    def role_credentials(self, role_arn: str | None, service: str) -> Credentials:
        """A session of ``role_arn`` as ``service`` gets it; root where nothing is enforced."""
        account = role_arn.split(":")[4] if role_arn and role_arn.count(":") >= 5 else "000000000000"
        if not self._auth or not role_arn:
            return self.root(account)
        _require_trust(role_arn, account, service)
        with self._lock:
            expires, credentials = self._roles.get((role_arn, service), (0.0, Credentials()))
            if expires < time.time() + 900:
                credentials = _register_session(role_arn, account)
                self._roles[(role_arn, service)] = (time.time() + _SESSION_SECONDS, credentials)
        return credentials

    def caller_credentials(self, access_key_id: str, account: str) -> Credentials:
        """The credentials behind an access key that signed a request to this cloud."""
        resolved = iam_evaluator.resolve_credential(access_key_id, account) if self._auth else None
        if not isinstance(resolved, iam_evaluator.ResolvedCredential) or resolved.principal_type == "Root":
            return self.root(account)
        credentials = Credentials(
            aws_access_key_id=access_key_id, aws_secret_access_key=resolved.secret_access_key
        )
        if resolved.session_token:
            credentials["aws_session_token"] = resolved.session_token
        return credentials


def _set_header(request: Any, value: str) -> None:
    request.headers[VIA_HEADER] = value


def _ensure_request_id(parsed: dict[str, Any] | None = None, **_: Any) -> None:
    """moto's interpreter words an error with the request id and fails without one."""
    if parsed is not None:
        parsed.setdefault("ResponseMetadata", {}).setdefault(
            "RequestId", "00000000-0000-0000-0000-000000000000"
        )


def _require_trust(role_arn: str, account: str, service: str) -> None:
    role = iam._roles.get_scoped(account, None, role_arn.rsplit("/", 1)[-1])
    document = (role or {}).get("AssumeRolePolicyDocument") or {}
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement", [])
    for statement in [statements] if isinstance(statements, dict) else statements:
        if statement.get("Effect") == "Allow" and iam_evaluator._service_principal_matches(
            statement.get("Principal"), service
        ):
            return
    raise ClientError(
        {
            "Error": {
                "Code": "AccessDeniedException",
                "Message": f"Neither the global service principal {service}, nor the regional one is "
                f"authorized to assume the provided role: {role_arn}",
            },
            "ResponseMetadata": {
                "HTTPStatusCode": 400,
                "RequestId": _NO_REQUEST_ID,
                "HTTPHeaders": {},
                "HostId": "",
                "RetryAttempts": 0,
            },
        },
        "AssumeRole",
    )


def _register_session(role_arn: str, account: str) -> Credentials:
    role, session = role_arn.rsplit("/", 1)[-1], secrets.token_urlsafe(24).replace("-", "x")[:32]
    key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
            "UserId": f"{sts._role_id(role_arn)}:{session}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": time.time() + _SESSION_SECONDS,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        },
    )
    return Credentials(aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token)
