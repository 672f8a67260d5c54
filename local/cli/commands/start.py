"""``start``: starts an execution of a stored plan through StartExecution."""

from __future__ import annotations

import argparse

from local.cli import state
from local.cli.client import Cloud
from local.cli.commands.watch import watch
from local.cli.executions import start
from shared.model.policies import Mode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", help="name of a stored plan; 'fleet' stores the plan of its file")
    parser.add_argument(
        "--mode", type=Mode, choices=list(Mode), default=Mode.FAILOVER, help="default: FAILOVER"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--launch-order", choices=["TOGETHER", "BY_WAVE"], help="instead of the plan's own")
    parser.add_argument("--on-blocked", choices=["STOP", "CONTINUE"], help="instead of the plan's own")
    parser.add_argument("--name", help="name of the execution (default: the plan's with a number)")
    parser.add_argument("--watch", action="store_true", help="follow it until it ends")


def run(args: argparse.Namespace) -> int:
    there = state.current()
    cloud = Cloud(there.endpoint)
    request: dict[str, object] = {"plan": args.plan, "mode": args.mode.value}
    if args.dry_run:
        request["dryRun"] = True
    if args.launch_order:
        request["launchOrder"] = args.launch_order
    if args.on_blocked:
        request["onBlocked"] = args.on_blocked
    arn = start(cloud, there, request, args.name)
    print(arn, flush=True)
    return watch(cloud, there, arn) if args.watch or args.dry_run else 0
