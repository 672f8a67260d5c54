"""Values of ``shared.model`` to and from what DynamoDB and JSON hold: camelCase names, no empty fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from shared.model.scope import Scope
from shared.model.server import FLAT

T = TypeVar("T")


def camel(name: str) -> str:
    """``source_server_id`` → ``sourceServerId``."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _is_record(cls: Any) -> bool:
    return isinstance(cls, type) and is_dataclass(cls) and cls is not Scope


@cache
def _converter() -> Converter:
    # Items are read as they were written. Naming the field of a broken one would double the time of reading.
    converter = Converter(detailed_validation=False)

    def renames(cls: type) -> dict[str, Any]:
        return {f.name: override(rename=camel(f.name)) for f in fields(cls)}

    def unstructure(cls: type) -> Any:
        whole: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(
            cls, converter, _cattrs_omit_if_default=True, **renames(cls)
        )
        return _flattened(whole, parts) if (parts := _parts(cls)) else whole

    def structure(cls: type) -> Any:
        whole: Any = make_dict_structure_fn(cls, converter, **renames(cls))
        if parts := _parts(cls):
            # Unknown keys are ignored: each part finds its own fields among all.
            return lambda item, _: whole({**item, **dict.fromkeys(parts, item)}, cls)
        return whole

    converter.register_unstructure_hook_factory(_is_record, unstructure)
    converter.register_structure_hook_factory(_is_record, structure)
    converter.register_unstructure_hook(Scope, str)
    converter.register_structure_hook(Scope, lambda text, _: Scope.parse(text))
    # Documents as people wrote them: nothing says where in them a number is whole.
    converter.register_structure_hook_func(lambda cls: cls == dict[str, Any], lambda value, _: plain(value))
    return converter


def _parts(cls: type) -> list[str]:
    """The fields whose own fields stand beside the others."""
    return [f.name for f in fields(cls) if f.metadata == FLAT]


def _flattened(whole: Callable[[Any], dict[str, Any]], parts: list[str]) -> Callable[[Any], dict[str, Any]]:
    def flat(value: Any) -> dict[str, Any]:
        item = whole(value)
        for part in parts:
            item |= item.pop(part, {})
        return item

    return flat


def to_item(value: Any) -> Any:
    """A dataclass (or a field of one) as plain data. Fields at their default are left out."""
    return _decimals(_converter().unstructure(value))


def from_item(item: dict[str, Any], cls: type[T]) -> T:
    """The value that ``to_item`` made ``item`` of. Unknown keys (the table's own) are ignored."""
    return _converter().structure(item, cls)


def _decimals(value: Any) -> Any:
    """DynamoDB refuses floats (boto3 DynamoDB reference, "valid DynamoDB types")."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, dict):
        return {key: _decimals(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_decimals(inner) for inner in value]
    return value


def plain(value: Any) -> Any:
    """DynamoDB's Decimals as int or float, so that the value can be JSON."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value
