"""IAM's policy simulation with the context that the caller states; MiniStack simulates without any, and finds
no principal that has a path.

Policies that depend on tags or on the calling service (``ec2:ResourceTag/…``, ``aws:CalledVia``) need
``ContextEntries`` (IAM API reference, SimulatePrincipalPolicy).
"""

from __future__ import annotations

import contextvars
from typing import Any

from ministack.services import iam

from local.ministack import hooks

_stated: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("stated", default=None)
_installed = False


def install() -> None:
    """Once per process; again is harmless."""
    global _installed
    if _installed:
        return
    _installed = True
    simulate = iam._IAM_HANDLERS["SimulatePrincipalPolicy"]

    def simulate_in_context(params: dict[str, Any]) -> Any:
        token = _stated.set(_entries(params))
        try:
            return simulate({**params, "PolicySourceArn": [_without_path(_one(params, "PolicySourceArn"))]})
        finally:
            _stated.reset(token)

    hooks.update("ministack.services.iam", "_IAM_HANDLERS", {"SimulatePrincipalPolicy": simulate_in_context})
    resolve = hooks.replace(
        "ministack.core.iam_evaluator",
        "_resolve_condition_key",
        lambda key, ctx: _resolved(key, ctx),
    )

    def _resolved(key: str, ctx: Any) -> Any:
        stated = _stated.get()
        if stated is not None and key.lower() in stated:
            return stated[key.lower()]
        return resolve(key, ctx)


def _entries(params: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    number = 1
    while name := _one(params, f"ContextEntries.member.{number}.ContextKeyName"):
        prefix = f"ContextEntries.member.{number}"
        values: list[str] = []
        while value := _one(params, f"{prefix}.ContextKeyValues.member.{len(values) + 1}"):
            values.append(value)
        is_list = _one(params, f"{prefix}.ContextKeyType").endswith("List")
        found[name.lower()] = values if is_list or not values else values[0]
        number += 1
    return found


def _without_path(arn: str) -> str:
    """``…:role/NAME`` for ``…:role/service-role/NAME``: MiniStack looks for a role of the whole path."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    return f"{arn.rpartition(':')[0]}:{kind}/{name.rsplit('/', 1)[-1]}"


def _one(params: dict[str, Any], name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)
