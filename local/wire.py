"""One request and one response, as they would go over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it would go over the wire. Header names are lower-case, ``body`` is complete."""

    service: str
    operation: str
    account: str
    region: str
    access_key_id: str
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


NO_ANSWER = Answer(0, {}, b"")
"""None comes: the client waits until its read time-out."""
