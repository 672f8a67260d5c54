"""What a schema cannot say about a fleet file: names that must exist or be unique, networks that must fit."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from local.fleet.addresses import staging_block
from local.fleet.document import Document
from local.fleet.errors import Problem
from local.fleet.expand import NUMBER, names
from shared.rules.plan.contract_wording import did_you_mean
from shared.rules.plan.contracts import path_of

_RESERVED_ADDRESSES = 5  # of every subnet: the first four and the last (VPC user guide, subnet sizing)


def inconsistencies(document: Document) -> tuple[Problem, ...]:
    """Every such problem of a document whose shape is right already."""
    found = (
        *_waves(document),
        *_sites(document),
        *_groups(document),
        *_names(document),
        *_endless(document),
    )
    return tuple(sorted(found, key=lambda problem: problem.line or 0))


def _problem(document: Document, path: tuple[str | int, ...], message: str, remedy: str) -> Problem:
    return Problem(path_of(path), document.line(path), f"{message}.", remedy)


def _waves(document: Document) -> Iterator[Problem]:
    waves = [wave["name"] for wave in document.content["waves"]]
    yield from _repeated(document, "waves", waves)
    for index, wave in enumerate(document.content["waves"]):
        for position, name in enumerate(wave.get("dependsOn", ())):
            path = ("waves", index, "dependsOn", position)
            if name == wave["name"]:
                yield _problem(document, path, "a wave cannot depend on itself", "Leave it out.")
            elif name not in waves:
                yield _problem(document, path, f"there is no wave '{name}'", _nearest(name, waves))
    used = {group["wave"] for group in document.content["servers"]}
    for index, name in enumerate(waves):
        if name not in used:
            remedy = "Put servers in it (servers/wave), or leave the wave out."
            yield _problem(document, ("waves", index), f"wave '{name}' has no servers", remedy)
    yield from _circles(document)


def _circles(document: Document) -> Iterator[Problem]:
    waves: list[dict[str, Any]] = document.content["waves"]
    known = {wave["name"] for wave in waves}
    open_waves = {wave["name"]: set(wave.get("dependsOn", ())) & known for wave in waves}
    while done := [name for name, needs in open_waves.items() if not needs & open_waves.keys()]:
        for name in done:
            del open_waves[name]
    if open_waves:
        index = next(i for i, wave in enumerate(waves) if wave["name"] in open_waves)
        message = f"the waves {', '.join(sorted(open_waves))} wait for each other"
        yield _problem(document, ("waves", index, "dependsOn"), message, "Take one of the dependsOn away.")


def _sites(document: Document) -> Iterator[Problem]:
    sites = document.content["sites"]
    yield from _repeated(document, "sites", [site["name"] for site in sites])
    for index, site in enumerate(sites):
        if (site["origin"]["account"], site["origin"]["region"]) == (
            site["recovery"]["account"],
            site["recovery"]["region"],
        ):
            message = "origin and recovery are the same account in the same Region"
            remedy = "Give the recovery another account or another Region."
            yield _problem(document, ("sites", index, "recovery"), message, remedy)
        for side in ("origin", "recovery"):
            yield from _subnets(document, ("sites", index, side, "subnets"), site[side]["subnets"])


def _subnets(document: Document, path: tuple[str | int, ...], subnets: dict[str, str]) -> Iterator[Problem]:
    networks: dict[str, ipaddress.IPv4Network] = {}
    for name, cidr in subnets.items():
        try:
            network = ipaddress.IPv4Network(cidr)
        except ValueError as error:
            remedy = "Write the network's first address, such as 10.10.0.0/16."
            yield _problem(document, (*path, name), str(error), remedy)
            continue
        if not 16 <= network.prefixlen <= 28:
            yield _problem(document, (*path, name), f"{cidr} has the wrong size", "EC2 takes /16 to /28.")
            continue
        for other, earlier in networks.items():
            if network.overlaps(earlier):
                message = f"{cidr} overlaps {earlier} of subnet '{other}'"
                yield _problem(document, (*path, name), message, "Give each its own range.")
        networks[name] = network
    if networks and staging_block(map(str, networks.values())) is None:
        remedy = "Leave a /24 of the /16 around the first subnet free."
        yield _problem(document, path, "no addresses are left for the staging subnet of DRS", remedy)


def _groups(document: Document) -> Iterator[Problem]:
    content = document.content
    sites = {site["name"]: site for site in content["sites"]}
    waves = [wave["name"] for wave in content["waves"]]
    demand: Counter[tuple[str, str]] = Counter()
    for index, group in enumerate(content["servers"]):
        path: tuple[str | int, ...] = ("servers", index)
        if group["wave"] not in waves:
            message, remedy = f"there is no wave '{group['wave']}'", _nearest(group["wave"], waves)
            yield _problem(document, (*path, "wave"), message, remedy)
        site = sites.get(group.get("site", content["sites"][0]["name"]))
        if site is None:
            message, remedy = f"there is no site '{group['site']}'", _nearest(group["site"], sites)
            yield _problem(document, (*path, "site"), message, remedy)
            continue
        subnet = group.get("subnet", next(iter(site["recovery"]["subnets"])))
        for side in ("origin", "recovery"):
            if subnet not in site[side]["subnets"]:
                message = f"site '{site['name']}' has no subnet '{subnet}' at its {side}"
                remedy = _nearest(subnet, site[side]["subnets"])
                yield _problem(document, (*path, "subnet"), message, remedy)
        demand[site["name"], subnet] += group.get("count", 1)
        yield from _hardware(document, path, group)
    yield from _addresses(document, sites, demand)


def _hardware(document: Document, path: tuple[str | int, ...], group: dict[str, Any]) -> Iterator[Problem]:
    arm = group.get("architecture") == "arm64"
    if arm and group.get("platform") == "windows":
        message = "Windows on EC2 has no arm64"
        yield _problem(document, (*path, "architecture"), message, "Write x86_64, or platform: linux.")
    if arm and group.get("bootMode") == "legacy-bios":
        message = "arm64 instances boot uefi only"
        yield _problem(document, (*path, "bootMode"), message, "Leave bootMode out, or write uefi.")
    for position, issue in enumerate(group.get("issue", ())):
        here = (*path, "issue", position)
        if issue["kind"] == "targetArchitecture" and group.get("platform") == "windows":
            message = "a Windows target has no other architecture"
            yield _problem(document, here, message, "Take a Linux server for this issue.")
        for order, name in enumerate(issue.get("servers", ())):
            if name not in (known := names(group)):
                message = f"the group has no server '{name}'"
                yield _problem(document, (*here, "servers", order), message, _nearest(name, known))


def _names(document: Document) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, group in enumerate(document.content["servers"]):
        if group.get("count", 1) > 1 and not NUMBER.search(group["name"]):
            message = f"{group['count']} servers cannot all be called '{group['name']}'"
            remedy = f"Put the number into it, such as '{group['name']}-{{n:03}}'."
            yield _problem(document, ("servers", index, "name"), message, remedy)
            continue
        for name in names(group):
            if name in seen:
                message = f"servers/{seen[name]} has a server '{name}' already"
                yield _problem(document, ("servers", index, "name"), message, "Give this group other names.")
                break
            seen[name] = index


def _endless(document: Document) -> Iterator[Problem]:
    """Issue that a failback would wait for without end."""
    failback = document.content.get("policies", {}).get("failback", {})
    if failback.get("onReplicationTimeout", "WAIT") != "WAIT":
        return
    for index, group in enumerate(document.content["servers"]):
        for position, issue in enumerate(group.get("issue", ())):
            stalls = issue["kind"] == "replicationStalls" and "seconds" not in issue
            if stalls or issue["kind"] == "notConverging":
                message = "a failback waits for such a server without end"
                remedy = "Set policies.failback.onReplicationTimeout to SKIP or STOP."
                yield _problem(document, ("servers", index, "issue", position), message, remedy)


def _addresses(
    document: Document, sites: dict[str, Any], demand: Counter[tuple[str, str]]
) -> Iterator[Problem]:
    positions = {site["name"]: index for index, site in enumerate(document.content["sites"])}
    for (site, subnet), servers in demand.items():
        for side in ("origin", "recovery"):
            cidr = sites[site][side]["subnets"].get(subnet)
            try:
                free = ipaddress.IPv4Network(cidr).num_addresses - _RESERVED_ADDRESSES
            except (ValueError, TypeError):
                continue  # complained about already
            if servers > free:
                path = ("sites", positions[site], side, "subnets", subnet)
                message = f"{cidr} has addresses for {free} servers, not for {servers}"
                yield _problem(document, path, message, "Give it a wider range.")


def _repeated(document: Document, key: str, values: list[str]) -> Iterator[Problem]:
    for index, value in enumerate(values):
        if value in values[:index]:
            message = f"the name '{value}' is taken already"
            yield _problem(document, (key, index, "name"), message, "Give it a name of its own.")


def _nearest(word: str, known: Iterable[str]) -> str:
    choices = list(known)
    close = did_you_mean(word, choices)
    return f"Did you mean {close!r}?" if close else f"Known here: {', '.join(choices)}."
