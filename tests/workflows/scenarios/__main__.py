"""``make soak``: random mixes of faults for a while, or one scenario with one seed once more.

Stops at the first failure with the command that plays it again, and exit code 1.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Iterator

from tests.workflows.scenarios import MIXES, SCENARIOS, Scenario, play


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    asked = _parser().parse_args(arguments)
    begun = time.monotonic()
    played = 0
    for scenario, seed in _wanted(asked):
        if played and time.monotonic() - begun > asked.minutes * 60:
            break
        try:
            runs = play(scenario, seed)
        except Exception:  # noqa: BLE001  whatever it is, it is what was looked for
            print(f"{scenario.name} {seed}: failed\n{traceback.format_exc()}", flush=True)
            return 1
        played += 1
        ends = ", ".join(f"{run.name} {run.status}" for run in runs)
        print(f"{time.monotonic() - begun:7.0f} s  {scenario.name} {seed}: {ends}", flush=True)
    print(f"{played} played, nothing lost and nothing doubled", flush=True)
    return 0


def _wanted(asked: argparse.Namespace) -> Iterator[tuple[Scenario, int]]:
    """What to play: the scenario with the seed, or mixes, from the seed on, without an end."""
    chosen = [SCENARIOS[asked.scenario]] if asked.scenario else MIXES
    if asked.scenario and asked.seed is not None:
        yield chosen[0], asked.seed
        return
    seed = int(time.time()) if asked.seed is None else asked.seed
    while True:
        for scenario in chosen:
            yield scenario, seed
        seed += 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="this one instead of random mixes")
    parser.add_argument("--seed", type=int, help="play it with this seed only; for mixes: the first seed")
    parser.add_argument("--minutes", type=float, default=10.0, help="begin no other after so long")
    return parser


if __name__ == "__main__":
    sys.exit(main())
