"""What detached volumes cost: an estimate from list prices, for the report."""

from __future__ import annotations

from collections.abc import Sequence

from shared.model.ec2 import Volume
from shared.model.server import DetachedVolume

PRICE_PER_GIB_MONTH_USD = {
    "gp3": 0.08,
    "gp2": 0.10,
    "io2": 0.125,
    "io1": 0.125,
    "st1": 0.045,
    "sc1": 0.015,
    "standard": 0.05,
}
"""List prices of us-east-1 (aws.amazon.com/ebs/pricing, 2026). Other Regions cost up to twice as much;
provisioned IOPS and throughput, discounts and taxes are not in it."""
DEAREST_USD = max(PRICE_PER_GIB_MONTH_USD.values())
"""For a type that is not listed: better too much than too little."""


def monthly_cost_usd(volume: DetachedVolume) -> float:
    """The estimated cost of keeping ``volume`` for a month, in US dollars, to the cent."""
    return round(volume.size_gib * PRICE_PER_GIB_MONTH_USD.get(volume.type, DEAREST_USD), 2)


def detached(before: Sequence[Volume], after: Sequence[Volume]) -> tuple[Volume, ...]:
    """Those of the volumes ``before`` a launch that are not among those ``after`` it, by volume id."""
    attached = {volume.volume_id for volume in after}
    return tuple(volume for volume in before if volume.volume_id and volume.volume_id not in attached)
