"""EC2 requests and responses as MiniStack passes them: query parameters in, XML out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from ministack.services import ec2

Params = dict[str, Any]
Record = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[Params], Response]


class Ec2Error(Exception):
    """Becomes an EC2 error response: ``code`` and message as AWS gives them."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status

    def response(self) -> Response:
        answer: Response = ec2._error(self.code, escape(str(self), quote=False), self.status)
        return answer


def one(params: Params, name: str, default: str = "") -> str:
    """A parameter's value."""
    value = params.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    return default if value in (None, "") else str(value)


def flag(params: Params, name: str, default: bool = False) -> bool:
    text = one(params, name)
    return text.lower() == "true" if text else default


def many(params: Params, prefix: str) -> list[str]:
    """``prefix.1``, ``prefix.2``, … in order."""
    found: list[str] = ec2._parse_member_list(params, prefix)
    return found


def groups(params: Params, prefix: str) -> list[dict[str, str]]:
    """``prefix.N.rest`` as one dict of ``rest`` to value per N, in order of N."""
    found: dict[int, dict[str, str]] = {}
    for name in params:
        match = re.fullmatch(rf"{re.escape(prefix)}\.(\d+)\.(.+)", name)
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = one(params, name)
    return [found[number] for number in sorted(found)]


def filters(params: Params) -> dict[str, list[str]]:
    found: dict[str, list[str]] = ec2._parse_filters(params)
    return found


def tag_specifications(params: Params, kind: str) -> list[dict[str, str]]:
    """The tags that a request sets on new resources of ``kind``."""
    tags = []
    for group in groups(params, "TagSpecification"):
        if group.get("ResourceType") == kind:
            numbers = sorted({int(name.split(".")[1]) for name in group if name.startswith("Tag.")})
            tags += [
                {"Key": group[f"Tag.{n}.Key"], "Value": group.get(f"Tag.{n}.Value", "")} for n in numbers
            ]
    return tags


def answer(operation: str, inner: str) -> Response:
    response: Response = ec2._xml(200, f"{operation}Response", inner)
    return response


def element(name: str, value: Any) -> str:
    """``<name>value</name>``; nothing for None; booleans as EC2 writes them."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else escape(str(value), quote=False)
    return f"<{name}>{text}</{name}>"


def items(name: str, rendered: Iterable[str]) -> str:
    """A set of ``<item>``s."""
    return f"<{name}>{''.join(f'<item>{one_of}</item>' for one_of in rendered)}</{name}>"


def tag_set(resource_id: str) -> str:
    tags = ec2._tags.get(resource_id) or []
    return items(
        "tagSet", (element("key", tag["Key"]) + element("value", tag.get("Value", "")) for tag in tags)
    )
