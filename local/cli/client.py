"""Reaches a local cloud over HTTP: boto3 clients for any account, and the admin routes."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

from local.errors import CommandError
from local.fleet import Admin
from shared.model.scope import Scope

_SECRET = "local"  # noqa: S105 - any secret does: a 12-digit access key is the root of that account


def environment(endpoint: str, scope: Scope, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment that makes the AWS CLI, SAM or boto3 work in ``scope`` of the cloud at ``endpoint``.

    Nothing of the user's own AWS settings is left in it.
    """
    kept = {name: value for name, value in base.items() if not name.startswith("AWS_")}
    return {
        **kept,
        **exports(endpoint, scope),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def exports(endpoint: str, scope: Scope) -> dict[str, str]:
    """The variables that point the AWS CLI at the cloud, as root of ``scope``'s account."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": scope.account,
        "AWS_SECRET_ACCESS_KEY": _SECRET,
        "AWS_DEFAULT_REGION": scope.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Cloud:
    """A local cloud by its endpoint. Clients are cached; safe to share among threads."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client = lru_cache(maxsize=None)(self._client)

    def _client(self, service: str, account: str, region: str) -> Any:
        session = boto3.Session(aws_access_key_id=account, aws_secret_access_key=_SECRET, region_name=region)
        config = Config(
            retries={"total_max_attempts": 3},
            max_pool_connections=16,
            read_timeout=300,
            s3={"addressing_style": "path"},
        )
        return session.client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]

    def use_by_default(self, scope: Scope) -> None:
        """Make boto3's default session of this process work in ``scope`` of this cloud."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(environment(self.endpoint, scope, base={}))
        boto3.setup_default_session()

    def admin(self, part: str) -> Admin:
        """The admin routes of one part: ``drs`` or ``ec2``."""

        def call(method: str, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
            return self.call(method, f"/_local/{part}{path}", body)

        return call

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Call a route of the cloud itself; gives HTTP status and JSON answer. Raises CommandError."""
        request = urllib.request.Request(  # noqa: S310 - always our own http endpoint
            self.endpoint + path,
            data=json.dumps(body).encode() if body is not None else None,
            method=method,
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, {"message": text}
        except OSError as error:
            raise CommandError(f"The local cloud at {self.endpoint} does not answer: {error}") from error

    def get(self, path: str) -> dict[str, Any]:
        """GET a route of the cloud itself. Raises CommandError when it answers an error."""
        status, answer = self.call("GET", path)
        if status >= 400:
            raise CommandError(f"GET {path}: {answer.get('message', answer)}")
        return answer
