"""Puts the local cloud together in this process: MiniStack with everything of ours installed."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass

from ministack import app as ministack_app
from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import ResolvedCredential

import local.states
from drs_emulator import DrsEmulator, Hooks
from drs_emulator.scaled_clock import ScaledClock
from local.ministack import (
    dynamodb_limits,
    ec2_extras,
    event_buses,
    hooks,
    iam_simulation,
    images,
    managed_policies,
    nested_stacks,
)
from local.ministack.admin import Admin
from local.ministack.asgi import Calls, Front, install_routing, is_of_root
from local.ministack.drs_mount import (
    Aside,
    DrsMount,
    Ec2ThroughDrs,
    Events,
    Metrics,
    install_action_names,
    may,
)
from local.ministack.iam_conditions import Conditions
from local.ministack.lambda_workers import LambdaWorkers
from local.ministack.role_sessions import Clients
from local.ministack.states_mount import StatesMount
from local.shortcuts import dynamodb_fast_paths, dynamodb_queries
from local.shortcuts.hooks import TABLE as SHORTCUT_HOOKS
from local.states.runtime import Runtime
from local.states.times import iso

log = logging.getLogger("local.server")


@dataclass(frozen=True, slots=True)
class Cloud:
    """What a server needs: the application to serve, and ``close`` for the end."""

    front: Front
    clock: ScaledClock
    workers: LambdaWorkers

    def close(self) -> None:
        self.clock.close()
        self.workers.close()


def assemble(*, endpoint: str, speed: float, seed: int) -> Cloud:
    """Install every replacement; once per process. ``endpoint`` is this cloud's own address.

    Raises HookError for another MiniStack.
    """
    hooks.check()
    SHORTCUT_HOOKS.check()
    clock = ScaledClock(speed)
    clients = Clients(endpoint, auth=ministack_app.AUTH, real_speed=clock.real_speed)
    workers = LambdaWorkers(endpoint, clock.real_speed)
    workers.install()
    dynamodb_queries.install()
    nested_stacks.install()
    dynamodb_fast_paths.install()
    dynamodb_limits.use(dynamodb_limits.Limits(lambda: clock.now().timestamp()))
    hooks.replace("ministack.services.eventbridge", "_now_ts", lambda: clock.now().timestamp())
    local.states.install(Runtime(clock, clients.for_role, random=random.Random(seed)))
    states = StatesMount(clock)
    states.install()
    events = Events()
    ec2 = ec2_extras.install(clock, seed, events.put, is_throttled=lambda: not is_of_root.get())
    emulator = DrsEmulator(
        clock,
        Ec2ThroughDrs(clients),
        events,
        seed=seed,
        hooks=Hooks(may, images.image_for, Aside(clock.real_speed), Metrics()),
    )
    mount = DrsMount(emulator, _arn_of)
    mount.install()
    install_action_names(mount)
    Conditions(mount.operation, mount.tags).install()
    iam_simulation.install()
    event_buses.install()
    managed_policies.install()
    calls = Calls()
    install_routing(calls)
    admin = Admin(clock, calls, states.api.records, {"drs": emulator, "ec2": ec2})
    log.info("simulated time starts at %s and runs %g times as fast", iso(clock.now()), speed)
    return Cloud(Front(ministack_app.app, admin, clients, clock.real_speed), clock, workers)


def _arn_of(access_key_id: str, account: str) -> str | None:
    """The ARN of the principal behind an access key, None where there is none."""
    found = iam_evaluator.resolve_credential(access_key_id, account)
    return found.principal_arn if isinstance(found, ResolvedCredential) else None
