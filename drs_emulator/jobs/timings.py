"""How long the phases of a job take, in simulated seconds, sampled so that call order does not matter.

Calibrated on two published drills of two Linux servers (about 535 s each: conversion after 52 s, then about
185 s, launch about 290 s). Everything else is a guess in ``Settings``.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from drs_emulator.settings import Settings
from drs_emulator.state import SourceServer

_Z95 = 1.6449
_TAIL = 2.0
"""Draws are cut at two deviations, so that one server of a hundred does not double a job."""


@dataclass(frozen=True, slots=True)
class PhaseTimes:
    """Seconds of one server's phases in one job."""

    cleanup: float
    wait: float
    conversion: float
    launch: float


def job_start(settings: Settings, seed: int, job_id: str) -> float:
    """Seconds from the call to JOB_START (observed 0.3 and 0.4)."""
    return random.Random(f"{seed}/{job_id}").uniform(0.2, 0.6) * settings.time_factor


def phase_times(settings: Settings, seed: int, job_id: str, server: SourceServer, servers: int) -> PhaseTimes:
    """The phases of ``server`` in a job of ``servers`` servers."""
    draw = random.Random(f"{seed}/{job_id}/{server.server_id}")
    windows = server.platform == "windows"
    more = settings.contention_seconds * max(0, servers - settings.contention_from)
    if server.target_id:
        launch = settings.launch_into_windows if windows else settings.launch_into_linux
    else:
        launch = settings.launch_windows if windows else settings.launch_linux
    conversion = settings.conversion_windows if windows else settings.conversion_linux
    factor = settings.time_factor
    return PhaseTimes(
        cleanup=draw.uniform(*settings.cleanup_seconds) * factor,
        wait=max(1.0, draw.gauss(settings.wait_before_conversion, 3.0)) * factor,
        conversion=_lognormal(draw, *conversion, more) * factor,
        launch=_lognormal(draw, *launch, more) * factor,
    )


def terminate_time(settings: Settings, seed: int, job_id: str, instance_id: str) -> float:
    """Seconds of one instance in a TERMINATE job."""
    draw = random.Random(f"{seed}/{job_id}/{instance_id}")
    return draw.uniform(*settings.terminate_seconds) * settings.time_factor


def staging_time(settings: Settings, seed: int, job_id: str, server_id: str) -> float:
    """Seconds of one extended server in its CREATE_CONVERTED_SNAPSHOT job."""
    draw = random.Random(f"{seed}/{job_id}/{server_id}/staging")
    return _lognormal(draw, *settings.staging_job_seconds, 0.0) * settings.time_factor


def _lognormal(draw: random.Random, median: float, p95: float, more: float) -> float:
    sigma = math.log(max(p95 + more, median) / median) / _Z95 if median > 0 else 0.0
    z = max(-_TAIL, min(_TAIL, draw.gauss(0.0, 1.0)))
    return median * math.exp(sigma * z)
