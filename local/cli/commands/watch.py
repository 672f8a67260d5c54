"""``watch``: follows an execution until it ends, and says what came of it."""

from __future__ import annotations

import argparse
import json

from rich.console import Console

from local.cli import state
from local.cli.client import Cloud
from local.cli.executions import latest
from local.cli.state import State
from local.cli.watch import follow
from shared.model.scope import Scope
from shared.model.status import ExecutionStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("execution", nargs="?", help="ARN of the execution (default: the last one started)")


def run(args: argparse.Namespace) -> int:
    there = state.current()
    cloud = Cloud(there.endpoint)
    return watch(cloud, there, args.execution or latest(cloud, there))


def watch(cloud: Cloud, there: State, arn: str) -> int:
    """Follow the execution; 0 if it completed without a failure, 1 if not."""
    cloud.use_by_default(Scope(there.account, there.region))
    last = follow(cloud, there, arn, Console())
    if last.standing.output:
        print(json.dumps(last.standing.output, indent=2))
    if last.standing.error:
        print(f"{last.standing.error}: {last.standing.cause}")
    completed = last.execution is not None and last.execution.status is ExecutionStatus.COMPLETED
    return 0 if completed else 1
