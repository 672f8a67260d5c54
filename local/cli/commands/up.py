"""``up``: a local cloud that stays up until Ctrl-C, empty or with everything deployed."""

from __future__ import annotations

import argparse
import shlex
import threading
from contextlib import suppress
from dataclasses import replace

from local.cli import state
from local.cli.client import Cloud, exports
from local.cli.commands.options import DEFAULT_FLEET, add_cloud_options, cloud_options
from local.cli.deployment import build, deploy
from local.cli.fleets import make_fleet, read_fleet, store_plan
from local.cli.progress import step
from local.cli.session import CLOUD_LOG, cloud_up
from local.cli.subprocesses import Children
from local.fleet import Fleet
from local.paths import shown
from shared.model.scope import Scope


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_cloud_options(parser)
    parser.add_argument("--deploy", action="store_true", help="deploy the workflows to it")
    parser.add_argument("--fleet", help=f"make this fleet in it (with --deploy: {DEFAULT_FLEET})")


def run(args: argparse.Namespace) -> int:
    path = args.fleet or (DEFAULT_FLEET if args.deploy else None)
    fleet = read_fleet(path) if path else None
    with Children() as children:
        if args.deploy:
            with step("sam build"):
                build(children)
        with cloud_up(cloud_options(args)) as (cloud, here):
            if fleet:
                here = replace(here, account=fleet.orchestration.account, region=fleet.orchestration.region)
                here = _fill(fleet, cloud, here, children, deployed=args.deploy)
            with suppress(KeyboardInterrupt):  # the way it is meant to end, as soon as it is said to be up
                _print_how_to_use(cloud, here)
                threading.Event().wait()
    return 0


def _fill(
    fleet: Fleet, cloud: Cloud, here: state.State, children: Children, *, deployed: bool
) -> state.State:
    if deployed:
        with step("sam deploy"):
            here = replace(here, outputs=deploy(fleet, cloud, children))
            state.write(here)
    with step(f"fleet of {len(fleet.servers)} servers"):
        here = make_fleet(fleet, cloud, here)
        state.write(here)
    if deployed:
        with step(f"plan {fleet.name}"):
            store_plan(fleet, cloud, here)
    return here


def _print_how_to_use(cloud: Cloud, here: state.State) -> None:
    print(f"\nThe local cloud is up at {cloud.endpoint}; its log is {shown(CLOUD_LOG)}. Ctrl-C ends it.")
    print("\nIn another terminal, for the AWS CLI:")
    for name, value in exports(cloud.endpoint, Scope(here.account, here.region)).items():
        print(f"  export {name}={shlex.quote(value)}")
    if here.outputs:
        print("\nDeployed:")
        for name, value in sorted(here.outputs.items()):
            print(f"  {name}  {value}")
    for fleet in here.fleets:
        if here.outputs:
            print(f"\nStart it:  python -m local start {fleet.name} --watch")
    print(flush=True)
