"""``deploy``: builds and deploys the templates to the cloud that is up."""

from __future__ import annotations

import argparse
from dataclasses import replace

from local.cli import state
from local.cli.client import Cloud
from local.cli.commands.options import DEFAULT_FLEET
from local.cli.deployment import build, deploy
from local.cli.fleets import read_fleet
from local.cli.progress import step
from local.cli.subprocesses import Children


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fleet",
        default=DEFAULT_FLEET,
        help=f"the fleet whose accounts to deploy to (default: {DEFAULT_FLEET})",
    )


def run(args: argparse.Namespace) -> int:
    fleet = read_fleet(args.fleet)
    there = state.current()
    with Children() as children:
        with step("sam build"):
            build(children)
        with step("sam deploy"):
            outputs = deploy(fleet, Cloud(there.endpoint), children)
    orchestration = fleet.orchestration
    state.write(replace(there, account=orchestration.account, region=orchestration.region, outputs=outputs))
    for name, value in sorted(outputs.items()):
        print(f"{name}  {value}")
    return 0
