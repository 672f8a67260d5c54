"""``demo``: a fleet is failed over in a cloud on this machine, and every server is checked afterwards."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from rich.console import Console

from local import state
from local.children import Children
from local.commands.options import DEFAULT_FLEET, add_cloud_options, cloud_options
from local.compare import Aside
from local.demo.evidence import gather
from local.demo.report import Report, fetch
from local.demo.telling import payload_problem, plan_of_action, stragglers, times, verdict_lines
from local.demo.verdict import Verdict, judge
from local.deploy import build, deploy
from local.errors import CommandError
from local.executions import Standing, start
from local.fleet import Fleet
from local.fleets import make_fleet, read_fleet, store_plan
from local.reach import Cloud
from local.session import CLOUD_LOG, cloud_up
from local.state import State
from local.steps import step
from local.watch import await_end, follow
from shared.model import ExecutionStatus, Scope


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays: a cloud with everything deployed and the fleet in it."""

    fleet: Fleet
    cloud: Cloud
    there: State


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fleet", default=DEFAULT_FLEET, help=f"the fleet file (default: {DEFAULT_FLEET})")
    add_cloud_options(parser)


def run(args: argparse.Namespace) -> int:
    """0 only if every server that had to move did and is verified, and no other did."""
    fleet = read_fleet(args.fleet)
    console = Console()
    with Children() as children:
        aside = Aside(children, fleet.path, args.seed)
        with cloud_up(cloud_options(args)) as (cloud, here):
            stage = _set_up(fleet, cloud, here, children)
            _dry_run(stage)
            verdict = _fail_over(stage, console, aside)
    print("\nEverything is as it must be." if verdict.good else "\nThe demo failed.")
    return 0 if verdict.good else 1


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
    return Stage(fleet, cloud, here)


def _dry_run(stage: Stage) -> None:
    with step("dry run"):
        arn = start(stage.cloud, stage.there, {"plan": stage.fleet.name, "dryRun": True})
        ended = await_end(stage.cloud, stage.there, arn)
        report = _report(stage, arn, ended)
        if report.document["status"] == ExecutionStatus.FAILED:
            raise CommandError(f"The dry run failed: {report.document['reason']}", log=CLOUD_LOG)
    for line in plan_of_action(report.document):
        print(line)


def _fail_over(stage: Stage, console: Console, aside: Aside) -> Verdict:
    [built] = stage.there.fleets
    before, began = gather(stage.fleet, stage.cloud), time.monotonic()
    arn = start(stage.cloud, stage.there, {"plan": stage.fleet.name})
    print(f"\nfailover {arn}", flush=True)
    last = follow(stage.cloud, stage.there, arn, console)
    after, elapsed = gather(stage.fleet, stage.cloud), time.monotonic() - began
    report = _report(stage, arn, last.standing)
    report.keep()
    payload = int(stage.cloud.get("/_local/executions")["largestPayloadBytes"])
    verdict = judge(stage.fleet, built, before, after, report.document)
    if problem := payload_problem(payload):
        verdict = replace(verdict, problems=(*verdict.problems, problem))
    print()
    with step("the same plan with launchOrder BY_WAVE, in virtual time"):
        by_wave = aside.outcome()
    for line in (
        *stragglers(report.document),
        *times(report.document, elapsed, by_wave),
        *verdict_lines(stage.fleet, verdict, payload),
    ):
        print(line)
    return verdict


def _report(stage: Stage, arn: str, ended: Standing) -> Report:
    """The report of an execution. Raises CommandError with the execution's own error if it left none."""
    report = fetch(stage.cloud, stage.there, stage.fleet.name, arn.rsplit(":", 1)[-1])
    if report is None:
        message = f"The execution left no report. It {ended.status}: {ended.error}: {ended.cause}"
        raise CommandError(message, log=CLOUD_LOG)
    return report
