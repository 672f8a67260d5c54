"""Faults as scenarios use them: each function makes one kind of thing go wrong, as the dice say."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from local.simulation.call_faults import CallFault, CallFaultKind
from local.simulation.functions import Disturbance
from shared.aws.cross_account import member_accounts
from tests.workflows.scenarios.scenario import WEST, Arrange
from tests.workflows.stage import Stage

SERVICES = ("drs", "ec2", "dynamodb", "sts", "sfn", "sns", "s3", "ssm", "service-quotas", "iam", "lambda")
ERRORS = ("Lambda.Unknown", "Runtime.ExitError", "Runtime.OutOfMemory", "Sandbox.Timedout")
"""What Step Functions learns of a function whose process ends, most often the first."""
JUMPS = (-1200, -300, -60, -5, 5, 60, 300, 1200)
"""Seconds by which a clock jumps."""


def throttle(share: float) -> Arrange:
    """That share of all calls is throttled, those that invoke functions too."""

    def arrange(here: Stage, dice: Random) -> None:
        here.cloud.fault(CallFault(CallFaultKind.THROTTLED, SERVICES, probability=share))
        seed = dice.random()
        here.cloud.disturb(
            lambda name, number: (
                Disturbance("Lambda.TooManyRequestsException", after_calls=0)
                if Random(f"{seed}/{name}/{number}").random() < share
                else None
            )
        )

    return arrange


def calls(kind: CallFaultKind, share: float, *services: str, operations: tuple[str, ...] = ()) -> Arrange:
    """That share of these calls meets that fault."""

    def arrange(here: Stage, dice: Random) -> None:
        here.cloud.fault(CallFault(kind, services, operations, probability=share))

    return arrange


def invocations(share: float, issue: Callable[[Random], Disturbance]) -> Arrange:
    """That share of all invocations has issue, of every function alike."""

    def arrange(here: Stage, dice: Random) -> None:
        seed = dice.random()

        def disturb(name: str, number: int) -> Disturbance | None:
            own = Random(f"{seed}/{name}/{number}")
            return issue(own) if own.random() < share else None

        here.cloud.disturb(disturb)

    return arrange


def death(dice: Random) -> str:
    """How it is reported."""
    return dice.choices(ERRORS, weights=(5, 3, 3, 1))[0]


def once_at(here: Stage, function: str, number: int, action: Callable[[], Any]) -> None:
    """``action()`` right before that invocation of a function."""
    count = iter(range(1, 1_000_000))

    def watch(event: dict[str, Any]) -> None:
        if next(count) == number:
            action()

    here.cloud.on_function(f"{function}Function", watch)


def refuse_one(here: Stage, dice: Random) -> None:
    """Right before the launch one server of a job becomes one for which DRS refuses the whole call."""
    name = dice.choice(["app-1", "app-2", "app-3"])
    target, source = here.target(name), here.source(name)
    tag = [{"Key": "AWSDRS"}]
    spoil = dice.choice(
        [
            lambda: here.ec2().delete_tags(Resources=[target], Tags=tag),
            lambda: here.drs_fault("REPLICATION", server=source, state="DISCONNECTED", lagSeconds=0),
            lambda: here.ec2().start_instances(InstanceIds=[target]),
        ]
    )
    once_at(here, "StartRecovery", 1, spoil)


def jump_about(here: Stage, dice: Random) -> None:
    """The time that the machines show jumps against that of DRS and EC2, now and then."""
    for at in sorted(dice.uniform(0, 600) for _ in range(dice.randint(3, 6))):
        ahead = timedelta(seconds=dice.choice(JUMPS))
        here.cloud.clock.call_later(at, lambda ahead=ahead: _set_ahead(here, ahead))  # type: ignore[misc]


def _set_ahead(here: Stage, ahead: timedelta) -> None:
    here.cloud.workflow_clock.ahead = ahead


def hang_a_job(seconds: float) -> Arrange:
    """A phase of one server's launch hangs."""

    def arrange(here: Stage, dice: Random) -> None:
        phase, name = dice.choice(["SNAPSHOT", "CONVERSION", "LAUNCH"]), dice.choice(sorted(here.servers))
        here.drs_fault("JOB_STUCK", phase=phase, server=here.source(name), times=1, seconds=seconds)

    return arrange


def fail_a_launch(**times: int) -> Arrange:
    """One server fails in a phase of its launch."""

    def arrange(here: Stage, dice: Random) -> None:
        phase, name = dice.choice(["SNAPSHOT", "CONVERSION", "LAUNCH"]), dice.choice(sorted(here.servers))
        here.drs_fault("PHASE_FAILS", phase=phase, server=here.source(name), **times)

    return arrange


def services_down(here: Stage, dice: Random) -> None:
    """What a recovery does without answers 503, or not at all."""
    kind = dice.choice([CallFaultKind.DOWN, CallFaultKind.HANGS])
    here.cloud.fault(CallFault(kind, ("iam", "service-quotas", "sns", "cloudwatch")))
    for site in here.plan["sites"]:
        origin = site["origin"]
        here.cloud.fault(CallFault(kind, ("ec2", "drs"), account=origin["account"], region=origin["region"]))


def fail_a_start(here: Stage, dice: Random) -> None:
    """One instance does not come up."""
    here.ec2_fault("START_FAILS", dice.choice(sorted(here.servers)))


def lock_out(at: str | None = None) -> Arrange:
    """None may assume a role in one recovery account: from the start, or from a function's first run on.

    STS says the same of a role that is not there and of one that asks for another ExternalId.
    """

    def arrange(here: Stage, dice: Random) -> None:
        account = WEST["recovery"]["account"]

        def deny() -> None:
            member_accounts.cache_clear()  # a function's new process has no session yet
            here.cloud.fault(CallFault(CallFaultKind.DENIED, ("sts",), ("AssumeRole",), account))

        deny() if at is None else once_at(here, at, 1, deny)

    return arrange


def control(here: Stage, dice: Random) -> None:
    """People pause, resume, skip and cancel at any time, some messages twice; in the end all goes on."""
    wave = {"wave": dice.choice(["data", "app", "web"])}
    servers = {"servers": [dice.choice(sorted(here.servers))]}
    wishes: list[dict[str, Any]] = [
        {"action": "PAUSE"},
        {"action": "PAUSE", "when": "NEXT_WAVE"},
        {"action": "PAUSE", "before": wave["wave"]},
        {"action": "SKIP", **servers},
        {"action": "SKIP", **wave},
        {"action": "RESUME"},
        {"action": "CANCEL"},
        {"action": "CANCEL", "launched": "UNDO"},
    ]
    for number in range(dice.randint(1, 3)):
        wish = dice.choices(wishes, weights=(3, 2, 2, 3, 1, 3, 1, 1))[0]
        for _ in range(dice.choice([1, 1, 2])):
            _say(here, dice.uniform(0, 400), {**wish, "id": f"wish-{number}"})
    for hours in (1, 2, 3, 4):
        _say(here, hours * 3600, {"action": "RESUME", "id": f"resume-{hours}"})


def _say(here: Stage, seconds: float, message: dict[str, Any]) -> None:
    """An operator sends it to whatever runs then."""

    def say() -> None:
        for record in list(here.cloud.states.records.values()):
            if record.parent is None and record.execution.status == "RUNNING":
                to = {"executionId": record.execution.name, "by": "ana", "reason": "to see what happens"}
                now = {"now": (here.cloud.clock.now() + here.cloud.workflow_clock.ahead).isoformat()}
                event = json.dumps({**to, **message, **now}).encode()
                here.cloud.functions.invoke("ControlExecutionFunction", event)

    def begin() -> None:
        here.cloud.scheduler.spawn(say, "a message")

    here.cloud.clock.call_later(seconds, begin)
