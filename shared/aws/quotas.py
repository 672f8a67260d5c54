"""Service Quotas in one scope: what DRS takes at once there."""

from __future__ import annotations

from typing import Any

from botocore.config import Config

from shared.aws.cross_account import MemberAccounts
from shared.aws.errors import AwsCallError, calling
from shared.model.quotas import KnownLimits, QuotaValue, ScopeLimits
from shared.model.scope import Scope
from shared.rules.drs.quotas import known_limits
from shared.version import USER_AGENT

SERVICE = "drs"
PAGE = 100

QUICK = Config(
    retries={"mode": "standard", "total_max_attempts": 2},
    connect_timeout=3,
    read_timeout=5,
    user_agent_extra=USER_AGENT,
)
"""A recovery waits 11 s at most for its quotas: settings will do."""


class QuotasClient:
    """One scope's Service Quotas, acting as the member role behind ``accounts``."""

    def __init__(self, accounts: MemberAccounts, scope: Scope) -> None:
        self._accounts = accounts
        self._scope = scope

    def limits(self, settings: ScopeLimits) -> KnownLimits:
        """The scope's limits; those of ``settings`` where Service Quotas is silent, denies or is away."""
        try:
            return known_limits(self._scope, self._applied(), settings)
        except AwsCallError as error:
            return known_limits(self._scope, (), settings, str(error)[:500])

    def _applied(self) -> tuple[QuotaValue, ...]:
        client: Any = self._accounts.client("service-quotas", self._scope, QUICK)
        with calling("ListServiceQuotas", str(self._scope)):
            pages = client.get_paginator("list_service_quotas").paginate(
                ServiceCode=SERVICE, PaginationConfig={"PageSize": PAGE}
            )
            return tuple(
                QuotaValue(quota["QuotaCode"], quota.get("QuotaName", ""), quota["Value"])
                for page in pages
                for quota in page["Quotas"]
                if "Value" in quota
            )
