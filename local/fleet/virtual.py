"""Makes a fleet real in a cloud of its own, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from local.fleet import BuiltServer, Fleet, build
from local.fleet.member_stacks import create_member_stacks
from local.simulation import VirtualCloud

C = TypeVar("C", bound=VirtualCloud)

PAUSE_SECONDS = 5.0
"""How much time passes between two polls of instances that change state."""


@contextmanager
def virtual_fleet(
    fleet: Fleet,
    kind: type[C],
    *,
    parameters: Mapping[str, str] | None = None,
    pause_seconds: float = PAUSE_SECONDS,
    **options: Any,
) -> Iterator[tuple[C, tuple[BuiltServer, ...]]]:
    """A virtual cloud with the fleet in it, ready to be failed over, and what was made for each server.

    ``kind``: the class of the cloud; ``parameters``: of the template, beside the fleet's; ``options``: those
    of the cloud. Raises what ``local.fleet.build`` raises.
    """
    cloud = kind(
        account=fleet.orchestration.account,
        region=fleet.orchestration.region,
        parameters={"ExternalId": fleet.external_id, "AllowInlinePlans": "true", **(parameters or {})},
        **options,
    )
    with cloud:
        create_member_stacks(fleet, cloud.client)
        servers = build(
            fleet,
            cloud.client,
            cloud.drs.admin,
            ec2=cloud.ec2.admin,
            pause=lambda: cloud.advance(pause_seconds),
            workers=1,
        )
        yield cloud, servers
