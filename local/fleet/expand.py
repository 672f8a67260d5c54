"""Makes a Fleet of a fleet file's content: groups become servers, defaults are filled in, issue applied.

Everything here assumes content that the schema accepts. What a schema cannot say (names that must exist,
addresses that must suffice) is checked here and in ``consistency``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from local.fleet.model import Fleet, FleetSite, FleetWave, Issue, IssueKind, Originals, Place, Server, Target
from shared.model.scope import Scope

DEFAULT_ORCHESTRATION = {"account": "999988887777", "region": "us-east-1"}
DEFAULT_EXTERNAL_ID = "drs-orchestrator"
NUMBER = re.compile(r"\{n(?::0(\d{1,2}))?\}")
"""The place of the number in a group's name: ``{n}`` or ``{n:03}``."""

_INSTANCE_TYPES = {"x86_64": "m6i.large", "arm64": "m6g.large"}
_ROOT_GIB = {"linux": 8, "windows": 30}


def expand(path: Path, content: dict[str, Any]) -> Fleet:
    """The fleet that ``content`` describes. Its references (wave, site, subnet) must hold already."""
    sites = tuple(_site(site) for site in content["sites"])
    emulator = content.get("emulator", {})
    return Fleet(
        path=path,
        name=content["name"],
        description=content.get("description", ""),
        orchestration=Scope(**content.get("orchestration", DEFAULT_ORCHESTRATION)),
        external_id=content.get("externalId", DEFAULT_EXTERNAL_ID),
        sites=sites,
        servers=tuple(server for group in content["servers"] for server in _servers(group, sites)),
        waves=tuple(_wave(wave) for wave in content["waves"]),
        policies=content.get("policies", {}),
        matching=content.get("matching", {}),
        emulator_settings=emulator.get("settings", {}),
        emulator_faults=tuple(emulator.get("faults", ())),
        originals=Originals(content.get("originals", Originals.STOPPED)),
    )


def names(group: dict[str, Any]) -> list[str]:
    """The names of a group's servers, numbered from 1."""

    def number(n: int) -> str:
        return NUMBER.sub(lambda place: str(n).zfill(int(place[1] or 0)), group["name"])

    return [number(n) for n in range(1, group.get("count", 1) + 1)]


def _site(site: dict[str, Any]) -> FleetSite:
    return FleetSite(site["name"], _place(site["origin"]), _place(site["recovery"]))


def _place(place: dict[str, Any]) -> Place:
    return Place(Scope(place["account"], place["region"]), dict(place["subnets"]))


def _wave(wave: dict[str, Any]) -> FleetWave:
    return FleetWave(
        name=wave["name"],
        depends_on=tuple(wave.get("dependsOn", ())),
        on_failure=wave.get("onFailure"),
        health_checks=tuple(wave.get("healthChecks", ())),
    )


def _servers(group: dict[str, Any], sites: tuple[FleetSite, ...]) -> list[Server]:
    site = next((site for site in sites if site.name == group.get("site")), sites[0])
    architecture = group.get("architecture", "x86_64")
    platform = group.get("platform", "linux")
    boot_mode = group.get("bootMode", "uefi" if architecture == "arm64" else "legacy-bios")
    instance_type = group.get("instanceType", _INSTANCE_TYPES[architecture])
    servers = []
    for name in names(group):
        target = Target(name, architecture, boot_mode, instance_type)
        server = Server(
            name=name,
            site=site.name,
            wave=group["wave"],
            subnet=group.get("subnet", next(iter(site.recovery.subnets))),
            platform=platform,
            architecture=architecture,
            boot_mode=boot_mode,
            instance_type=instance_type,
            disks_gib=tuple(group.get("disksGiB", [_ROOT_GIB[platform]])),
            tags=_tags(name, group),
            lag_seconds=float(group.get("lagSeconds", 0)),
            replication_state="CONTINUOUS",
            replication_error=None,
            targets=(target,) if group.get("target", True) else (),
        )
        for issue in group.get("issue", ()):
            if name in issue.get("servers", (name,)):
                server = _with_issue(server, issue)
        servers.append(server)
    return servers


def _tags(name: str, group: dict[str, Any]) -> dict[str, str]:
    return {
        "Name": name,
        "dr:enabled": "true",
        "dr:recovery-strategy": "drs",
        "dr:wave": group["wave"],
        **group.get("tags", {}),
    }


def _with_issue(server: Server, entry: dict[str, Any]) -> Server:
    options = {key: value for key, value in entry.items() if key not in ("kind", "servers")}
    issue = Issue(IssueKind(entry["kind"]), options)
    server = replace(server, issues=(*server.issues, issue))
    match issue.kind:
        case IssueKind.NO_TARGET:
            return replace(server, targets=())
        case IssueKind.TWO_TARGETS:
            return replace(server, targets=server.targets * 2)
        case IssueKind.NOT_REPLICATING:
            return replace(server, replication_state=options["state"], replication_error=options.get("error"))
        case IssueKind.LAG:
            return replace(server, lag_seconds=float(options["seconds"]))
        case _:
            return replace(server, targets=tuple(_flawed(target, issue) for target in server.targets))


def _flawed(target: Target, issue: Issue) -> Target:
    match issue.kind:
        case IssueKind.TARGET_RUNNING:
            return replace(target, running=True)
        case IssueKind.TARGET_UNTAGGED:
            return replace(target, tagged=False)
        case IssueKind.TARGET_DOES_NOT_START:
            return replace(target, starts=False)
        case IssueKind.SIMILAR_NAME:
            return replace(target, name=issue.options["target"].replace("{name}", target.name))
        case IssueKind.TARGET_ARCHITECTURE:
            other = "arm64" if target.architecture == "x86_64" else "x86_64"
            return replace(
                target,
                architecture=other,
                boot_mode="uefi" if other == "arm64" else "legacy-bios",
                instance_type=_INSTANCE_TYPES[other],
            )
        case _:  # not the target's: building, seed and the emulator see to it
            return target
