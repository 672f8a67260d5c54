"""Proposes a target for a server without a Name tag: the one that is called as its original is in EC2.

A source server without a Name tag goes by its host name, and targets are named as the originals are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.finding import Finding
from shared.model.original import OriginalName
from shared.model.plan import Matching
from shared.rules.matching.names import normalize

_NO_TARGET = ("NAME_MISSING", "TARGET_MISSING")


def has_no_name_tag(server: SourceServer) -> bool:
    return not server.tags.get("Name", "").strip()


def named_as_original(
    finding: Finding,
    server: SourceServer,
    original: OriginalName | None,
    unused: Iterable[Instance],
    matching: Matching,
) -> Finding:
    """``finding`` of a server without a target, whose remedy names the one called as its original, if any.

    ``unused``: the target instances that no server is paired with.
    """
    name = normalize(original.name, matching.domain_suffixes) if original else ""
    if original is None or not name or finding.code not in _NO_TARGET:
        return finding
    called = [
        target.instance_id
        for target in unused
        if target.scope == server.scope and normalize(target.name, matching.domain_suffixes) == name
    ]
    if len(called) != 1:
        return finding
    return replace(
        finding,
        remedy=f"{finding.remedy} Its original {original.original_instance_id} has the name "
        f"{original.name!r}, and so has {called[0]}. Is that its target? Then add to the plan: "
        f"matching.manualPairs: [{{sourceServerId: {server.source_server_id}, targetInstanceId: "
        f"{called[0]}}}].",
    )
