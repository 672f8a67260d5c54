"""Every server at each station of its round trip, as EC2 and DRS showed it: for the terminal and as files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.table import Table

from local.cli.state import BuiltFleet
from local.demo.failback_verdict import Journey
from local.demo.observed_state import Evidence
from local.fleet import Fleet

_ID_WIDTH = 19
_MOST_ROWS = 200
_PER_WAVE = 2
"""So many servers of each wave are shown when there are too many for a screen; those that differ always."""


@dataclass(frozen=True, slots=True)
class Station:
    """Where a server runs. All are None where nothing of it was found."""

    instance_id: str | None
    private_ip: str | None
    state: str | None

    def __str__(self) -> str:
        state = "" if self.state == "running" else f" {self.state or 'nowhere'}"
        return f"{self.instance_id or '-'} {self.private_ip or '-'}{state}"


@dataclass(frozen=True, slots=True)
class Traveller:
    """One server. ``same``: it runs at the origin with the id and the address of the start."""

    name: str
    wave: str
    start: Station
    away: Station
    back: Station

    @property
    def same(self) -> bool:
        return self.start == self.back and self.back.state == "running"


def travellers(fleet: Fleet, built: BuiltFleet, journey: Journey) -> tuple[Traveller, ...]:
    """All servers, in the order of the fleet."""
    waves = {server.name: server.wave for server in fleet.servers}
    return tuple(
        Traveller(
            server.name,
            waves[server.name],
            *(
                _station(station, server.source_server_id)
                for station in (journey.start, journey.away, journey.back)
            ),
        )
        for server in built.servers
    )


def table(servers: Sequence[Traveller]) -> Table:
    """The terminal's table: all servers, or of a large fleet some of each wave and all that differ."""
    shown = Table(box=None, padding=(0, 1, 0, 0))
    shown.add_column("server", no_wrap=True)
    for heading in ("at the start", "on the recovery side", "failed back"):
        shown.add_column(heading, min_width=_ID_WIDTH)  # a narrow terminal has the address below the id
    shown.add_column("same", no_wrap=True)
    for wave, group in groupby(servers, key=lambda server: server.wave):
        members = list(group)
        rows = members if len(servers) <= _MOST_ROWS else _some(members)
        for server in rows:
            shown.add_row(
                server.name,
                str(server.start),
                str(server.away),
                str(server.back),
                "[green]yes[/]" if server.same else "[red]NO[/]",
            )
        if more := len(members) - len(rows):
            shown.add_row("…", f"{more} more of {wave}", "", "", "[green]yes[/]")
    return shown


def keep(servers: Sequence[Traveller], folder: Path) -> None:
    """Write ``round-trip.json`` and ``round-trip.md`` with every server to ``folder``."""
    document = {"servers": [_document(server) for server in servers]}
    (folder / "round-trip.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (folder / "round-trip.md").write_text("\n".join(_page(servers)) + "\n", encoding="utf-8")


def _document(server: Traveller) -> dict[str, Any]:
    stations = {
        name: {"instanceId": station.instance_id, "privateIp": station.private_ip, "state": station.state}
        for name, station in (("start", server.start), ("away", server.away), ("back", server.back))
    }
    return {"name": server.name, "wave": server.wave, **stations, "same": server.same}


def _some(members: list[Traveller]) -> list[Traveller]:
    first = members[:_PER_WAVE]
    return first + [server for server in members[_PER_WAVE:] if not server.same]


def _page(servers: Sequence[Traveller]) -> Iterable[str]:
    same = sum(server.same for server in servers)
    yield "# Round trip"
    yield ""
    yield f"{same} of {len(servers)} servers have the instance id and the private address of the start."
    yield ""
    yield "| server | wave | at the start | on the recovery side | failed back | same |"
    yield "|---|---|---|---|---|---|"
    for server in servers:
        stations = f"{server.start} | {server.away} | {server.back}"
        yield f"| {server.name} | {server.wave} | {stations} | {'yes' if server.same else '**no**'} |"


def _station(evidence: Evidence, source_server_id: str) -> Station:
    found = evidence.runs_at(source_server_id)
    if found is None:
        return Station(None, None, None)
    return Station(found.instance_id, found.private_ip, found.state)
