"""boto3 clients in member accounts: AssumeRole with ExternalId, one session per scope, renewed in time."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache, partial
from threading import Lock
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.utils import parse_timestamp

from shared.model.scope import Scope
from shared.version import USER_AGENT

SESSION_NAME = "drs-orchestrator"

STANDARD = Config(
    retries={"mode": "standard", "total_max_attempts": 6},
    connect_timeout=10,
    read_timeout=60,
    user_agent_extra=USER_AGENT,
)
"""For reads and for writes that may be repeated."""

ONCE = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=10,
    read_timeout=180,
    user_agent_extra=USER_AGENT,
)
"""For calls without a client token, which must not be repeated blindly. StartRecovery is synchronous and
slow for big batches (observed in the field: over 60 s for 25 servers and more), hence the long wait."""

BRIEF = Config(
    retries={"mode": "standard", "total_max_attempts": 2},
    connect_timeout=3,
    read_timeout=6,
    user_agent_extra=USER_AGENT,
)
"""For the origin side, which may be down: its answers are not worth a long wait, 15 s at most."""


OWN = Config(
    retries={"mode": "standard", "total_max_attempts": 6},
    connect_timeout=5,
    read_timeout=30,
    user_agent_extra=USER_AGENT,
)
"""For the orchestrator's own account: Step Functions and STS."""


class MemberAccounts:
    """Clients for any scope through the role of one tier. Thread-safe."""

    def __init__(self, role_name: str, external_id: str) -> None:
        self._role_name = role_name
        self._external_id = external_id
        self._base = botocore.session.get_session()
        self._sessions: dict[Scope, Any] = {}
        self._clients: dict[tuple[str, Scope, int], Any] = {}
        self._lock = Lock()

    def client(self, service: str, scope: Scope, config: Config = STANDARD) -> Any:
        """A boto3 client of ``service`` in ``scope``, acting as the member account's role."""
        key = (service, scope, id(config))
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._session(scope).client(service, config=config)
            return self._clients[key]

    def _session(self, scope: Scope) -> Any:
        if scope not in self._sessions:
            source = self._base.get_credentials()
            if source is None:
                raise RuntimeError("No AWS credentials: run inside Lambda, or configure the AWS SDK.")
            partition = self._base.get_partition_for_region(scope.region)
            fetcher = AssumeRoleCredentialFetcher(
                client_creator=partial(self._base.create_client, config=OWN),
                source_credentials=source,
                role_arn=f"arn:{partition}:iam::{scope.account}:role/{self._role_name}",
                extra_args={"RoleSessionName": session_name(), "ExternalId": self._external_id},
            )
            session = botocore.session.Session()
            # Service descriptions are large, and each session would read them anew.
            session.register_component("data_loader", self._base.get_component("data_loader"))
            session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment)
            # botocore has no public way to hand a session refreshable credentials.
            session._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
                method="assume-role", refresh_using=fetcher.fetch_credentials
            )
            session.set_config_variable("region", scope.region)
            self._sessions[scope] = boto3.Session(botocore_session=session)
        return self._sessions[scope]


def moment(value: Any) -> datetime:
    """A timestamp of an answer, as botocore reads it.

    Its parser for any format takes an eighth of the time that the checks of a big fleet work.
    """
    if isinstance(value, str) and value.endswith("Z"):
        return datetime.fromisoformat(value)
    parsed: datetime = parse_timestamp(value)
    return parsed


@cache
def member_accounts(role_name: str, external_id: str) -> MemberAccounts:
    """The one ``MemberAccounts`` of this process for a role, so that warm invocations reuse its sessions."""
    return MemberAccounts(role_name, external_id)


def session_name() -> str:
    """What CloudTrail of the member account calls the caller: the Lambda function of this process.

    Lambda gives its name (developer guide, *Defined runtime environment variables*), STS takes 64 characters.
    """
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME", SESSION_NAME)[:64]
