"""EventBridge in this process: the templates' rules, delivery to functions and across accounts, and faults.

An event goes to the rules of the account and Region it happened in. Those of template.yaml are in the
orchestration's; those of member-account.yaml are in every other, as if the stack were everywhere.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ministack.services import eventbridge

from local.simulation.functions import Functions
from local.simulation.scheduler import Scheduler
from local.simulation.template import Rule

RETRIES = (60.0, 120.0)
"""Pauses before Lambda tries an asynchronous invocation again (its developer guide)."""


@dataclass(slots=True)
class EventFaults:
    """What goes wrong on the way from a rule to its function: probabilities of each delivery, and seconds.

    ``late``: it takes one of ``late_seconds``, uniformly. ``shuffle_seconds``: every delivery takes up to so
    long in addition, so that events overtake each other.
    """

    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    late_seconds: tuple[float, float] = (30.0, 900.0)
    shuffle_seconds: float = 0.0


DEFAULT_BUS = "default"


class EventDelivery:
    """Delivers what happens in one cloud. ``delay`` seconds pass until a function gets its event."""

    def __init__(
        self,
        scheduler: Scheduler,
        functions: Functions,
        place: tuple[str, str],
        rules: Iterable[Rule],
        member_rules: Iterable[Rule],
        seed: int,
    ) -> None:
        self.delay = 1.0
        self.faults = EventFaults()
        self.enabled = True
        self.withheld: set[str] = set()
        """Sources whose events reach no function, as when a test delivers them itself, late or never."""
        self.invocations = 0
        self.undelivered: list[dict[str, Any]] = []
        """Events whose function failed at every attempt: what a dead-letter queue would have."""
        self._scheduler = scheduler
        self._functions = functions
        self._place = place
        self._rules = [(rule, json.dumps(rule.pattern)) for rule in rules]
        self._member_rules = [(rule, json.dumps(rule.pattern)) for rule in member_rules]
        self._random = random.Random(f"{seed}/events")
        self._numbers = 0

    def put(self, account: str, region: str, event: dict[str, Any]) -> None:
        """Send an event (source, detail-type, resources, detail, time) on its way."""
        if not self.enabled:
            return
        self._numbers += 1
        envelope = {
            "version": "0",
            "id": f"00000000-0000-4000-b000-{self._numbers:012d}",
            "detail-type": event["detail-type"],
            "source": event["source"],
            "account": account,
            "time": event["time"],
            "region": region,
            "resources": event.get("resources", []),
            "detail": event.get("detail", {}),
        }
        own_bus = event.get("bus", DEFAULT_BUS) != DEFAULT_BUS
        for function in self._receivers((account, region), envelope, own_bus=own_bus):
            for seconds in self._deliveries():
                self._invoke_after(seconds, function, envelope)

    def _receivers(self, place: tuple[str, str], envelope: dict[str, Any], *, own_bus: bool) -> Iterator[str]:
        """``own_bus``: it is on the orchestrator's own bus, not on the default bus of the account."""
        is_ours = place == self._place
        for rule, pattern in self._rules if is_ours else self._member_rules:
            if rule.own_bus != own_bus or not _matches(pattern, envelope):
                continue
            yield from rule.functions
            if rule.buses and not is_ours:  # forwarded as it is, one step and no further
                yield from self._receivers(self._place, envelope, own_bus=True)

    def _deliveries(self) -> Iterator[float]:
        """After how many seconds the event arrives: never, once or twice."""
        faults, luck = self.faults, self._random
        if luck.random() < faults.lost:
            return
        for _ in range(2 if luck.random() < faults.doubled else 1):
            seconds = self.delay + luck.uniform(0.0, faults.shuffle_seconds)
            yield seconds + (luck.uniform(*faults.late_seconds) if luck.random() < faults.late else 0.0)

    def _invoke_after(
        self, seconds: float, function: str, envelope: dict[str, Any], attempt: int = 0
    ) -> None:
        def invoke() -> None:
            self.invocations += 1
            _, failed = self._functions.invoke(function, json.dumps(envelope).encode())
            if failed and attempt < len(RETRIES):
                self._invoke_after(RETRIES[attempt], function, envelope, attempt + 1)
            elif failed:
                self.undelivered.append(envelope)

        def start() -> None:
            if envelope["source"] in self.withheld:
                return
            self._scheduler.spawn(invoke, f"{function} for an event")

        self._scheduler.after(seconds, start)


def _matches(pattern: str, envelope: dict[str, Any]) -> bool:
    record = {
        "Version": "0",
        "EventId": envelope["id"],
        "Source": envelope["source"],
        "Account": envelope["account"],
        "Time": envelope["time"],
        "Region": envelope["region"],
        "Resources": envelope["resources"],
        "DetailType": envelope["detail-type"],
        "Detail": json.dumps(envelope["detail"]),
    }
    return bool(eventbridge._matches_pattern(pattern, record))
