"""How names are compared, and which names are similar."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.model.scope import Scope

ScopedName = tuple[Scope, str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two similar names, ``distance`` edits from each other. Never paired by itself."""

    source_server_id: str
    instance_id: str
    distance: int


def normalize(name: str, domain_suffixes: Sequence[str]) -> str:
    """The name as it is compared: without case, surrounding white space, final dot and domain suffix."""
    text = name.strip().casefold().rstrip(".")
    for domain in sorted(domain_suffixes, key=len, reverse=True):
        suffix = "." + domain.strip().casefold().strip(".")
        if text.endswith(suffix) and text != suffix:
            return text.removesuffix(suffix)
    return text


def propose(
    servers: Mapping[ScopedName, Sequence[str]], targets: Mapping[ScopedName, Sequence[str]], most: int
) -> tuple[Proposal, ...]:
    """For each left-over server the left-over targets of its scope whose names are nearest.

    Names differ by at most ``most`` edits and a third of their letters, and never in their numbers:
    web-1 and web-2 are two servers, not a slip.
    """
    if most <= 0:
        return ()
    # The names of a fleet differ mostly in their numbers, so what is left without them is soon compared.
    alike = _alike({_letters(name) for _, name in servers}, {_letters(name) for _, name in targets}, most)
    by_numbers: defaultdict[tuple[Scope, tuple[int, ...], str], list[str]] = defaultdict(list)
    for scope, name in targets:
        by_numbers[scope, _numbers(name), _letters(name)].append(name)
    found: list[Proposal] = []
    for (scope, name), server_ids in servers.items():
        candidates = [
            candidate
            for letters in alike.get(_letters(name), ())
            for candidate in by_numbers.get((scope, _numbers(name), letters), ())
        ]
        edits = {candidate: distance(name, candidate) for candidate in sorted(candidates)}
        allowed = min(most, len(name) // 3)
        nearest = min((count for count in edits.values() if count <= allowed), default=None)
        found += [
            Proposal(server_id, target_id, count)
            for candidate, count in edits.items()
            if count == nearest
            for server_id in server_ids
            for target_id in targets[scope, candidate]
        ]
    return tuple(found)


def distance(one: str, other: str) -> int:
    """The Levenshtein distance: letters to insert, delete or replace to make one name of the other."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]


def _alike(words: set[str], others: set[str], most: int) -> dict[str, set[str]]:
    """For each word the others that may be within ``most`` edits: they share a shortened form."""
    index: defaultdict[str, set[str]] = defaultdict(set)
    for other in others:
        for shorter in _shortened(other, most):
            index[shorter].add(other)
    return {
        word: {other for shorter in _shortened(word, most) for other in index.get(shorter, ())}
        for word in words
    }


def _shortened(word: str, most: int) -> set[str]:
    """``word`` without up to ``most`` of its letters."""
    shortened = {word}
    for _ in range(most):
        shortened |= {some[:place] + some[place + 1 :] for some in shortened for place in range(len(some))}
    return shortened


def _letters(name: str) -> str:
    return re.sub(r"[0-9]+", "#", name)


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"[0-9]+", name))
