"""How much DRS takes at once in a scope, and who says so: Service Quotas, or else our settings."""

from __future__ import annotations

from dataclasses import fields, replace

from shared.model.quotas import QUOTAS, KnownLimits, QuotaValue, ScopeLimits
from shared.model.scope import Scope


def known_limits(
    scope: Scope, quotas: tuple[QuotaValue, ...], settings: ScopeLimits, reason: str | None = None
) -> KnownLimits:
    """What Service Quotas says, and ``settings`` where it is silent or says less than one."""
    found: dict[str, int] = {}
    for field, quota in QUOTAS.items():
        for said in quotas:
            same = said.code == quota.code or said.name.casefold() == quota.name.casefold()
            if same and said.value >= 1:
                found[field] = int(said.value)
    missing = tuple(field.name for field in fields(ScopeLimits) if field.name not in found)
    return KnownLimits(scope, replace(settings, **found), missing, reason)
