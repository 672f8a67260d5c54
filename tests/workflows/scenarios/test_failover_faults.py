"""Every fault on the failover that must not hurt, with one seed; SEEDS=20 plays each with twenty."""

from __future__ import annotations

import os

import pytest

from tests.workflows.scenarios import FAILOVERS, MIXES, SCENARIOS, play

SEEDS = range(1, int(os.environ.get("SEEDS", "1")) + 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "name", [scenario.name for scenario in (*FAILOVERS, *MIXES) if not scenario.returning]
)
def test_nothing_is_lost_and_nothing_doubled(name: str, seed: int) -> None:
    play(SCENARIOS[name], seed)
