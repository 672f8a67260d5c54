"""How long the same plan takes with ``launchOrder: BY_WAVE``: the same code in virtual time, aside.

``python -m local.demo.comparison FLEET`` prints ``{"status": …, "seconds": …}`` as JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.cli.client import environment
from local.cli.subprocesses import Children
from local.fleet import load, plan_document
from local.paths import LOGS
from local.simulation import VirtualCloud
from local.simulation.fleets import virtual_fleet
from shared.model.policies import LaunchOrder
from shared.model.scope import Scope

LOG = LOGS / "by-wave.log"

LAST, EQUAL = 19, 0
"""Nice values of sessions: who gets what all others leave, and who gets as much as they."""


class ComparisonError(RuntimeError):
    """The failover in virtual time did not come to an end of its own; the message has its error."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a failover in virtual time. ``seconds`` are simulated."""

    status: str
    seconds: float


def run(fleet_file: Path, order: LaunchOrder, seed: int) -> Outcome:
    """Fail the fleet over in this process, in virtual time."""
    fleet = load(fleet_file)
    with virtual_fleet(fleet, VirtualCloud, seed=seed) as (cloud, _):
        request = {"plan": plan_document(fleet), "launchOrder": order.value}
        result = cloud.run("failover", request, name=f"{fleet.name}-{order.value.lower()}")
    if result.output is None:
        raise ComparisonError(f"the execution {result.status}: {result.error}: {result.cause}")
    return Outcome(result.output["status"], result.seconds)


class Aside:
    """The comparison in a child process with low priority, so that it does not hold up what people watch."""

    def __init__(self, children: Children, fleet_file: Path, seed: int) -> None:
        command = [
            "nice",
            "-n",
            "19",
            sys.executable,
            "-m",
            "local.demo.comparison",
            str(fleet_file.resolve()),
        ]
        env = environment("http://127.0.0.1:9", Scope("000000000000", "us-east-1"))
        self._process = children.start(
            [*command, "--seed", str(seed)], log=LOG, env=env, stdout=subprocess.PIPE
        )
        share_out(self._process.pid, LAST)

    def outcome(self) -> Outcome | None:
        """What came of it, once it is done; None if it failed, for which its log has the reason."""
        share_out(self._process.pid, EQUAL)  # nobody works any more but who waits for this
        output, _ = self._process.communicate()
        return Outcome(**json.loads(output)) if self._process.returncode == 0 else None


def share_out(pid: int, nice: int) -> None:
    """Give the session of ``pid`` its part of the processors.

    Linux may share them out among sessions first, and nice counts within each only (man 7 sched).
    """
    with suppress(OSError):  # no Linux, or no such groups
        Path(f"/proc/{pid}/autogroup").write_text(str(nice), encoding="ascii")


def main() -> None:
    """The child process."""
    parser = argparse.ArgumentParser(prog="python -m local.demo.comparison", description=__doc__)
    parser.add_argument("fleet", type=Path)
    parser.add_argument("--order", type=LaunchOrder, default=LaunchOrder.BY_WAVE, help="TOGETHER or BY_WAVE")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    output, sys.stdout = sys.stdout, sys.stderr  # handlers log to stdout; the answer alone goes there
    outcome = run(args.fleet, args.order, args.seed)
    print(json.dumps({"status": outcome.status, "seconds": outcome.seconds}), file=output)


if __name__ == "__main__":
    main()
