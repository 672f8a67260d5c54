"""The pairs that a plan fixes by hand: taken as they are, or refused with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shared.model.drs import SourceServer
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE, Instance
from shared.model.finding import Finding, Severity
from shared.model.plan import ManualPair, Matching
from shared.model.scope import Scope
from shared.rules.matching.names import normalize


@dataclass(frozen=True, slots=True)
class ManualMatch:
    """``servers_used`` and ``targets_used`` are out of reach of the names, refused pairs included.

    ``plan_findings`` are about pairs whose server is unknown.
    """

    pairs: tuple[tuple[str, str], ...]
    unmatched_servers: dict[str, Finding]
    unmatched_targets: dict[str, Finding]
    plan_findings: tuple[Finding, ...]
    servers_used: frozenset[str]
    targets_used: frozenset[str]


def match_manual_pairs(
    servers: Sequence[SourceServer], targets: Sequence[Instance], matching: Matching
) -> ManualMatch:
    """Source server id and instance id of every manual pair that can be taken, the reason for the others."""
    instances = {target.instance_id: target for target in targets}
    meant = [(pair, _servers_of(pair, servers, instances, matching)) for pair in matching.manual_pairs]
    server_uses = Counter(found[0].source_server_id for _, found in meant if len(found) == 1)
    target_uses = Counter(pair.target_instance_id for pair in matching.manual_pairs)

    pairs: list[tuple[str, str]] = []
    lone_servers: dict[str, Finding] = {}
    lone_targets: dict[str, Finding] = {}
    plan_findings: list[Finding] = []
    for pair, found in meant:
        target = instances.get(pair.target_instance_id)
        finding = _refusal(pair, found, target, server_uses, target_uses)
        if finding is None:
            pairs.append((found[0].source_server_id, pair.target_instance_id))
            continue
        lone_servers |= {server.source_server_id: finding for server in found}
        if not found:
            plan_findings.append(finding)
        if target is not None and target.allows_launching_into:
            lone_targets[target.instance_id] = finding
    paired = {server_id for server_id, _ in pairs}
    return ManualMatch(
        tuple(pairs),
        {server_id: finding for server_id, finding in lone_servers.items() if server_id not in paired},
        lone_targets,
        tuple(plan_findings),
        frozenset(server.source_server_id for _, found in meant for server in found),
        frozenset(target_uses),
    )


def tag_command(instance_id: str, scope: Scope) -> str:
    """The AWS CLI command that lets DRS launch into an instance."""
    return (
        f"aws ec2 create-tags --resources {instance_id} "
        f"--tags Key={TARGET_TAG_KEY},Value={TARGET_TAG_VALUE} --region {scope.region}"
    )


def _servers_of(
    pair: ManualPair,
    servers: Sequence[SourceServer],
    instances: dict[str, Instance],
    matching: Matching,
) -> list[SourceServer]:
    """The servers a pair may mean: several when its name is not unique in the scope of its target."""
    if pair.source_server_id is not None:
        return [server for server in servers if server.source_server_id == pair.source_server_id]
    name = normalize(pair.source_server_name or "", matching.domain_suffixes)
    named = [server for server in servers if normalize(server.name, matching.domain_suffixes) == name]
    target = instances.get(pair.target_instance_id)
    beside = [server for server in named if target is not None and server.scope == target.scope]
    return beside or named


def _refusal(
    pair: ManualPair,
    found: Sequence[SourceServer],
    target: Instance | None,
    server_uses: Counter[str],
    target_uses: Counter[str],
) -> Finding | None:
    wanted = pair.target_instance_id
    said = pair.source_server_id or repr(pair.source_server_name)
    if not found:
        return Finding(
            "MANUAL_PAIR_SERVER_UNKNOWN",
            Severity.WARNING,
            f"The plan pairs {said} with {wanted}, but there is no such source server that takes part.",
            "Correct or remove the pair under matching.manualPairs in the plan.",
        )
    if len(found) > 1:
        ids = " and ".join(sorted(server.source_server_id for server in found))
        return _critical(
            "MANUAL_PAIR_SERVER_AMBIGUOUS",
            f"The plan pairs {said} with {wanted}, but {ids} all have that name.",
            "Write sourceServerId instead of sourceServerName under matching.manualPairs in the plan.",
        )
    server = found[0]
    if server_uses[server.source_server_id] > 1:
        return _critical(
            "MANUAL_PAIR_SERVER_TWICE",
            f"The plan pairs {said} ({server.source_server_id}) more than once.",
            "Leave one pair for it under matching.manualPairs in the plan.",
        )
    if target_uses[wanted] > 1:
        return _critical(
            "MANUAL_PAIR_TARGET_TWICE",
            f"The plan pairs {wanted} with more than one source server, {said} among them.",
            "Leave one pair for it under matching.manualPairs in the plan.",
        )
    if target is None:
        return _critical(
            "MANUAL_PAIR_TARGET_UNKNOWN",
            f"The plan pairs {said} with {wanted}, but there is no such instance in {server.scope}.",
            f"Correct the pair under matching.manualPairs in the plan, or tag the instance: "
            f"{tag_command(wanted, server.scope)}",
        )
    if target.scope != server.scope:
        return _critical(
            "MANUAL_PAIR_OTHER_SCOPE",
            f"The plan pairs {said} in {server.scope} with {wanted} in {target.scope}. "
            "DRS launches only into instances of the source server's own account and Region.",
            f"Name an instance in {server.scope} under matching.manualPairs in the plan.",
        )
    if not target.allows_launching_into:
        return _critical(
            "TARGET_UNTAGGED",
            f"The plan pairs {said} with {wanted}, which lacks the tag {TARGET_TAG_KEY}={TARGET_TAG_VALUE}.",
            f"If it is the target: {tag_command(wanted, server.scope)}",
        )
    return None


def _critical(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Severity.CRITICAL, found, remedy)
