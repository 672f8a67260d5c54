"""Faults that must not hurt, each with a name, and each played with any seed: see docs/faults.md."""

from tests.workflows.scenarios.failback import FAILBACKS
from tests.workflows.scenarios.failover import FAILOVERS
from tests.workflows.scenarios.mix import MIXES
from tests.workflows.scenarios.scenario import Scenario, play, replay_command

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in (*FAILOVERS, *FAILBACKS, *MIXES)}

__all__ = ["FAILBACKS", "FAILOVERS", "MIXES", "SCENARIOS", "Scenario", "play", "replay_command"]
