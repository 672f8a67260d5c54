"""A freeze: while it is recorded, nothing that cannot be taken back is begun."""

from __future__ import annotations

from dataclasses import dataclass

ALL_PLANS = "*"


@dataclass(frozen=True, slots=True)
class Freeze:
    """Of one plan, or of all (``ALL_PLANS``). ``at``: ISO 8601 in UTC."""

    plan: str
    by: str
    reason: str
    at: str

    @property
    def text(self) -> str:
        which = "Every plan" if self.plan == ALL_PLANS else f"The plan {self.plan}"
        return f"{which} is frozen since {self.at} by {self.by}: {self.reason}"
