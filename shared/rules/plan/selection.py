"""Which wave of a plan each source server belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache

from shared.model.drs import SourceServer
from shared.model.finding import Finding, Severity
from shared.model.plan import Plan, Selector
from shared.rules.matching.names import normalize
from shared.rules.plan.contract_wording import did_you_mean

ENABLED_TAG = ("dr:enabled", "true")
STRATEGY_TAG = ("dr:recovery-strategy", "drs")
"""Tags of a source server that takes part in recovery. Values are compared without regard to case."""


UNSELECTED = "SERVERS_UNSELECTED"
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Selection:
    """Who goes with which wave.

    ``wave_by_server``: source server id -> wave, for servers that exactly one wave selects.
    ``unselected``: ids that take part (by tag) but that no wave selects.
    ``ambiguous``: id -> WAVE_AMBIGUOUS finding, for servers that two waves or more select.
    ``plan_findings``: warnings about the plan itself: a server named by id that is not there or not tagged, a
    name that no server has, a wave that selects nothing, and the servers that take part without a wave.
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
    if any(names(pattern, server, plan) for pattern in selector.names):
        return True
    return bool(selector.tags) and all(server.tags.get(key) == value for key, value in selector.tags.items())


def names(pattern: str, server: SourceServer, plan: Plan) -> bool:
    """Whether a selector's name means the server: as a pattern, or as the same name in pairing's eyes."""
    suffixes = plan.matching.domain_suffixes
    if _normal(pattern, suffixes) == _normal(server.name, suffixes):
        return True  # also where the name has a bracket, which a pattern reads as a set of letters
    return fnmatchcase(server.name.strip().lower(), pattern.strip().lower())


_normal = lru_cache(maxsize=50_000)(normalize)


def to_know(servers: Sequence[SourceServer], plan: Plan) -> list[SourceServer]:
    """The servers by which the plan is judged: they take part, might be meant to, or are named in it."""
    ids, literal = named_by_id(plan), _literal_names(plan)
    return [
        server
        for server in servers
        if ENABLED_TAG[0] in server.tags
        or server.source_server_id in ids
        or any(names(name, server, plan) for name in literal)
    ]


def _literal_names(plan: Plan) -> list[str]:
    named = [name for wave in plan.waves for name in _named(wave.selector, plan)]
    return [name for name in named if _is_literal(name)]


def _is_literal(name: str) -> bool:
    return not set("*?[") & set(name)


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
                yield _not_enabled(wave.name, known[server_id])
        for pattern in _named(wave.selector, plan):
            meant = [server for server in servers if names(pattern, server, plan)]
            if not meant:
                yield _warning(
                    "NAME_NOT_FOUND" if _is_literal(pattern) else "SELECTOR_EMPTY",
                    f"The wave {wave.name} names {pattern!r}: no source server that takes part is called so.",
                    _like(pattern, servers),
                )
            elif not any(server.source_server_id in waves_of for server in meant):
                yield _not_enabled(wave.name, meant[0])
        if wave.name not in filled:
            yield _warning(
                "WAVE_EMPTY",
                f"The wave {wave.name} selects no source server.",
                f"Check its selector, and that its servers carry {_tags_in_words()}.",
            )

    yield from _without_wave(servers, waves_of)


def _not_enabled(wave: str, server: SourceServer) -> Finding:
    return _warning(
        "SERVER_NOT_ENABLED",
        f"The wave {wave} names {server.source_server_id} ({server.name}), which lacks {_tags_in_words()}.",
        f"Tag it: aws drs tag-resource --resource-arn {server.arn} "
        f"--tags {ENABLED_TAG[0]}={ENABLED_TAG[1]},{STRATEGY_TAG[0]}={STRATEGY_TAG[1]} "
        f"--region {server.scope.region}",
    )


def _without_wave(servers: Sequence[SourceServer], waves_of: dict[str, list[str]]) -> Iterator[Finding]:
    """Servers that are meant to be recovered and are not in this plan, by their tags."""
    key, value = ENABLED_TAG
    left = [server for server in servers if waves_of.get(server.source_server_id) == []]
    if left:
        yield _warning(
            UNSELECTED,
            f"{_many(left)} by {_tags_in_words()}, and no wave of this plan selects {_them(left)}.",
            "If another plan has them, nothing. Else correct their tags or names, or the waves' selectors.",
        )
    odd = [server for server in servers if key in server.tags and not _is_choice(server)]
    if odd:
        found = ", ".join(sorted({f"{k}={server.tags.get(k, '')!r}" for server in odd for k in _KEYS}))
        yield _warning(
            "TAG_VALUE_UNKNOWN",
            f"{_many(odd)} by its tags in name only: {found[:300]}.",
            f"Write {key}={value} and {STRATEGY_TAG[0]}={STRATEGY_TAG[1]} to recover a server, {key}=false "
            "to leave it out.",
        )


_KEYS = (ENABLED_TAG[0], STRATEGY_TAG[0])


def _is_choice(server: SourceServer) -> bool:
    """Whether the tags say clearly that the server takes part, or that it does not."""
    return takes_part(server) or server.tags[ENABLED_TAG[0]].strip().lower() == "false"


def _many(servers: Sequence[SourceServer]) -> str:
    shown = ", ".join(sorted(server.name or server.source_server_id for server in servers)[:_SHOWN])
    more = f" and {len(servers) - _SHOWN} more" if len(servers) > _SHOWN else ""
    return f"{len(servers)} {'server takes' if len(servers) == 1 else 'servers take'} part ({shown}{more})"


def _them(servers: Sequence[SourceServer]) -> str:
    return "it" if len(servers) == 1 else "them"


def _like(pattern: str, servers: Sequence[SourceServer]) -> str:
    close = did_you_mean(pattern, [server.name for server in servers])
    return f"Write {close!r}." if close else "Correct the name in the plan, or remove it."


def named_by_id(plan: Plan) -> set[str]:
    """The ids that the plan's selectors name."""
    return {server_id for wave in plan.waves for server_id in _named_ids(wave.selector, plan)}


def _named_ids(selector: Selector, plan: Plan) -> tuple[str, ...]:
    group = plan.protection_groups.get(selector.protection_group or "", Selector())
    return tuple(dict.fromkeys(selector.source_server_ids + group.source_server_ids))


def _named(selector: Selector, plan: Plan) -> tuple[str, ...]:
    group = plan.protection_groups.get(selector.protection_group or "", Selector())
    return tuple(dict.fromkeys(selector.names + group.names))


def _tags_in_words() -> str:
    return f"the tags {ENABLED_TAG[0]}={ENABLED_TAG[1]} and {STRATEGY_TAG[0]}={STRATEGY_TAG[1]}"


def _warning(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Severity.WARNING, found, remedy)
