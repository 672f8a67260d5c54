"""Prepares a fleet, again, and undoes it, in virtual time: ``python -m benchmarks.preparation``.

Prints, for each, the servers by outcome, the calls to DRS that write, simulated and real seconds, and how
large history and state became.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path
from typing import Any

from local.fleet import load, plan_document
from local.fleet.virtual import virtual_fleet
from local.simulation import VirtualCloud

RUNS: tuple[tuple[str, dict[str, Any]], ...] = (("prepared", {}), ("again", {}), ("undone", {"undo": True}))


def main() -> None:
    """Measure the fleet of a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preparation", description=__doc__)
    parser.add_argument("--fleet", default="fleets/thousand.yaml")
    fleet = load(Path(parser.parse_args().fleet))
    logging.disable(logging.INFO)
    with virtual_fleet(fleet, VirtualCloud) as (cloud, _):
        for name, more in RUNS:
            cloud.calls.clear()
            began = time.monotonic()
            result = cloud.run("prepare", {"plan": plan_document(fleet), **more}, name=name)
            assert result.output is not None, result.cause
            counts = {key: value for key, value in result.output["totals"].items() if value}
            sys.stdout.write(
                f"{name}: {counts}, {cloud.calls['drs', 'UpdateLaunchConfiguration']} writes, "
                f"{result.seconds:.1f} s simulated, {time.monotonic() - began:.0f} s here, "
                f"{result.history_events} events, {result.largest_state_bytes} bytes of state\n"
            )


if __name__ == "__main__":
    main()
