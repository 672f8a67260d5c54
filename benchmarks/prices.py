"""What a run would cost on AWS: the counted transitions, invocations and writes, at list prices.

Public prices of us-east-1 without the free tier. Lambda's time is not measured, since in virtual time a call
takes none: it is what the counted API calls would take.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STATE_TRANSITION = 0.025 / 1000
"""Step Functions, Standard Workflows (AWS Step Functions pricing)."""
LAMBDA_REQUEST = 0.20 / 1_000_000
LAMBDA_GB_SECOND = 0.0000166667
"""x86, first tier (AWS Lambda pricing)."""
LAMBDA_GB = 0.5
"""Globals.Function.MemorySize of template.yaml."""
DYNAMODB_WRITE_UNIT = 0.625 / 1_000_000
DYNAMODB_READ_UNIT = 0.125 / 1_000_000
"""On demand, Standard table class (Amazon DynamoDB pricing)."""

SECONDS_OF_AN_INVOCATION = 0.05
SECONDS_OF_A_CALL = {"drs": 0.2, "ec2": 0.2, "dynamodb": 0.01}
SECONDS_OF_ANOTHER_CALL = 0.1
"""Assumed. That of DRS is what the emulator's ``api_latency`` takes."""
SECONDS_OF_STARTING_A_SERVER = 0.3
"""StartRecovery takes longer the more servers it starts (docs/emulator.md, ``api_latency``)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What is paid for. ``calls`` are those of the handlers, by service."""

    transitions: int
    invocations: int
    calls: Mapping[str, int]
    servers_started: int
    write_units: float
    read_units: float


def cost(usage: Usage) -> float:
    """In USD."""
    seconds = SECONDS_OF_AN_INVOCATION * usage.invocations
    seconds += SECONDS_OF_STARTING_A_SERVER * usage.servers_started
    for service, number in usage.calls.items():
        seconds += number * SECONDS_OF_A_CALL.get(service, SECONDS_OF_ANOTHER_CALL)
    return (
        usage.transitions * STATE_TRANSITION
        + usage.invocations * LAMBDA_REQUEST
        + seconds * LAMBDA_GB * LAMBDA_GB_SECOND
        + usage.write_units * DYNAMODB_WRITE_UNIT
        + usage.read_units * DYNAMODB_READ_UNIT
    )
