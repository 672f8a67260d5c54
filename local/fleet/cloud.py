"""What ``build`` needs of a cloud, whichever it is: the local one over HTTP, or the one in virtual time."""

from __future__ import annotations

from typing import Any, Protocol


class ClientFactory(Protocol):
    """Gives boto3 clients that act as the root of an account."""

    def __call__(self, service: str, account: str, region: str) -> Any: ...


class Admin(Protocol):
    """The admin routes of one part of the cloud (the DRS emulator, the EC2 extras).

    ``path`` is relative to that part (``/source-servers``); gives the HTTP status and the JSON answer.
    """

    def __call__(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]: ...


class FleetNotBuiltError(Exception):
    """The cloud refused a part of the fleet; the message says which and why."""


def ask(admin: Admin, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call an admin route. Raises FleetNotBuiltError with the route's own message when it refuses."""
    status, answer = admin(method, path, body)
    if status >= 400:
        raise FleetNotBuiltError(f"{method} {path}: {answer.get('message', answer)}")
    return answer
