"""How long the same plan takes with ``launchOrder: BY_WAVE``: the same code in virtual time, aside.

``python -m local.demo.comparison FLEET`` prints ``{"status": …, "seconds": …}`` as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from local.cli.client import environment
from local.cli.subprocesses import Children
from local.fleet import load, plan_document
from local.fleet.virtual import virtual_fleet
from local.paths import LOGS
from local.simulation import VirtualCloud
from shared.model.policies import LaunchOrder
from shared.model.scope import Scope

LOG = LOGS / "by-wave.log"

TIMEOUT_SECONDS = 900.0
"""How long the demo waits for the comparison, when all else is done."""

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
    """The comparison in a child process with low priority, so that it does not hold up what people watch.

    Nor can it fail that: whatever goes wrong with it, its ``outcome`` is None. ``program``: what Python runs.
    """

    def __init__(
        self,
        children: Children,
        fleet_file: Path,
        seed: int,
        *,
        program: Sequence[str] = ("-m", "local.demo.comparison"),
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        command = ["nice", "-n", "19", sys.executable, "-u", *program, str(fleet_file.resolve())]
        env = environment("http://127.0.0.1:9", Scope("000000000000", "us-east-1"))
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = children.start(
                [*command, "--seed", str(seed)], log=LOG, env=env, stdout=subprocess.PIPE
            )
        except OSError as error:
            _note(f"it could not be started: {error}")
        else:
            share_out(self._process.pid, LAST)

    def outcome(self) -> Outcome | None:
        """What came of it, once it is done; None if it failed or gave no answer: its log has the reason."""
        if self._process is None:
            return None
        share_out(self._process.pid, EQUAL)  # nothing else works any more, and the demo waits for this
        output = b""
        try:
            output, _ = self._process.communicate(timeout=self._timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
        status = self._process.wait()
        outcome = answered(output) if status == 0 else None
        if outcome is None:
            _note(f"it ended with exit status {status} and the answer {output!r}")
        return outcome


def answered(output: bytes) -> Outcome | None:
    """The answer that the child process has printed; None if that is none."""
    try:
        answer = json.loads(output)
    except ValueError:
        return None
    match answer:
        case {"status": str(status), "seconds": int(seconds) | float(seconds)}:
            return Outcome(status, seconds)
    return None


def _note(text: str) -> None:
    with suppress(OSError), LOG.open("a", encoding="utf-8") as log:
        log.write(f"{text}\n")


def share_out(pid: int, nice: int) -> None:
    """Give the session of ``pid`` its part of the processors.

    Linux may share them out among sessions first, and nice counts within each only (man 7 sched).
    """
    with suppress(OSError):  # no Linux, or no such groups
        Path(f"/proc/{pid}/autogroup").write_text(str(nice), encoding="ascii")


@contextmanager
def answering() -> Iterator[TextIO]:
    """What was stdout, for the answer alone, which is out when this is left; other prints go to stderr.

    With ``sys.stdout`` set to another stream, the answer could stay in the buffer of the old one: an
    interpreter that ends flushes what ``sys.stdout`` is then, and the old one only if it gets collected.
    """
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        yield answer


def main() -> None:
    """The child process."""
    parser = argparse.ArgumentParser(prog="python -m local.demo.comparison", description=__doc__)
    parser.add_argument("fleet", type=Path)
    parser.add_argument("--order", type=LaunchOrder, default=LaunchOrder.BY_WAVE, help="TOGETHER or BY_WAVE")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with answering() as answer:
        outcome = run(args.fleet, args.order, args.seed)
        print(json.dumps({"status": outcome.status, "seconds": outcome.seconds}), file=answer)


if __name__ == "__main__":
    main()
