"""What others do to DRS and EC2 while an execution runs, and a witness of every launch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from local.wire import Answer, Call
from tests.workflows.stage import Stage

Place = dict[str, str] | None


def point(here: Stage, server: str, instance_id: str, place: Place = None, source: str | None = None) -> None:
    """An operator has DRS launch a server into this instance; an empty id clears the setting."""
    drs = here.cloud.client("drs", place["account"], place["region"]) if place else here.drs()
    drs.update_launch_configuration(
        sourceServerID=source or here.source(server),
        launchIntoInstanceProperties={"launchIntoEC2InstanceID": instance_id},
    )


def each_time(here: Stage, function: str, act: Callable[[int], None]) -> None:
    """``act(n)`` before each call of a function, the first is 1."""
    count = 0

    def called(event: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        act(count)

    here.cloud.on_function(f"{function}Function", called)


@contextmanager
def launches(here: Stage) -> Iterator[list[dict[str, str]]]:
    """For each StartRecovery, what DRS was about to launch each server into at that very moment."""
    seen: list[dict[str, str]] = []
    served = here.cloud.routes.answer

    def watched(call: Call) -> Answer:
        if (call.service, call.operation) == ("drs", "StartRecovery"):
            drs = here.cloud.client("drs", call.account, call.region)
            ids = [server["sourceServerID"] for server in json.loads(call.body)["sourceServers"]]
            settings = [drs.get_launch_configuration(sourceServerID=one) for one in ids]
            into = [one.get("launchIntoInstanceProperties", {}) for one in settings]
            seen.append({i: one.get("launchIntoEC2InstanceID", "") for i, one in zip(ids, into, strict=True)})
        return served(call)

    here.cloud.routes.answer = watched  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        here.cloud.routes.answer = served  # type: ignore[method-assign]


def all_into_their_pairs(here: Stage, seen: list[dict[str, str]]) -> bool:
    """Whether each launch was into the server's own target; there must have been one."""
    pairs = {here.source(name): here.target(name) for name in here.servers}
    assert seen
    return all(into == pairs[source] for launch in seen for source, into in launch.items())
