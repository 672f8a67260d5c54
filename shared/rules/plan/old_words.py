"""Words that documents no longer use. They are refused, and the remedy names the new word."""

from __future__ import annotations

from collections.abc import Collection

OLD_FIELDS: dict[str, tuple[str, ...]] = {
    "only": ("servers", "sites", "retryOf"),
    "notRecoveredIn": ("retryOf",),
    "alsoBlocked": ("retryBlocked",),
    "hold": ("pause",),
    "dependants": ("dependents",),
    "laggards": ("onReplicationTimeout",),
    "spellingTolerance": ("maxEditDistance",),
}
"""A field's old name -> the fields that stand for it now."""

OLD_VALUES = {
    "GO_ON": "CONTINUE",
    "LEAVE_BEHIND": "SKIP",
    "RECOVERY_INSTANCE_UNWELL": "RECOVERY_INSTANCE_UNHEALTHY",
}
"""An old value of a field -> the new one."""


def new_fields(old: str, known: Collection[str]) -> str | None:
    """What to write for the field ``old`` where the fields ``known`` belong; None if it is no old name."""
    new = [repr(name) for name in OLD_FIELDS.get(old, ()) if name in known]
    return " or ".join([", ".join(new[:-1]), new[-1]] if len(new) > 1 else new) or None


def new_word(old: str, known: Collection[str]) -> str | None:
    """The value that stands for ``old`` now, where the values ``known`` belong; None if it is no old one."""
    new = OLD_VALUES.get(old)
    return new if new in known else None
