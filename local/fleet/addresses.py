"""Where in a VPC there are addresses beside the subnets of a fleet file."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

_VPC_PREFIX = 16  # the largest block a VPC takes
_STAGING_PREFIX = 24


def vpc_blocks(cidrs: Iterable[str]) -> tuple[str, ...]:
    """The blocks that a VPC with these subnets has, each once, in their order."""
    networks = (ipaddress.IPv4Network(cidr).supernet(new_prefix=_VPC_PREFIX) for cidr in cidrs)
    return tuple(dict.fromkeys(map(str, networks)))


def staging_block(cidrs: Iterable[str]) -> str | None:
    """The highest free range for the staging subnet of DRS in the VPC's first block; None: there is none."""
    taken = [ipaddress.IPv4Network(cidr) for cidr in cidrs]
    block = taken[0].supernet(new_prefix=_VPC_PREFIX)
    ranges = reversed(list(block.subnets(new_prefix=_STAGING_PREFIX)))
    return next((str(free) for free in ranges if not any(free.overlaps(other) for other in taken)), None)
