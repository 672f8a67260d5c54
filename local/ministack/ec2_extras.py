"""EC2 as far as disaster recovery looks at it, on top of MiniStack's records.

``install`` replaces the operations in this process: the local cloud's server calls it, and so does the
virtual cloud, each with its own clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from drs_emulator.clock import Clock
from local.ministack import hooks
from local.ministack.ec2_catalog import Catalog
from local.ministack.ec2_instance_xml import instance_xml
from local.ministack.ec2_instances import Instances
from local.ministack.ec2_launch import Launcher, SeededIds
from local.ministack.ec2_lifecycle import FAULT_KINDS, Lifecycle, PutEvent, Timings, UnknownFaultError
from local.ministack.ec2_throttling import Throttling
from local.ministack.ec2_volumes import Volumes
from local.ministack.ec2_wire import Ec2Error, Handler, Params, Response, flag
from local.ministack.ssm_commands import RunCommand

log = logging.getLogger("local.ec2")

_EC2 = "ministack.services.ec2"
_original_actions: dict[str, Handler] = {}


class Ec2Extras:
    """What stands behind the replaced operations: faults, timings, and the admin routes."""

    def __init__(self, lifecycle: Lifecycle, throttling: Throttling) -> None:
        self._lifecycle = lifecycle
        self.throttling = throttling

    def add_faults(self, faults: list[dict[str, Any]]) -> None:
        """``{"instance": id, "kind": …, "times"?: int, "message"?: str}``; raises UnknownFaultError."""
        self._lifecycle.add_faults(faults)

    def clear_faults(self) -> None:
        self._lifecycle.clear_faults()

    def faults(self) -> list[dict[str, Any]]:
        return self._lifecycle.faults()

    def admin(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        """The routes below ``/_local/ec2``."""
        if (method, path) == ("POST", "/silence"):
            return self._silence((body or {}).get("scopes"))
        if path != "/faults" or method not in ("GET", "POST", "DELETE"):
            message = f"no route {method} /_local/ec2{path}; there are /_local/ec2/faults and …/silence"
            return 404, {"message": message}
        if method == "DELETE":
            self.clear_faults()
        elif method == "POST":
            given = (body or {}).get("faults")
            if not isinstance(given, list):
                return 400, {"message": f"give a list of faults; kinds are {', '.join(FAULT_KINDS)}"}
            try:
                self.add_faults(given)
            except UnknownFaultError as wrong:
                return 400, {"message": str(wrong)}
        return 200, {"faults": self.faults()}

    def _silence(self, scopes: Any) -> tuple[int, dict[str, Any]]:
        """From now on EC2 answers in every scope but these."""
        if not isinstance(scopes, list) or not all(set(scope) == {"account", "region"} for scope in scopes):
            return 400, {"message": 'give {"scopes": [{"account": "111122223333", "region": "us-east-1"}]}'}
        self._lifecycle.silent = {(scope["account"], scope["region"]) for scope in scopes}
        return 200, {"scopes": scopes}


def install(
    clock: Clock,
    seed: int = 0,
    put_event: PutEvent | None = None,
    timings: Timings | None = None,
    is_throttled: Callable[[], bool] = lambda: False,
) -> Ec2Extras:
    """Replace MiniStack's EC2 operations; may be called again with another clock.

    ``put_event(account, region, event)`` gets the state-change notifications; None: there are none.
    Resource ids and durations depend on ``seed`` only. ``is_throttled``: whether the current request takes
    tokens of EC2's buckets.
    """
    if not _original_actions:
        _original_actions.update(ec2._ACTION_MAP)
    ec2._ACTION_MAP.update(_original_actions)
    lifecycle = Lifecycle(clock, seed, put_event, timings or Timings())
    new_id = SeededIds(seed)
    volumes = Volumes(lifecycle, new_id)
    launcher = Launcher(lifecycle, volumes, new_id)
    handlers: dict[str, Handler] = {
        **_original_actions,
        **Instances(lifecycle).handlers,
        **volumes.handlers,
        **Catalog().handlers,
        "RunInstances": launcher.run,
        "ModifyInstanceMetadataOptions": launcher.modify_metadata_options,
    }
    throttling = Throttling(lambda: clock.now().timestamp(), is_throttled)
    actions = {name: _guarded(name, lifecycle, throttling, handler) for name, handler in handlers.items()}
    hooks.update(_EC2, "_ACTION_MAP", actions)
    hooks.replace(_EC2, "_instance_xml", instance_xml)
    hooks.replace(_EC2, "_now_ts", lifecycle.timestamp)
    RunCommand(lifecycle, seed).install()
    return Ec2Extras(lifecycle, throttling)


def _guarded(operation: str, lifecycle: Lifecycle, throttling: Throttling, handler: Handler) -> Handler:
    """One request at a time; errors become responses; a dry run ends here, after IAM has let it pass."""

    def handle(params: Params) -> Response:
        if (get_account_id(), get_region()) in lifecycle.silent:
            return Ec2Error("Unavailable", "The service is unavailable. Please try again.", 503).response()
        if flag(params, "DryRun"):
            message = "Request would have succeeded, but DryRun flag is set."
            return Ec2Error("DryRunOperation", message, 412).response()
        with lifecycle.lock:
            try:
                throttling.check(operation, params)
                return handler(params)
            except Ec2Error as error:
                return error.response()

    return handle
