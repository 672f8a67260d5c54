"""Where things are: an account in a Region, and a site of two such scopes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One account in one Region: the unit of every DRS call and quota."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"

    @classmethod
    def parse(cls, text: str) -> Scope:
        """The inverse of ``str(scope)``: ``"111122223333/us-east-1"``."""
        account, region = text.split("/")
        return cls(account, region)


@dataclass(frozen=True, slots=True)
class Site:
    """An origin scope with the recovery scope that protects it."""

    name: str
    origin: Scope
    recovery: Scope
