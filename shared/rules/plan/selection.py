"""Which wave of a plan each source server belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from shared.model.drs import SourceServer
from shared.model.finding import Finding, Severity
from shared.model.plan import Plan, Selector

ENABLED_TAG = ("dr:enabled", "true")
STRATEGY_TAG = ("dr:recovery-strategy", "drs")
"""Tags of a source server that takes part in recovery. Values are compared without regard to case."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Who goes with which wave.

    ``wave_by_server``: source server id -> wave, for servers that exactly one wave selects.
    ``unselected``: ids that take part (by tag) but that no wave selects.
    ``ambiguous``: id -> WAVE_AMBIGUOUS finding, for servers that two waves or more select.
    ``plan_findings``: warnings about the plan itself: a server named by id that is not there or not tagged,
    a wave that selects nothing.
    """

    wave_by_server: dict[str, str]
    unselected: tuple[str, ...] = ()
    ambiguous: dict[str, Finding] = field(default_factory=dict)
    plan_findings: tuple[Finding, ...] = ()


def takes_part(server: SourceServer) -> bool:
    """Whether the server carries both tags."""
    return all(
        server.tags.get(key, "").strip().lower() == value for key, value in (ENABLED_TAG, STRATEGY_TAG)
    )


def select(servers: Sequence[SourceServer], plan: Plan) -> Selection:
    """The wave of every server that takes part. ``servers`` may hold untagged ones: they do not count."""
    candidates = [server for server in servers if takes_part(server)]
    waves_of: dict[str, list[str]] = {server.source_server_id: [] for server in candidates}
    for wave in plan.waves:
        for server in candidates:
            if _selects(wave.selector, server, plan) and wave.name not in waves_of[server.source_server_id]:
                waves_of[server.source_server_id].append(wave.name)
    names = {server.source_server_id: server.name for server in candidates}
    return Selection(
        wave_by_server={server_id: waves[0] for server_id, waves in waves_of.items() if len(waves) == 1},
        unselected=tuple(server_id for server_id, waves in waves_of.items() if not waves),
        ambiguous={
            server_id: _ambiguous(names[server_id], waves)
            for server_id, waves in waves_of.items()
            if len(waves) > 1
        },
        plan_findings=tuple(_plan_findings(servers, plan, waves_of)),
    )


def _selects(selector: Selector, server: SourceServer, plan: Plan) -> bool:
    if selector.protection_group is not None:
        group = plan.protection_groups[selector.protection_group]
        if _selects(group, server, plan):
            return True
    if server.source_server_id in selector.source_server_ids:
        return True
    name = server.name.lower()
    if any(fnmatchcase(name, pattern.lower()) for pattern in selector.names):
        return True
    return bool(selector.tags) and all(server.tags.get(key) == value for key, value in selector.tags.items())


def _ambiguous(name: str, waves: Sequence[str]) -> Finding:
    return Finding(
        "WAVE_AMBIGUOUS",
        Severity.CRITICAL,
        f"The waves {' and '.join(waves)} both select {name}.",
        "Narrow their selectors in the plan so that only one of them selects it.",
    )


def _plan_findings(
    servers: Sequence[SourceServer], plan: Plan, waves_of: dict[str, list[str]]
) -> Iterator[Finding]:
    known = {server.source_server_id: server for server in servers}
    filled = {wave for waves in waves_of.values() for wave in waves}
    for wave in plan.waves:
        for server_id in _named_ids(wave.selector, plan):
            if server_id not in known:
                yield _warning(
                    "SERVER_NOT_FOUND",
                    f"The wave {wave.name} names {server_id}, which is no source server of the plan's sites.",
                    "Correct the id in the plan, or remove it.",
                )
            elif server_id not in waves_of:
                yield _warning(
                    "SERVER_NOT_ENABLED",
                    f"The wave {wave.name} names {server_id}, which lacks {_tags_in_words()}.",
                    f"Tag it: aws drs tag-resource --resource-arn {known[server_id].arn} "
                    f"--tags {ENABLED_TAG[0]}={ENABLED_TAG[1]},{STRATEGY_TAG[0]}={STRATEGY_TAG[1]} "
                    f"--region {known[server_id].scope.region}",
                )
        if wave.name not in filled:
            yield _warning(
                "WAVE_EMPTY",
                f"The wave {wave.name} selects no source server.",
                f"Check its selector, and that its servers carry {_tags_in_words()}.",
            )


def named_by_id(plan: Plan) -> set[str]:
    """The ids that the plan's selectors name."""
    return {server_id for wave in plan.waves for server_id in _named_ids(wave.selector, plan)}


def _named_ids(selector: Selector, plan: Plan) -> tuple[str, ...]:
    group = plan.protection_groups.get(selector.protection_group or "", Selector())
    return tuple(dict.fromkeys(selector.source_server_ids + group.source_server_ids))


def _tags_in_words() -> str:
    return f"the tags {ENABLED_TAG[0]}={ENABLED_TAG[1]} and {STRATEGY_TAG[0]}={STRATEGY_TAG[1]}"


def _warning(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Severity.WARNING, found, remedy)
