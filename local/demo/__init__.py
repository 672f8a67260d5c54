"""``demo``: a fleet fails over and back in a cloud on this machine, and every server is checked."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from local.cli import state
from local.cli.client import Cloud
from local.cli.commands.options import DEFAULT_FLEET, add_cloud_options, cloud_options
from local.cli.deployment import build, deploy
from local.cli.executions import Standing, start
from local.cli.fleets import make_fleet, read_fleet, store_plan
from local.cli.progress import step
from local.cli.session import CLOUD_LOG, cloud_up
from local.cli.state import BuiltFleet, State
from local.cli.subprocesses import Children
from local.cli.watch import await_end, follow
from local.demo import round_trip
from local.demo.comparison import Aside
from local.demo.console_lines import (
    failback_lines,
    failback_times,
    payload_problem,
    plan_of_action,
    stragglers,
    times,
    verdict_lines,
)
from local.demo.failback_verdict import Journey, judge_failback
from local.demo.observed_state import Evidence, gather
from local.demo.report import Report, fetch
from local.demo.results import round_folder, start_over
from local.demo.verdict import Verdict, judge
from local.errors import CommandError
from local.fleet import Fleet, disaster, expected_failback
from local.paths import shown
from shared.model.policies import Mode
from shared.model.scope import Scope
from shared.model.status import ExecutionStatus, ServerStatus
from shared.store import PairStore

MOST_TO_FAIL_BACK = 300
"""Servers that the demo fails back without being asked to."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays: a cloud with everything deployed and the fleet in it."""

    fleet: Fleet
    cloud: Cloud
    there: State
    console: Console

    @property
    def built(self) -> BuiltFleet:
        [built] = self.there.fleets
        return built


@dataclass(frozen=True, slots=True)
class Failover:
    """A failover that has ended: its execution, what it was judged, and how things stood around it."""

    execution_id: str
    verdict: Verdict
    before: Evidence
    after: Evidence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fleet", default=DEFAULT_FLEET, help=f"the fleet file (default: {DEFAULT_FLEET})")
    parser.add_argument(
        "--rounds", type=_rounds, default=1, help="how many times to fail over and back (default: 1)"
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--failover-only", action="store_true", help="do not fail the servers back")
    way.add_argument(
        "--there-and-back",
        action="store_true",
        help=f"fail them back as well; the default for up to {MOST_TO_FAIL_BACK} servers",
    )
    add_cloud_options(parser)


def run(args: argparse.Namespace) -> int:
    """0 only if every server that had to move did, failed back unchanged, and no other server was touched."""
    fleet = read_fleet(args.fleet)
    and_back = not args.failover_only and (
        args.there_and_back or args.rounds > 1 or len(fleet.servers) <= MOST_TO_FAIL_BACK
    )
    rounds = args.rounds if and_back else 1
    _refuse_rounds_without_return(fleet, rounds)
    start_over()
    with Children() as children:
        aside = Aside(children, fleet.path, args.seed)
        with cloud_up(cloud_options(args)) as (cloud, here):
            stage = _set_up(fleet, cloud, here, children)
            _dry_run(stage)
            good = all(
                _go_round(stage, aside, number, rounds, and_back=and_back) for number in range(1, rounds + 1)
            )
    if not and_back and not args.failover_only:
        print(_stayed(fleet))
    print("\nEverything is as it must be." if good else "\nThe demo failed.")
    return 0 if good else 1


def _stayed(fleet: Fleet) -> str:
    """Why a big fleet was not failed back, and how to do it."""
    return (
        f"\nThey stay on the recovery side: a failback of more than {MOST_TO_FAIL_BACK} takes long.\n"
        f"To include it: make demo FLEET={shown(fleet.path)} ARGS=--there-and-back"
    )


def _rounds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rounds; give one from 1 to 100")
    return int(text)


def _refuse_rounds_without_return(fleet: Fleet, rounds: int) -> None:
    """A second round starts where the first did, or says nothing about the second failover."""
    away = [name for name, end in expected_failback(fleet).items() if end is not ServerStatus.RECOVERED]
    if rounds > 1 and away:
        message = f"{fleet.path} leaves {len(away)} servers on the recovery side ({away[0]} …)"
        raise CommandError(
            f"{message}: it cannot fail over and back {rounds} times.\nTake another fleet, or one round."
        )


def _go_round(stage: Stage, aside: Aside, number: int, rounds: int, *, and_back: bool) -> bool:
    """Over and, with ``and_back``, back; whether all was as it must be."""
    if rounds > 1:
        print(f"\n=== round {number} of {rounds}")
    folder = round_folder(number, rounds)
    failover = _fail_over(stage, aside if number == 1 else None, folder)
    if not and_back or not failover.verdict.moved:
        return failover.verdict.good
    return _fail_servers_back(stage, failover, folder).good and failover.verdict.good


def _set_up(fleet: Fleet, cloud: Cloud, here: State, children: Children) -> Stage:
    """Build and deploy, and make the fleet meanwhile: it needs the cloud only."""
    here = replace(here, account=fleet.orchestration.account, region=fleet.orchestration.region)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(make_fleet, fleet, cloud, here)
        with step("sam build"):
            build(children)
        with step(f"fleet of {len(fleet.servers)} servers"):
            here = made.result()
    with step(f"sam deploy to {1 + len(fleet.member_accounts)} accounts"):
        here = replace(here, outputs=deploy(fleet, cloud, children))
    state.write(here)
    with step(f"plan {fleet.name} stored"):
        store_plan(fleet, cloud, here)
    cloud.use_by_default(Scope(here.account, here.region))
    return Stage(fleet, cloud, here, Console())


def _dry_run(stage: Stage) -> None:
    with step("dry run"):
        arn = start(stage.cloud, stage.there, {"plan": stage.fleet.name, "dryRun": True})
        ended = await_end(stage.cloud, stage.there, arn)
        report = _report(stage, arn, ended)
        if report.document["status"] == ExecutionStatus.FAILED:
            raise CommandError(f"The dry run failed: {report.document['reason']}", log=CLOUD_LOG)
    for line in plan_of_action(report.document):
        print(line)


def _fail_over(stage: Stage, aside: Aside | None, folder: Path) -> Failover:
    before = gather(stage.fleet, stage.cloud)
    with step(f"disaster: originals {stage.fleet.originals.value}"):
        disaster.strike(stage.fleet, stage.built.servers, stage.cloud.client, stage.cloud.admin("ec2"))
    arn, report, elapsed = _execute(stage, {"plan": stage.fleet.name})
    disaster.end(stage.fleet, stage.cloud.admin("ec2"))
    after = gather(stage.fleet, stage.cloud)
    files = report.keep(folder, "failover")
    payload = _largest_payload(stage)
    verdict = _limited(judge(stage.fleet, stage.built, before, after, report.document), payload)
    print()
    by_wave = None
    if aside:
        with step("the same plan with launchOrder BY_WAVE, in virtual time"):
            by_wave = aside.outcome()
    for line in (
        *stragglers(report.document),
        *times(report.document, elapsed, by_wave, compared=aside is not None),
        *verdict_lines(stage.fleet, verdict, payload, files),
    ):
        print(line)
    return Failover(_execution_id(arn), verdict, before, after)


def _fail_servers_back(stage: Stage, failover: Failover, folder: Path) -> Verdict:
    """Everything that the failover recovered, back into the instances it came from."""
    request = {"mode": Mode.FAILBACK.value, "failover": failover.execution_id}
    name = f"{stage.fleet.name}-failback-{failover.execution_id.rsplit('-', 1)[-1]}"
    _, report, elapsed = _execute(stage, request, name)
    journey = Journey(failover.before, failover.after, gather(stage.fleet, stage.cloud))
    servers = round_trip.travellers(stage.fleet, stage.built, journey)
    round_trip.keep(servers, folder)
    files = report.keep(folder, "failback")
    pairs = PairStore(stage.there.output("InstancePairsTableName")).get(
        [server.source_server_id for server in stage.built.servers]
    )
    payload = _largest_payload(stage)
    verdict = _limited(judge_failback(stage.fleet, stage.built, journey, pairs, report.document), payload)
    print()
    stage.console.print(round_trip.table(servers))
    print()
    for line in (
        *stragglers(report.document),
        *failback_times(report.document, elapsed),
        *failback_lines(stage.fleet, verdict, payload, (*files, folder / "round-trip.md")),
    ):
        print(line)
    return verdict


def _execute(stage: Stage, request: dict[str, Any], name: str | None = None) -> tuple[str, Report, float]:
    """Start an execution and follow it to its end: its ARN, its report, and how long it took in real time."""
    began = time.monotonic()
    arn = start(stage.cloud, stage.there, request, name)
    print(f"\n{request.get('mode', Mode.FAILOVER).lower()} {arn}", flush=True)
    last = follow(stage.cloud, stage.there, arn, stage.console)
    return arn, _report(stage, arn, last.standing), time.monotonic() - began


def _largest_payload(stage: Stage) -> int:
    return int(stage.cloud.get("/_local/executions")["largestPayloadBytes"])


def _limited(verdict: Verdict, payload: int) -> Verdict:
    """The verdict, with the size of the largest state payload counted in."""
    problem = payload_problem(payload)
    return replace(verdict, problems=(*verdict.problems, problem)) if problem else verdict


def _execution_id(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]


def _report(stage: Stage, arn: str, ended: Standing) -> Report:
    """The report of an execution. Raises CommandError with the execution's own error if it left none."""
    report = fetch(stage.cloud, stage.there, stage.fleet.name, _execution_id(arn))
    if report is None:
        message = f"The execution left no report. It {ended.status}: {ended.error}: {ended.cause}"
        raise CommandError(message, log=CLOUD_LOG)
    return report
