"""Makes a fleet real in a local cloud that runs, and remembers it in the state file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local.cli import state
from local.cli.client import Cloud
from local.errors import CommandError
from local.fleet import Fleet, FleetFileError, FleetNotBuiltError, build, load, plan_document


def read_fleet(path: str) -> Fleet:
    """Load a fleet file by path, or by the name of one in ``fleets/``. Raises CommandError."""
    by_name = Path("fleets") / f"{path}.yaml"
    file = by_name if not Path(path).exists() and by_name.exists() else Path(path)
    try:
        return load(file)
    except FleetFileError as error:
        raise CommandError(str(error)) from error


def make_fleet(fleet: Fleet, cloud: Cloud, there: state.State) -> state.State:
    """Make the fleet; gives the state with it. Raises CommandError when a part of it is there already."""
    taken = {server.name for made in there.fleets for server in made.servers}
    if again := sorted(taken & {server.name for server in fleet.servers}):
        message = f"The cloud at {cloud.endpoint} has a server {again[0]} already: a second of that name"
        raise CommandError(
            f"{message} would spoil its pair.\nStart over: python -m local down; python -m local up"
        )
    try:
        servers = build(fleet, cloud.client, cloud.admin("drs"), ec2=cloud.admin("ec2"))
    except FleetNotBuiltError as error:
        raise CommandError(f"The fleet {fleet.path} could not be made: {error}") from error
    return there.with_fleet(state.BuiltFleet(str(fleet.path), fleet.name, servers))


def store_plan(fleet: Fleet, cloud: Cloud, there: state.State) -> None:
    """Store the fleet's plan through the function that stores plans. Raises CommandError if it refuses."""
    lambda_ = cloud.client("lambda", there.account, there.region)
    answer = lambda_.invoke(
        FunctionName=there.output("StorePlanFunctionName"),
        Payload=json.dumps({"plan": plan_document(fleet)}).encode(),
    )
    said: Any = json.load(answer["Payload"])
    if answer.get("FunctionError"):
        reason = said.get("errorMessage", said) if isinstance(said, dict) else said
        raise CommandError(f"The plan of {fleet.path} was not stored: {reason}")
