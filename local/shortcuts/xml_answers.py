"""Reads EC2's XML by botocore's service model, as botocore's parser does, in a fifth of its time.

botocore looks in every element for every member that its shape could have, of which an instance has eighty.
Here only what is there is looked up.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from xml.etree import ElementTree

from botocore.utils import parse_timestamp

Reader = Callable[[ElementTree.Element], Any]

_NAMESPACE = re.compile(rb' xmlns="[^"]*"')
_plans: dict[str, dict[str, tuple[str, Reader]]] = {}
"""Of each structure of EC2's model: its elements, with the member that each is and how it is read."""


def read(body: bytes, shape: Any) -> dict[str, Any]:
    """The answer in ``body``, ResponseMetadata as far as it is in there. ``shape``: botocore's, or None."""
    root = ElementTree.fromstring(_NAMESPACE.sub(b"", body, count=1))  # noqa: S314  MiniStack's own
    answer = _structure(shape, root) if shape is not None else {}
    request_id = root.findtext("requestId")
    return answer if request_id is None else {**answer, "ResponseMetadata": {"RequestId": request_id}}


def _structure(shape: Any, node: ElementTree.Element) -> dict[str, Any]:
    plan = _plans.get(shape.name)
    if plan is None:
        plan = _plans[shape.name] = {
            member.serialization.get("name", name): (name, _reader(member))
            for name, member in shape.members.items()
        }
    found = {}
    for child in node:
        known = plan.get(child.tag)
        if known is not None:
            found[known[0]] = known[1](child)
    return found


def _reader(shape: Any) -> Reader:
    if shape.type_name == "structure":
        return partial(_structure, shape)
    if shape.type_name == "list":
        return partial(_list, _reader(shape.member))
    return _SCALARS[shape.type_name]


def _list(read_one: Reader, node: ElementTree.Element) -> list[Any]:
    return [read_one(child) for child in node]


def _text(node: ElementTree.Element) -> str:
    return node.text or ""


def _time(node: ElementTree.Element) -> datetime:
    try:
        return datetime.fromisoformat(_text(node))
    except ValueError:
        return parse_timestamp(_text(node))


_SCALARS: dict[str, Reader] = {
    "string": _text,
    "blob": lambda node: b64decode(_text(node)),
    "boolean": lambda node: node.text == "true",
    "integer": lambda node: int(_text(node)),
    "long": lambda node: int(_text(node)),
    "float": lambda node: float(_text(node)),
    "double": lambda node: float(_text(node)),
    "timestamp": _time,
}
