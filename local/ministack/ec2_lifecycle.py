"""How EC2 instances change state in time, and what can go wrong with it.

Starting: pending, then running after 8 to 20 s; status checks initialize for a while after that (log-normal:
Linux median 60 s, 95 % within 110 s; Windows 150 s and 300 s). Stopping takes 15 to 45 s. These are field
observations, AWS documents none. Each duration is sampled for an instance and its boot from the seed, so it
does not depend on the order of calls.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope

from drs_emulator.clock import Clock
from local.ministack.ec2_wire import Record

PutEvent = Callable[[str, str, dict[str, Any]], None]

STATES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
FAULT_KINDS = ("START_FAILS", "START_REFUSED", "STATUS_CHECK_FAILS", "STOP_HANGS", "COMMAND_FAILS")


class UnknownFaultError(ValueError):
    """A fault that there is not; the message names the kind or field."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Simulated seconds. Ranges are uniform; pairs of ``*_checks`` are median and 95th percentile."""

    start: tuple[float, float] = (8.0, 20.0)
    stop: tuple[float, float] = (15.0, 45.0)
    terminate: tuple[float, float] = (10.0, 30.0)
    linux_checks: tuple[float, float] = (60.0, 110.0)
    windows_checks: tuple[float, float] = (150.0, 300.0)
    snapshot: float = 0.0
    """From CreateSnapshot until the snapshot is complete; in EC2 minutes, hours for large volumes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``times`` None: until it is deleted. ``message`` replaces the reason that EC2 would give."""

    instance: str
    kind: str
    times: int | None = None
    message: str | None = None


class Lifecycle:
    """Moves instances through their states. ``lock`` guards every record of MiniStack's EC2."""

    def __init__(self, clock: Clock, seed: int, put_event: PutEvent | None, timings: Timings) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.on_terminated: Callable[[Record], None] = lambda instance: None
        self.silent: set[tuple[str, str]] = set()
        """Accounts and Regions in which EC2 does not answer."""
        self._seed = seed
        self._timings = timings
        self._put_event = put_event
        self._faults: list[Fault] = []

    # --- moves -----------------------------------------------------------------------------------------

    def start(self, instance: Record) -> None:
        """Begin a boot: pending now, running (or stopped again, by a fault) later."""
        instance["_boot"] = instance.get("_boot", 0) + 1
        instance["LaunchTime"] = self.timestamp()
        fault = self.take("START_FAILS", instance)
        self._set(instance, "pending")
        instance.pop("StateReason", None)
        instance["StateTransitionReason"] = ""

        def arrive() -> None:
            if fault:
                code = "Server.InsufficientInstanceCapacity"
                message = fault.message or f"{code}: There is not enough capacity to launch this instance."
                instance["StateReason"] = {"Code": code, "Message": message}
                instance["StateTransitionReason"] = message
                self._set(instance, "stopped")
            else:
                self._run(instance)

        self._later(instance, self._timings.start, "start", arrive)

    def stop(self, instance: Record, *, force: bool = False) -> None:
        """Begin to stop. A STOP_HANGS fault keeps it stopping until it is stopped with force."""
        hangs = self.take("STOP_HANGS", instance) if not force else None
        self._set(instance, "stopping")
        self._user_initiated(instance)
        if hangs is None:
            self._later(instance, self._timings.stop, "stop", lambda: self._set(instance, "stopped"))

    def terminate(self, instance: Record) -> None:
        self._set(instance, "shutting-down")
        self._user_initiated(instance)

        def end() -> None:
            self._set(instance, "terminated")
            self.on_terminated(instance)

        self._later(instance, self._timings.terminate, "terminate", end)

    def checks(self, instance: Record) -> str:
        """The status of both status checks: initializing, ok, impaired, or not-applicable."""
        if instance["State"]["Name"] != "running":
            return "not-applicable"
        if self.clock.now() < instance.get("_checks_end", datetime.min.replace(tzinfo=UTC)):
            return "initializing"
        return "impaired" if instance.get("_checks_fail") else "ok"

    def timestamp(self) -> str:
        return self.clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def snapshot_ends(self) -> datetime:
        """When a snapshot that is begun now will be complete."""
        return self.clock.now() + timedelta(seconds=self._timings.snapshot)

    # --- faults ----------------------------------------------------------------------------------------

    def add_faults(self, faults: list[dict[str, Any]]) -> None:
        """Add all of them or, raising UnknownFaultError, none."""
        added = []
        for given in faults:
            unknown = sorted(set(given) - {"instance", "kind", "times", "message"})
            if unknown:
                raise UnknownFaultError(f"unknown field of an EC2 fault: {', '.join(unknown)}")
            if given.get("kind") not in FAULT_KINDS:
                raise UnknownFaultError(
                    f"unknown EC2 fault {given.get('kind')!r}; there are {', '.join(FAULT_KINDS)}"
                )
            if not given.get("instance"):
                raise UnknownFaultError(f"the fault {given['kind']} names no instance")
            added.append(Fault(**given))
        with self.lock:
            self._faults += added

    def clear_faults(self) -> None:
        with self.lock:
            self._faults.clear()

    def faults(self) -> list[dict[str, Any]]:
        with self.lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, kind: str, instance: Record) -> Fault | None:
        """The fault that strikes now, used up by one."""
        for index, fault in enumerate(self._faults):
            if fault.kind == kind and fault.instance == instance["InstanceId"]:
                if fault.times is not None:
                    left = fault.times - 1
                    self._faults[index : index + 1] = [replace(fault, times=left)] if left > 0 else []
                return fault
        return None

    # --- inside ----------------------------------------------------------------------------------------

    def _run(self, instance: Record) -> None:
        windows = instance.get("Platform") == "windows"
        median, p95 = self._timings.windows_checks if windows else self._timings.linux_checks
        sigma = math.log(p95 / median) / 1.6449
        seconds = self._random(instance, "checks").lognormvariate(math.log(median), sigma)
        instance["_checks_end"] = datetime.fromtimestamp(self.clock.now().timestamp() + seconds, UTC)
        instance["_checks_fail"] = self.take("STATUS_CHECK_FAILS", instance) is not None
        self._set(instance, "running")

    def _set(self, instance: Record, state: str) -> None:
        instance["State"] = {"Code": STATES[state], "Name": state}
        instance["_move"] = instance.get("_move", 0) + 1
        if self._put_event is not None:
            account, region, instance_id = get_account_id(), get_region(), instance["InstanceId"]
            self._put_event(
                account,
                region,
                {
                    "source": "aws.ec2",
                    "detail-type": "EC2 Instance State-change Notification",
                    "resources": [f"arn:aws:ec2:{region}:{account}:instance/{instance_id}"],
                    "detail": {"instance-id": instance_id, "state": state},
                },
            )

    def _user_initiated(self, instance: Record) -> None:
        when = self.clock.now().astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S GMT")
        instance["StateReason"] = {
            "Code": "Client.UserInitiatedShutdown",
            "Message": "Client.UserInitiatedShutdown: User initiated shutdown",
        }
        instance["StateTransitionReason"] = f"User initiated ({when})"

    def _later(
        self, instance: Record, between: tuple[float, float], what: str, action: Callable[[], None]
    ) -> None:
        """Run ``action`` in the scope of now, unless the instance has moved on by then."""
        move, account, region = instance["_move"], get_account_id(), get_region()

        def act() -> None:
            with self.lock, request_scope(account, region):
                if instance["_move"] == move:
                    action()

        self.clock.call_later(self._random(instance, what).uniform(*between), act)

    def _random(self, instance: Record, what: str) -> random.Random:
        return random.Random(f"{self._seed}/{instance['InstanceId']}/{instance.get('_boot', 0)}/{what}")
