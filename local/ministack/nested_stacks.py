"""CloudFormation's nested stacks with the SAM transform, which MiniStack applies to root templates only."""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import engine

from local.ministack import hooks

_PROVISIONERS = "ministack.services.cloudformation.provisioners"


class TransformRefusedError(ValueError):
    """A nested template cannot be transformed."""


def install() -> None:
    """Put it in place: where a nested template was read, and nothing of it was used yet."""

    def check(parent_stack_name: str, template: dict[str, Any]) -> None:
        original(parent_stack_name, template)
        expanded = engine._apply_transforms(template)
        if isinstance(expanded, engine._TransformFailed):
            raise TransformRefusedError(expanded.error)
        if expanded is not template:
            original(parent_stack_name, expanded)  # roles that only the transform makes
            template.clear()
            template.update(expanded)

    original = hooks.replace(_PROVISIONERS, "_check_nested_stack_capabilities", check)
