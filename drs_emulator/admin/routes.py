"""The admin API: everything that is not AWS. Source servers, faults, settings, state, reset."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from drs_emulator import faults, views
from drs_emulator.admin import seeding
from drs_emulator.core import Core
from drs_emulator.errors import AdminError
from drs_emulator.jobs import foreign_jobs
from drs_emulator.replication import events, failback_state, runs

Body = dict[str, Any]


def handle(core: Core, method: str, path: str, body: Body | None) -> Body:
    """Answer one admin request; AdminError for anything that cannot be done."""
    clean = "/" + path.strip("/")
    routes: dict[tuple[str, str], Callable[[Core, Body], Body]] = {
        ("POST", "/source-servers"): seeding.add_servers,
        ("GET", "/faults"): _get_faults,
        ("POST", "/faults"): _add_faults,
        ("DELETE", "/faults"): _clear_faults,
        ("GET", "/settings"): _get_settings,
        ("PATCH", "/settings"): _change_settings,
        ("GET", "/state"): _state,
        ("POST", "/reset"): _reset,
    }
    route = routes.get((method.upper(), clean))
    if route is None:
        known = ", ".join(f"{verb} {where}" for verb, where in routes)
        raise AdminError(f"no admin route {method} {clean}; known are {known}", status=404)
    return route(core, body or {})


def _get_faults(core: Core, _body: Body) -> Body:
    with core.lock:
        return {"faults": [fault.as_json() for fault in core.faults.in_force(core.now())]}


def _add_faults(core: Core, body: Body) -> Body:
    wanted = body.get("faults")
    if not isinstance(wanted, list) or set(body) - {"faults"}:
        raise AdminError('expected {"faults": [{"kind": …}, …]}')
    for spec in wanted:
        faults.check(spec)
    with core.lock:
        for spec in wanted:
            fault = core.faults.add(spec, core.now())
            if fault.kind == "SERVER_BUSY":
                fault.end = foreign_jobs.start(core, fault)
                if fault.until is not None:
                    core.later(fault.values["seconds"], fault.end)
            if fault.until is not None and fault.kind in faults.REPLICATION_KINDS:
                core.later(fault.values["seconds"], lambda: _reconsider_all(core))
    if any(spec["kind"] in faults.REPLICATION_KINDS for spec in wanted):
        _reconsider_all(core)
    return _get_faults(core, {})


def _clear_faults(core: Core, _body: Body) -> Body:
    with core.lock:
        for fault in core.faults.all():
            fault.end()
        parked = core.faults.clear()
    _reconsider_all(core)
    for action in parked:
        core.later(0.0, action)
    return {"faults": []}


def _reconsider_all(core: Core) -> None:
    """Apply a change of faults to replication, and send what changes."""
    with core.lock:
        servers = [server for scope in core.scopes.values() for server in scope.servers.values()]
        for server in servers:
            runs.reconsider(core, server)
    for server in servers:
        events.send_changes(core, server)


def _get_settings(core: Core, _body: Body) -> Body:
    return dataclasses.asdict(core.settings)


def _change_settings(core: Core, body: Body) -> Body:
    with core.lock:
        core.settings = core.settings.changed(body)
    return _get_settings(core, {})


def _state(core: Core, _body: Body) -> Body:
    with core.lock:
        return {
            "now": core.now().isoformat(),
            "guesses": core.guesses.counts(),
            "scopes": [
                {
                    "account": scope.account,
                    "region": scope.region,
                    "initialized": scope.initialized,
                    "sourceServers": [
                        {
                            **views.source_server(core, scope, server),
                            "launchConfiguration": dict(server.launch),
                            "bootMode": server.boot_mode,
                            "counterpart": server.counterpart.name if server.counterpart else None,
                            "reversals": server.reversals,
                        }
                        for server in scope.servers.values()
                    ],
                    "jobs": [
                        {**views.job(core, job), "log": [views.log_item(item) for item in job.log]}
                        for job in scope.jobs.values()
                    ],
                    "recoveryInstances": [
                        {
                            "recoveryInstanceID": item.instance_id,
                            "sourceServerID": item.server_id,
                            "jobID": item.job_id,
                            "isDrill": item.is_drill,
                            "launchedInto": item.launched_into,
                            "terminated": item.terminated_at is not None,
                            "failbackState": failback_state.of(core, item),
                            "reversedTo": item.reversed_to.name if item.reversed_to else None,
                        }
                        for item in scope.recovery_instances.values()
                    ],
                }
                for scope in core.scopes.values()
            ],
        }


def _reset(core: Core, _body: Body) -> Body:
    """Delete all servers, jobs and faults. Settings stay; planned actions do not happen."""
    with core.lock:
        core.epoch += 1
        core.scopes.clear()
        core.bandwidths.clear()
        core.faults.clear()
        core.stalled_seen = set()
    return {}
