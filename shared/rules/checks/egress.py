"""Checks of egress: the agent on the recovery side must reach DRS (443) and the staging area (1500).

The rules of security groups, routes and network ACLs are read and judged here; nothing is probed. What lies
beyond the subnet (firewalls, gateways, endpoint policies) is not seen, so none of these can be certain.
Ports: DRS user guide, network requirements; failback between Regions.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network

from shared.model.policies import Policies
from shared.model.prerequisite_facts import CheckFailure
from shared.rules.checks.reverse_facts import (
    ANYWHERE,
    AclEntry,
    NetworkFacts,
    ReverseServerFacts,
    Route,
)
from shared.rules.failback.identity import Stage

CONTROL_PORT = 443
DATA_PORT = 1500


def control_closed(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    return _closed(facts, CONTROL_PORT, ANYWHERE, "DRS and S3 at the origin")


def data_closed(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    network = facts.network
    if network is None:
        return None
    return _closed(facts, DATA_PORT, network.staging_destination, "the staging area at the origin")


def no_route(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    workload, network = facts.workload, _asked(facts)
    if workload is None or network is None:
        return None
    wanted = dict.fromkeys((ANYWHERE, network.staging_destination))
    closed = [destination for destination in wanted if not routed(network, destination)]
    if not closed:
        return None
    return CheckFailure(
        f"The route table of {workload.subnet_id} has no route to {' and '.join(closed)} for "
        f"{workload.instance_id}.",
        "Add a route through a NAT gateway, a transit gateway or an internet gateway (which also takes a "
        "public address); or override this check if VPC endpoints lead to DRS, S3 and the staging area.",
    )


def acl_closed(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    workload, network = facts.workload, _asked(facts)
    if workload is None or network is None or network.acl is None:
        return None
    wanted = ((CONTROL_PORT, ANYWHERE), (DATA_PORT, network.staging_destination))
    closed = [port for port, destination in wanted if not acl_allows(network.acl, port, destination)]
    if not closed:
        return None
    return CheckFailure(
        f"The network ACL of {workload.subnet_id} lets no TCP {' and '.join(map(str, closed))} out.",
        "Add an outbound entry that allows it, and an inbound one for the answers (ports 1024 to 65535).",
    )


def network_unknown(facts: ReverseServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.workload is None or facts.stage is not Stage.TO_REVERSE or facts.network is not None:
        return None
    return CheckFailure(
        f"The security groups and routes of {facts.workload.instance_id} could not be read.",
        f"Check that it reaches DRS on TCP {CONTROL_PORT} and the staging area on TCP {DATA_PORT}.",
    )


# --- judging ----------------------------------------------------------------------------------------------


def allowed_out(network: NetworkFacts, port: int, destination: str) -> bool:
    """Whether a security group rule lets TCP ``port`` out to all of ``destination`` (a CIDR block).

    Rules towards a prefix list or a security group count for 443 only: so VPC endpoints are opened.
    """
    return any(
        rule.protocol in ("-1", "tcp", "6")
        and _covers_port(rule.from_port, rule.to_port, port, rule.protocol)
        and (
            _contains(rule.destination, destination) or (port == CONTROL_PORT and "/" not in rule.destination)
        )
        for rule in network.egress
    )


def routed(network: NetworkFacts, destination: str) -> bool:
    """Whether the most specific route that holds all of ``destination`` leads out."""
    candidates: Iterable[Route] = (r for r in network.routes if _contains(r.destination, destination))
    best = max(candidates, key=lambda route: IPv4Network(route.destination).prefixlen, default=None)
    if best is None or not best.active:
        return False
    return network.public_ip or not best.target.startswith("igw-")


def acl_allows(entries: Iterable[AclEntry], port: int, destination: str) -> bool:
    """Whether the first entry that applies to TCP ``port`` to all of ``destination`` allows it."""
    for entry in sorted(entries, key=lambda entry: entry.number):
        fits = entry.protocol in ("-1", "6") and _contains(entry.destination, destination)
        if fits and _covers_port(entry.from_port, entry.to_port, port, entry.protocol):
            return entry.allow
    return False


def _closed(facts: ReverseServerFacts, port: int, destination: str, what: str) -> CheckFailure | None:
    workload, network = facts.workload, _asked(facts)
    if workload is None or network is None or allowed_out(network, port, destination):
        return None
    groups = ", ".join(workload.security_group_ids) or "no security group"
    example = workload.security_group_ids[0] if workload.security_group_ids else "sg-…"
    return CheckFailure(
        f"No rule of {groups} lets TCP {port} out from {workload.instance_id} to {what} ({destination}).",
        f"aws ec2 authorize-security-group-egress --group-id {example} --protocol tcp --port {port} "
        f"--cidr {destination} --region {workload.scope.region}; or override this check if there is another "
        "way, such as a VPC endpoint.",
    )


def _asked(facts: ReverseServerFacts) -> NetworkFacts | None:
    return facts.network if facts.stage is Stage.TO_REVERSE else None


def _covers_port(low: int | None, high: int | None, port: int, protocol: str) -> bool:
    if protocol == "-1" or low is None or high is None:
        return True
    return low <= port <= high


def _contains(block: str, wanted: str) -> bool:
    """Whether the CIDR ``block`` holds all of ``wanted``; False for what is no IPv4 block."""
    try:
        return IPv4Network(wanted, strict=False).subnet_of(IPv4Network(block, strict=False))
    except ValueError:
        return False
