"""A local cloud that this process keeps up: in the state file while it runs, and not afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from local.cli import state
from local.cli.client import Cloud
from local.cli.progress import step
from local.errors import CommandError
from local.ministack.process import CloudDidNotStartError, LocalCloud
from local.paths import LOGS

CLOUD_LOG = LOGS / "cloud.log"


@dataclass(frozen=True, slots=True)
class CloudOptions:
    """How the cloud is to run. ``port`` None takes a free one."""

    port: int | None = None
    speed: float = 60.0
    auth: bool = True
    seed: int = 0


@contextmanager
def cloud_up(options: CloudOptions) -> Iterator[tuple[Cloud, state.State]]:
    """Start a cloud and keep it up for the body. Raises CommandError when one is up in this clone already."""
    found = state.read()
    if found is not None:
        message = f"A local cloud is up in this clone already, at {found.endpoint}."
        raise CommandError(f"{message}\nEnd it with: python -m local down")
    try:
        with step("local cloud"):
            server = LocalCloud.start(
                port=options.port, speed=options.speed, auth=options.auth, log=CLOUD_LOG, seed=options.seed
            )
    except CloudDidNotStartError as error:
        raise CommandError(str(error)) from error
    try:
        here = state.State(pid=os.getpid(), endpoint=server.endpoint, speed=options.speed)
        state.write(here)
        yield Cloud(server.endpoint), here
    finally:
        server.stop()
        state.forget()
