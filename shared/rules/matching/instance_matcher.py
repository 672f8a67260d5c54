"""Pairs source servers with their target instances by name: 1:1 or not at all, with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.model.drs import SourceServer
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE, Instance
from shared.model.finding import Finding, Severity
from shared.model.plan import Matching
from shared.model.scope import Scope
from shared.rules.matching.manual_pairs import match_manual_pairs, tag_command
from shared.rules.matching.names import Proposal, ScopedName, normalize, propose

__all__ = ["MANUAL", "NAME", "MatchResult", "Pair", "Proposal", "match_instances", "normalize"]

MANUAL = "MANUAL"
NAME = "NAME"


@dataclass(frozen=True, slots=True)
class Pair:
    """``paired_by`` is MANUAL or NAME."""

    source_server_id: str
    instance_id: str
    paired_by: str


@dataclass(frozen=True, slots=True)
class MatchResult:
    """``plan_findings`` are about manual pairs that name an unknown server."""

    pairs: tuple[Pair, ...]
    unmatched_servers: dict[str, Finding] = field(default_factory=dict)
    unmatched_targets: dict[str, Finding] = field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()
    plan_findings: tuple[Finding, ...] = ()


def match_instances(
    servers: Sequence[SourceServer], targets: Sequence[Instance], matching: Matching
) -> MatchResult:
    """Pairs within each scope, manual pairs first.

    Pass every server that takes part and every candidate instance of all scopes at once: a name is
    unique only among all of them. Instances without the AWSDRS tag are welcome; they are never paired,
    they explain why a server is left over.
    """
    known = {server.source_server_id: server for server in servers}
    living = {target.instance_id: target for target in targets if target.state not in _TERMINATED}
    manual = match_manual_pairs(list(known.values()), list(living.values()), matching)
    by_name = _match_names(
        [server for server in known.values() if server.source_server_id not in manual.servers_used],
        [target for target in living.values() if target.instance_id not in manual.targets_used],
        matching,
        {
            (target.scope, normalize(target.name, matching.domain_suffixes)): target.instance_id
            for target in living.values()
            if target.instance_id in manual.targets_used
        },
    )
    return MatchResult(
        pairs=(*(Pair(server, target, MANUAL) for server, target in manual.pairs), *by_name.pairs),
        unmatched_servers=manual.unmatched_servers | by_name.unmatched_servers,
        unmatched_targets=manual.unmatched_targets | by_name.unmatched_targets,
        proposals=by_name.proposals,
        plan_findings=manual.plan_findings,
    )


_SIMILAR = 2
"""Unused targets whose names differ by so many letters are named, whatever the plan proposes."""
_DEAD = ("DISCONNECTED", "STOPPED")
_TERMINATED = ("terminated", "shutting-down")


class _Namesakes:
    """The servers and the instances of one scope that share one name."""

    __slots__ = ("servers", "tagged", "untagged")

    def __init__(self) -> None:
        self.servers: list[SourceServer] = []
        self.tagged: list[Instance] = []
        self.untagged: list[Instance] = []


def _match_names(
    servers: Sequence[SourceServer],
    targets: Sequence[Instance],
    matching: Matching,
    by_hand: Mapping[ScopedName, str],
) -> MatchResult:
    """``by_hand``: the instances that the plan pairs itself, by their names."""
    groups: defaultdict[tuple[Scope, str], _Namesakes] = defaultdict(_Namesakes)
    for server in servers:
        groups[server.scope, normalize(server.name, matching.domain_suffixes)].servers.append(server)
    for target in targets:
        group = groups[target.scope, normalize(target.name, matching.domain_suffixes)]
        (group.tagged if target.allows_launching_into else group.untagged).append(target)

    pairs: list[Pair] = []
    lone_servers: dict[str, Finding] = {}
    lone_targets: dict[str, Finding] = {}
    for (scope, name), group in groups.items():
        if name and len(group.servers) == len(group.tagged) == 1:
            pairs.append(Pair(group.servers[0].source_server_id, group.tagged[0].instance_id, NAME))
            continue
        for server in group.servers:
            lone_servers[server.source_server_id] = _why_server(
                server, name, group, by_hand.get((scope, name))
            )
        for target in group.tagged:
            lone_targets[target.instance_id] = _why_target(target, name, group)

    similar = _similar(groups, max(_SIMILAR, matching.max_edit_distance))
    names = {target.instance_id: target.name for target in targets}
    for one in similar:
        finding = lone_servers[one.source_server_id]
        lone_servers[one.source_server_id] = _naming(finding, one, names[one.instance_id])
    proposals = tuple(one for one in similar if one.distance <= matching.max_edit_distance)
    return MatchResult(tuple(pairs), lone_servers, lone_targets, proposals)


def _similar(groups: Mapping[ScopedName, _Namesakes], most: int) -> tuple[Proposal, ...]:
    """The unused targets whose names are like that of a server without a target."""
    lone = {
        key: [server.source_server_id for server in group.servers]
        for key, group in groups.items()
        if key[1] and not group.tagged and not group.untagged
    }
    unused = {
        key: [target.instance_id for target in group.tagged]
        for key, group in groups.items()
        if key[1] and not group.servers
    }
    return propose(lone, unused, most)


def _naming(finding: Finding, similar: Proposal, name: str) -> Finding:
    """``finding``, whose remedy names a similar target too."""
    remedy = (
        f"{finding.remedy} Is {name!r} meant? Then add to the plan: matching.manualPairs: "
        f"[{{sourceServerId: {similar.source_server_id}, targetInstanceId: {similar.instance_id}}}]."
    )
    return replace(finding, remedy=remedy)


def _why_server(server: SourceServer, name: str, group: _Namesakes, by_hand: str | None) -> Finding:
    where = f"in {server.scope}"
    if not name:
        return _critical(
            "NAME_MISSING",
            f"The source server {server.source_server_id} has no name.",
            "Give it the name of its target (for NAME): aws drs tag-resource --resource-arn "
            f"{server.arn} --tags Name=NAME --region {server.scope.region}; or pair it under "
            "matching.manualPairs in the plan.",
        )
    if len(group.servers) > 1:
        return _critical(
            "SERVER_NAME_AMBIGUOUS",
            f"The source servers {_ids(s.source_server_id for s in group.servers)} {where} "
            f"all have the name {name!r}.",
            _namesakes_remedy(group.servers),
        )
    if len(group.tagged) > 1:
        return _critical(
            "TARGET_AMBIGUOUS",
            f"The instances {_ids(t.instance_id for t in group.tagged)} {where} all have the name {name!r}.",
            "Rename all but the target, or pair the server under matching.manualPairs in the plan.",
        )
    if group.untagged:
        return _critical("TARGET_UNTAGGED", *_untagged(group.untagged, name, server.scope))
    if by_hand is not None:
        return _critical(
            "TARGET_MISSING",
            f"{by_hand} {where} has the name {name!r}, but the plan pairs it by hand with another server.",
            "Correct that pair under matching.manualPairs in the plan, or pair this server there.",
        )
    return _critical(
        "TARGET_MISSING",
        f"No target instance {where} has the name {name!r}.",
        f"Create it, stopped and tagged {TARGET_TAG_KEY}={TARGET_TAG_VALUE}, with the Name tag "
        f"{server.name!r}; or pair the server under matching.manualPairs in the plan.",
    )


def _untagged(found: Sequence[Instance], name: str, scope: Scope) -> tuple[str, str]:
    """What was found, and the remedy. Of several none is preferred: the tag lets DRS replace the disks."""
    tag = f"{TARGET_TAG_KEY}={TARGET_TAG_VALUE}"
    ids = _ids(target.instance_id for target in found)
    if len(found) == 1:
        return (
            f"{ids} in {scope} has the name {name!r} but not the tag {tag}.",
            f"If it is the target: {tag_command(found[0].instance_id, scope)}",
        )
    return (
        f"{ids} in {scope} have the name {name!r}, and none has the tag {tag}.",
        f"Find out which is the target (its id for INSTANCE_ID), and tag that alone: "
        f"{tag_command('INSTANCE_ID', scope)}",
    )


def _namesakes_remedy(servers: Sequence[SourceServer]) -> str:
    """A machine whose agent was installed again is listed twice: then one of the two is dead."""
    dead = [server for server in servers if server.replication_state in _DEAD]
    if not dead or len(dead) == len(servers):
        return "Give each a Name tag of its own, or pair them under matching.manualPairs in the plan."
    first = dead[0]
    seen = f", last seen {first.last_seen}" if first.last_seen else ""
    which = f"--source-server-id {first.source_server_id} --region {first.scope.region}"
    # "The Source Server must be disconnected first" (DRS API reference, DeleteSourceServer).
    connected = first.replication_state != "DISCONNECTED"
    disconnect = f"aws drs disconnect-source-server {which}; then " if connected else ""
    return (
        f"{first.source_server_id} is {first.replication_state}{seen}: if it is the same machine, delete "
        f"that record: {disconnect}aws drs delete-source-server {which}. Else give each a Name tag of "
        "its own."
    )


def _why_target(target: Instance, name: str, group: _Namesakes) -> Finding:
    where = f"in {target.scope}"
    if not name:
        return _warning(
            "NAME_MISSING",
            f"The target instance {target.instance_id} {where} has no Name tag.",
            "Give it the name of its source server (for NAME): aws ec2 create-tags --resources "
            f"{target.instance_id} --tags Key=Name,Value=NAME --region {target.scope.region}",
        )
    if len(group.tagged) > 1:
        return _warning(
            "TARGET_AMBIGUOUS",
            f"The instances {_ids(t.instance_id for t in group.tagged)} {where} all have the name {name!r}.",
            "Rename all but one of them.",
        )
    if group.servers:
        return _warning(
            "SERVER_NAME_AMBIGUOUS",
            f"{_ids(s.source_server_id for s in group.servers)} all have the name {name!r} of this target.",
            "Give each source server a Name tag of its own.",
        )
    return _warning(
        "TARGET_UNUSED",
        f"No source server {where} has the name {name!r} of this target.",
        "Nothing, if it protects no server of this plan; else correct its Name tag.",
    )


def _ids(ids: Iterable[str]) -> str:
    return " and ".join(sorted(ids))


def _critical(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Severity.CRITICAL, found, remedy)


def _warning(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Severity.WARNING, found, remedy)
