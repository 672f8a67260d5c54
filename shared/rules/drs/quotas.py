"""How much DRS takes at once in a scope, by Service Quotas or else by our settings."""

from __future__ import annotations

from dataclasses import fields, replace

from shared.model.quotas import QUOTAS, KnownLimits, QuotaValue, ScopeLimits
from shared.model.scope import Scope


def known_limits(
    scope: Scope, quotas: tuple[QuotaValue, ...], settings: ScopeLimits, reason: str | None = None
) -> KnownLimits:
    """The quotas of Service Quotas; ``settings`` where it has none, or one below 1."""
    found: dict[str, int] = {}
    for field, quota in QUOTAS.items():
        for known in quotas:
            same = known.code == quota.code or known.name.casefold() == quota.name.casefold()
            if same and known.value >= 1:
                found[field] = int(known.value)
    missing = tuple(field.name for field in fields(ScopeLimits) if field.name not in found)
    return KnownLimits(scope, replace(settings, **found), missing, reason)
