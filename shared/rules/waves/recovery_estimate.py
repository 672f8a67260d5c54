"""How long a recovery takes: an orientation before it starts, not a promise.

AWS publishes no durations. Two public drill jobs of DRS with Linux servers took nine minutes each: 52 s to
the start of the conversion, three minutes of conversion, five of launch. From these come the medians and 95th
percentiles below; those for Windows and for launching into an existing instance are assumptions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

from shared.model.policies import LaunchOrder, RecoveryMode
from shared.model.quotas import SERVERS_PER_JOB

SNAPSHOT_SECONDS = 53.0
"""From the creation of a job to the start of its first conversion."""
CONVERSION_SECONDS = {"linux": (190.0, 330.0), "windows": (420.0, 900.0)}
"""Median and 95th percentile of one server; none with recovery mode FAST."""
LAUNCH_SECONDS = {"linux": (180.0, 300.0), "windows": (300.0, 600.0)}
"""Median and 95th percentile of launching one server into its instance."""
CONTENTION_SECONDS = 3.0
CONTENTION_FROM = 20
"""Each server beyond this many in a job adds CONTENTION_SECONDS to the 95th percentiles."""
START_SECONDS = {"linux": 120.0, "windows": 300.0}
"""From StartInstances until EC2's status checks and the plan's health checks pass."""
SETUP_SECONDS = 90.0
"""Configuring and stopping before a launch, and noticing its end: once for each launch of a wave."""
WAVE_SECONDS = 40.0
"""Noticing that the waves it depends on are done, and closing it: once for each wave."""


class Wave(Protocol):
    """PlannedWave and WaveRecord both are one."""

    @property
    def name(self) -> str: ...

    @property
    def depends_on(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class WaveLoad:
    """How many servers a wave launches, by platform, and how many of them in its largest job."""

    linux: int = 0
    windows: int = 0
    largest_job: int = SERVERS_PER_JOB


@dataclass(frozen=True, slots=True)
class Estimate:
    """``seconds`` until the last wave is done; ``wave_seconds`` until each wave is, from the same moment."""

    seconds: int
    wave_seconds: dict[str, int]


def estimate(
    waves: Sequence[Wave],
    loads: Mapping[str, WaveLoad],
    launch_order: LaunchOrder,
    recovery_mode: RecoveryMode,
) -> Estimate:
    """How long the waves take from the moment the first is launched.

    TOGETHER: all launches in parallel, then the starts along the graph. BY_WAVE: launch and start of
    each wave along the graph. Waiting for slots under the quotas is not in it.
    """
    ends: dict[str, float] = {}
    by_name = {wave.name: wave for wave in waves}

    def end(name: str) -> float:
        if name not in ends:
            load = loads.get(name, WaveLoad())
            before = max((end(needed) for needed in by_name[name].depends_on), default=0.0)
            launch = launch_seconds(load, recovery_mode)
            ready = max(before, launch) if launch_order is LaunchOrder.TOGETHER else before + launch
            ends[name] = ready + start_seconds(load)
        return ends[name]

    wave_seconds = {wave.name: round(end(wave.name)) for wave in waves}
    return Estimate(max(wave_seconds.values(), default=0), wave_seconds)


def launch_seconds(load: WaveLoad, recovery_mode: RecoveryMode) -> float:
    """From configuring the servers of a wave to the end of its slowest job."""
    servers = load.linux + load.windows
    if servers == 0:
        return 0.0
    slowest = max(
        _slowest_server(count, min(servers, load.largest_job), platform, recovery_mode)
        for platform, count in (("linux", load.linux), ("windows", load.windows))
        if count
    )
    return SETUP_SECONDS + SNAPSHOT_SECONDS + slowest


def start_seconds(load: WaveLoad) -> float:
    """From the moment a wave may start its servers to its end."""
    boots = [START_SECONDS[platform] for platform in ("linux", "windows") if getattr(load, platform)]
    return WAVE_SECONDS + max(boots, default=0.0)


def _slowest_server(count: int, in_job: int, platform: str, recovery_mode: RecoveryMode) -> float:
    """The expected slowest of ``count`` servers, when phases are independent and lognormal."""
    contention = CONTENTION_SECONDS * max(0, in_job - CONTENTION_FROM)
    phases = [LAUNCH_SECONDS[platform]]
    if recovery_mode is RecoveryMode.OPTIMAL:
        phases.append(CONVERSION_SECONDS[platform])
    median = sum(middle for middle, _ in phases)
    spreads = [middle * math.log((p95 + contention) / middle) / _Z95 for middle, p95 in phases]
    sigma = math.hypot(*spreads) / median
    return median * math.exp(sigma * _NORMAL.inv_cdf(count / (count + 1)))


_NORMAL = NormalDist()
_Z95 = _NORMAL.inv_cdf(0.95)


# --- failback ---------------------------------------------------------------------------------------------

CHECK_IN_SECONDS = 270.0
"""Until the agent on a recovery instance answers, when it has just been started."""
INITIATING_SECONDS = 150.0
"""From ReverseReplication to the first byte: a replication server is launched and connected."""
FINAL_SNAPSHOT_SECONDS = 75.0
SYNC_BYTES_PER_SECOND = 50_000_000.0
"""Of one server, between Regions: an assumption, AWS publishes none."""
SCOPE_BYTES_PER_SECOND = 500_000_000.0
"""Of all servers together that replicate to one scope: an assumption."""
RESCAN_BYTES_PER_SECOND = 150_000_000.0
"""Of one server that is protected again: its disks are read, and little is sent."""
RESCAN_DELAY_SECONDS = 180.0
"""From re-protection to the first byte read: the source server is stalled until the agent has found it."""


@dataclass(frozen=True, slots=True)
class FailbackEstimate:
    """Seconds of each part; ``seconds`` of all. ``wave_seconds``: from the cutover to its end."""

    seconds: int
    reverse_seconds: int
    cutover_seconds: int
    reprotect_seconds: int
    wave_seconds: dict[str, int]


def failback_estimate(
    waves: Sequence[Wave],
    loads: Mapping[str, WaveLoad],
    launch_order: LaunchOrder,
    recovery_mode: RecoveryMode,
    server_bytes: Sequence[int],
) -> FailbackEstimate:
    """How long a failback takes from the first reversal, without approvals and waits for people.

    ``server_bytes``: the size of the disks of every server that has to be copied, all to one scope (of
    several sites give the largest). Servers that are replicated already are left out of it.
    """
    cutover = estimate(waves, loads, launch_order, recovery_mode)
    reverse = _copy_seconds(server_bytes)
    reprotect = 0.0
    if server_bytes:
        rescan = max(server_bytes) / RESCAN_BYTES_PER_SECOND
        reprotect = CHECK_IN_SECONDS + RESCAN_DELAY_SECONDS + rescan
    return FailbackEstimate(
        seconds=round(reverse + cutover.seconds + reprotect),
        reverse_seconds=round(reverse),
        cutover_seconds=cutover.seconds,
        reprotect_seconds=round(reprotect),
        wave_seconds=cutover.wave_seconds,
    )


def _copy_seconds(server_bytes: Sequence[int]) -> float:
    if not server_bytes:
        return 0.0
    slowest = max(server_bytes) / SYNC_BYTES_PER_SECOND
    together = sum(server_bytes) / SCOPE_BYTES_PER_SECOND
    return INITIATING_SECONDS + max(slowest, together) + FINAL_SNAPSHOT_SECONDS
