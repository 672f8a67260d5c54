"""``fleet``: makes a fleet file's servers real in the cloud that is up, and stores its plan."""

from __future__ import annotations

import argparse
import json

from local.cli import state
from local.cli.client import Cloud
from local.cli.fleets import make_fleet, read_fleet, store_plan
from local.cli.progress import step
from local.fleet import plan_document


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a fleet file, or the name of one in fleets/ (format: docs/fleets.md)")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="only check the file")
    only.add_argument("--plan", action="store_true", help="only print the plan that is made from it")


def run(args: argparse.Namespace) -> int:
    fleet = read_fleet(args.file)
    if args.plan:
        print(json.dumps(plan_document(fleet), indent=2))
        return 0
    if args.check:
        accounts = len(fleet.member_accounts)
        print(f"{fleet.path}: {len(fleet.servers)} servers, {len(fleet.waves)} waves, {accounts} accounts")
        return 0
    there = state.current()
    cloud = Cloud(there.endpoint)
    with step(f"fleet of {len(fleet.servers)} servers"):
        there = make_fleet(fleet, cloud, there)
        state.write(there)
    if there.outputs:
        with step(f"plan {fleet.name}"):
            store_plan(fleet, cloud, there)
    else:
        print("Nothing is deployed yet, so its plan is not stored. Then: python -m local deploy")
    return 0
