"""Executions that are killed in any of their tasks, and the event that Step Functions sends about it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from local.simulation.cloud import PROJECT
from tests.workflows.stage import Stage, group, stage, wave

WAVES = [wave("data"), wave("web", "data")]
CHILDREN = ("replicate-back", "quiesce", "reprotect")
"""The machines that a failback starts, besides its waves."""
GROUPS = [group("db", "data"), group("web", "web")]
KILLS = int(os.environ.get("KILLS", "4"))
"""How many executions in succession are killed in one world; 1 gives each kill a world of its own."""

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")

Place = tuple[str, str]
"""A machine and one of its states."""


def states(machine: str) -> list[str]:
    """Every state of a machine, those inside its maps too."""
    return list(_names(json.loads((PROJECT / "statemachines" / f"{machine}.asl.json").read_text("utf-8"))))


def working(places: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of (machine, state) that are tasks.

    Only a task changes anything outside Step Functions. An execution killed in a Choice, Wait, Pass or Map
    state leaves what one leaves that is killed in the task before it, its work done but not answered.
    """
    definitions = {
        machine: json.loads((PROJECT / "statemachines" / f"{machine}.asl.json").read_text("utf-8"))
        for machine in {machine for machine, _ in places}
    }
    tasks = {
        (machine, name)
        for machine, definition in definitions.items()
        for name, state in _states(definition)
        if state["Type"] == "Task"
    }
    return [place for place in places if place in tasks]


def dealt(places: list[Place]) -> list[list[Place]]:
    """The tasks among the places, in hands of at most ``KILLS`` that lie far from each other on the way."""
    tasks = working(places)
    hands = -(-len(tasks) // KILLS)
    return [tasks[first::hands] for first in range(hands)]


def spelled(places: Sequence[Place]) -> str:
    """The name of a case."""
    return ",".join(f"{machine}-{state}" for machine, state in places)


def _names(definition: dict[str, Any]) -> Iterator[str]:
    yield from (name for name, _ in _states(definition))


def _states(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from _states(state["ItemProcessor"])


def put_back(world: dict[str, Any]) -> dict[str, Any]:
    """All of the world that a drill puts back: DRS keeps its jobs, and the pairs their history."""
    return {key: value for key, value in world.items() if key not in ("jobs", "pairs")}


def two_waves(**more: Any) -> Any:
    """A small fleet whose functions take a second each, so that they can be killed in their midst."""
    return stage(*GROUPS, waves=WAVES, **more)


def reach(here: Stage, machine: str, state: str, name: str = "") -> str:
    """Waits until some execution of the machine is in the state, a function's work done but not answered.

    Gives that execution's ARN. ``name``: what its name begins with, where others came before.
    """
    return reach_first(here, [(machine, state)], name)[1]


def reach_first(here: Stage, places: Sequence[Place], name: str) -> tuple[Place, str]:
    """The same for the place of several that is reached first; gives it too."""
    here.cloud.functions.seconds = 1.0
    found: list[tuple[Place, str]] = []

    def there() -> bool:
        for arn, record in here.cloud.states.records.items():
            if not record.execution.name.startswith(name):
                continue
            visited = here.cloud.measures.of(arn).visited
            found.extend(
                (place, arn) for place in places if place[0] == record.machine and place[1] in visited
            )
        return bool(found)

    here.cloud.wait_until(there)
    return found[0]


def killed_in_turn(here: Stage, places: Sequence[Place], **request: Any) -> Iterator[str]:
    """Starts one execution for each place and kills it in the first that none before it was killed in.

    Gives the ARN of each as it is killed. Ends when none of the places is left; an execution that reaches
    none of them fails the test.
    """
    left = list(places)
    for name in ORDINALS[: len(places)]:
        arn = here.start(name, **request)
        place, _ = reach_first(here, left, name)
        left.remove(place)
        here.cloud.stop(arn, "Operator", "killed")
        yield arn


def send_end(here: Stage, arn: str) -> dict[str, Any]:
    """What EventBridge does when an execution ended too early: starts the function that closes it."""
    record = here.cloud.states.record(arn)
    execution = record.execution
    assert execution.status in ("ABORTED", "FAILED", "TIMED_OUT"), execution.status
    stopped = execution.stop_date or here.cloud.clock.now()
    detail = {
        "executionArn": arn,
        "stateMachineArn": here.cloud.states.arn_of(record.machine),
        "name": execution.name,
        "status": execution.status,
        "redriveCount": record.redrives,
        "startDate": int(execution.start_date.timestamp() * 1000),
        "stopDate": int(stopped.timestamp() * 1000),
        "input": execution.input_json,
        "cause": execution.cause,
    }
    return here.call(
        "CloseAbortedExecutionFunction",
        {
            "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change",
            "time": stopped.isoformat(),
            "detail": detail,
        },
    )


def send_end_later(here: Stage, arn: str, seconds: float = 20) -> None:
    """The same, some seconds from now, while other executions run; the event itself does not arrive."""
    here.cloud.event_delivery.withheld.add("aws.states")

    def send() -> None:
        send_end(here, arn)

    here.cloud.clock.call_later(seconds, send)


def clean_up_of(here: Stage, drill: str) -> str:
    """The ARN of the clean-up that was started when a drill was stopped."""
    [arn] = [
        arn
        for arn, record in here.cloud.states.records.items()
        if record.machine == "drill-cleanup" and record.execution.name == f"{drill}-cleanup-after-stop"
    ]
    return arn


def launches_of(here: Stage, server: str) -> int:
    """How many DRS jobs have launched a server."""
    source = here.source(server)
    return sum(
        member["sourceServerID"] == source and member["launchStatus"] == "LAUNCHED"
        for job in here.jobs_of(server)
        for member in job["participatingServers"]
    )
