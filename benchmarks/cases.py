"""The cases of the benchmark: fleets of one kind of server, by size, waves, scopes and issue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ORIGIN = (
    ("111122223333", "us-east-1"),
    ("111122223333", "us-west-1"),
    ("222233334444", "us-east-1"),
    ("222233334444", "us-west-1"),
)
RECOVERY = (
    ("444455556666", "us-east-2"),
    ("444455556666", "us-west-2"),
    ("555566667777", "us-east-2"),
    ("555566667777", "us-west-2"),
)
"""Scopes, in pairs; a case with n recovery scopes has the first n."""


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave of so many servers, spread evenly over the scopes of the case."""

    name: str
    servers: int
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """``faults`` are those of the DRS emulator (docs/emulator.md), in force from the start."""

    name: str
    waves: tuple[Wave, ...]
    scopes: int = 1
    faults: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def servers(self) -> int:
        return sum(wave.servers for wave in self.waves)

    @property
    def goal(self) -> float:
        """The highest ratio of makespan and ideal that is good enough."""
        return 1.15 if self.faults else 1.05

    def fleet(self) -> dict[str, Any]:
        """The case as the content of a fleet file (docs/fleets.md)."""
        sites = [f"site-{number + 1}" for number in range(self.scopes)]
        return {
            "name": self.name,
            "sites": [_site(name, number) for number, name in enumerate(sites)],
            "servers": [
                {"name": f"{wave.name}-{site}-{{n:04}}", "count": count, "wave": wave.name, "site": site}
                for wave in self.waves
                for site, count in zip(sites, _shares(wave.servers, self.scopes), strict=True)
                if count
            ],
            "waves": [
                {"name": wave.name, **({"dependsOn": list(wave.depends_on)} if wave.depends_on else {})}
                for wave in self.waves
            ],
        }


def chain(waves: int, servers: int) -> tuple[Wave, ...]:
    """Waves of equal size, each of which waits for the one before."""
    names = [f"wave-{number + 1:02}" for number in range(waves)]
    return tuple(
        Wave(name, servers // waves, (names[number - 1],) if number else ())
        for number, name in enumerate(names)
    )


UNEVEN = (
    Wave("storage", 40),
    Wave("data", 220, ("storage",)),
    Wave("identity", 60, ("storage",)),
    Wave("messaging", 30, ("data",)),
    Wave("core", 150, ("data", "identity")),
    Wave("application", 260, ("core", "messaging")),
    Wave("reporting", 20, ("core",)),
    Wave("jobs", 110, ("application",)),
    Wave("web", 80, ("application",)),
    Wave("edge", 30, ("web",)),
)
"""The graph of fleets/thousand.yaml, with waves of very different sizes."""

FAILURES = ({"kind": "PHASE_FAILS", "phase": "CONVERSION", "probability": 0.01},)
THROTTLING = ({"kind": "THROTTLED", "probability": 0.1},)

CASES = (
    Case("100x5-chain", chain(5, 100)),
    Case("100x1", chain(1, 100)),
    Case("300x6-chain", chain(6, 300)),
    Case("500x5-chain", chain(5, 500)),
    Case("1000x1", chain(1, 1000)),
    Case("1000x10-chain", chain(10, 1000)),
    Case("1000x10-uneven", UNEVEN),
    Case("1000x10-4-scopes", chain(10, 1000), scopes=4),
    Case("1000x10-failures", chain(10, 1000), faults=FAILURES),
    Case("1000x10-throttling", chain(10, 1000), faults=THROTTLING),
)


def _shares(servers: int, scopes: int) -> list[int]:
    return [servers // scopes + (number < servers % scopes) for number in range(scopes)]


def _site(name: str, number: int) -> dict[str, Any]:
    recovery_account, recovery_region = RECOVERY[number]
    account, region = ORIGIN[number]
    return {
        "name": name,
        "origin": {"account": account, "region": region, "subnets": {name: f"10.{10 + number}.0.0/20"}},
        "recovery": {
            "account": recovery_account,
            "region": recovery_region,
            "subnets": {name: f"10.{20 + number}.0.0/20"},
        },
    }
