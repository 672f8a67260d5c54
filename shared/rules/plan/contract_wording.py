"""How a violated JSON Schema keyword reads to an operator: what is wrong, and what to write instead."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.rules.plan.old_words import new_fields, new_word

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """A keyword of a schema that a value breaks: ``{"minimum": 0}`` (keyword and limit) and -1 (value)."""

    path: Path
    keyword: str
    limit: Any
    value: Any
    schema: dict[str, Any]


def worded(violation: Violation) -> Iterator[tuple[Path, str, str]]:
    """Path, message and remedy for everything that the violation stands for."""
    if violation.keyword == "additionalProperties":
        yield from _unknown_keys(violation)
    elif violation.keyword == "required":
        yield from _missing_keys(violation)
    else:
        yield violation.path, *_BY_KEYWORD[violation.keyword](violation)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word most similar to ``word``, in any case of letters; None if none is similar."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def choice(word: str, known: Collection[str]) -> str:
    """The remedy for a word not among ``known``: the nearest of them, else all of them."""
    close = did_you_mean(word, known)
    return f"Write {close!r}." if close else f"Known: {', '.join(known) or 'none'}."


def _unknown_keys(violation: Violation) -> Iterator[tuple[Path, str, str]]:
    known = list(violation.schema.get("properties", {}))
    for key in violation.value:
        if key not in known:
            yield (*violation.path, key), "is not known here.", _field_remedy(key, known)


def _field_remedy(key: str, known: Collection[str]) -> str:
    if new := new_fields(key, known):
        return f"Write {new}."
    close = did_you_mean(key, known)
    return f"Write {close!r}." if close else f"Remove it; known here: {', '.join(known)}."


def _missing_keys(violation: Violation) -> Iterator[tuple[Path, str, str]]:
    for key in violation.limit:
        if key not in violation.value:
            schema = violation.schema.get("properties", {}).get(key, {})
            yield (*violation.path, key), "is missing.", f"Add it{_meaning(schema)}"


def _type(violation: Violation) -> tuple[str, str]:
    wanted = violation.limit if isinstance(violation.limit, list) else [violation.limit]
    message = f"{_shown(violation.value)} is {_TYPE_WORDS[_type_name(violation.value)]}."
    if "string" in wanted and isinstance(violation.value, bool | int | float):
        return message, f'Put it in quotes: "{json.dumps(violation.value)}".'
    words = " or ".join(_TYPE_WORDS[name] for name in wanted)
    return message, f"Write {words}{_meaning(violation.schema)}"


def _enum(violation: Violation) -> tuple[str, str]:
    known = [str(value) for value in violation.limit if value is not None]
    close = new_word(str(violation.value), known) or did_you_mean(str(violation.value), known)
    remedy = f"Write {close}." if close else f"Write one of {', '.join(known)}."
    return f"{_shown(violation.value)} is not one of {', '.join(known)}.", remedy


def _const(violation: Violation) -> tuple[str, str]:
    return f"{_shown(violation.value)} is not {_shown(violation.limit)}.", f"Write {_shown(violation.limit)}."


def _pattern(violation: Violation) -> tuple[str, str]:
    return f"{_shown(violation.value)} does not have the right form.", f"Write{_meaning(violation.schema)}"


def _bound(words: str) -> Callable[[Violation], tuple[str, str]]:
    def explain(violation: Violation) -> tuple[str, str]:
        return f"{_shown(violation.value)} is out of bounds.", f"Write {words} {violation.limit}."

    return explain


def _size(words: str, things: str) -> Callable[[Violation], tuple[str, str]]:
    def explain(violation: Violation) -> tuple[str, str]:
        known = ", ".join(violation.schema.get("properties", {}))
        choice = f" of {known}" if known else f" {things}"
        return f"has {len(violation.value)} {things}.", f"Give {words} {violation.limit}{choice}."

    return explain


def _unique(violation: Violation) -> tuple[str, str]:
    twice = {_shown(item) for item in violation.value if violation.value.count(item) > 1}
    return f"names {', '.join(sorted(twice))} more than once.", "Name each once."


def _one_of(violation: Violation) -> tuple[str, str]:
    keys = [key for branch in violation.limit for key in branch["required"]]
    given = [key for key in keys if key in violation.value]
    return f"gives {' and '.join(given) or 'none'} of {', '.join(keys)}.", "Give exactly one of them."


def _not(violation: Violation) -> tuple[str, str]:
    return "does not belong here.", "Remove it."


# Every keyword that our schemas use and that can fail by itself.
_BY_KEYWORD: dict[str, Callable[[Violation], tuple[str, str]]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minimum": _bound("at least"),
    "exclusiveMinimum": _bound("more than"),
    "maximum": _bound("at most"),
    "minItems": _size("at least", "entries"),
    "maxItems": _size("at most", "entries"),
    "minProperties": _size("at least", "entries"),
    "maxProperties": _size("at most", "entries"),
    "minLength": _size("at least", "letters"),
    "maxLength": _size("at most", "letters"),
    "uniqueItems": _unique,
    "oneOf": _one_of,
    "not": _not,
}

_TYPE_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}
_TYPE_NAMES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
}


def _type_name(value: object) -> str:
    return "null" if value is None else _TYPE_NAMES.get(type(value), "object")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _meaning(schema: dict[str, Any]) -> str:
    """ ": the schema's description (for example …)."""
    what = schema.get("description", "").rstrip(".")
    text = f": {what}" if what else ""
    if "examples" in schema:
        text += f" (for example {json.dumps(schema['examples'][0], ensure_ascii=False)})"
    return f"{text}."
