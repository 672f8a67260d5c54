"""What goes wrong on the failback."""

from __future__ import annotations

from dataclasses import replace

from local.simulation.call_faults import CallFaultKind
from tests.workflows.scenarios import faults
from tests.workflows.scenarios.failover import FAILOVERS
from tests.workflows.scenarios.scenario import Scenario, fail_servers_back

_BOTH_DIRECTIONS = (
    "throttling",
    "answers-lost",
    "dies-before",
    "dies-midway",
    "dies-after",
    "invoked-at-once",
    "invoked-twice",
    "invoked-late",
    "conflicts",
    "events",
    "operators",
    "clock-jumps",
)

FAILBACKS = [
    *(
        replace(scenario, name=f"failback-{scenario.name}", play=fail_servers_back, returning=True)
        for scenario in FAILOVERS
        if scenario.name in _BOTH_DIRECTIONS
    ),
    Scenario(
        "failback-start-unanswered",
        "StartRecovery and ReverseReplication are accepted and their answers are lost",
        faults.calls(
            CallFaultKind.LOST_ANSWER, 0.6, "drs", operations=("StartRecovery", "ReverseReplication")
        ),
        fail_servers_back,
        returning=True,
    ),
]
