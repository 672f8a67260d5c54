"""What the resources of a template are called in a virtual cloud."""

from __future__ import annotations

import re
from typing import Any

STACK_NAME = "virtual"
_CLASS_END = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake(name: str) -> str:
    """``discover_servers`` for ``DiscoverServers``."""
    return _CLASS_END.sub("_", name).lower()


def machine_of_arn(arn: str) -> str:
    """``failover`` for the ARN of a machine; templates may put the stack's name before it."""
    return arn.split(":stateMachine:", 1)[-1].split(":")[0].removeprefix(f"{STACK_NAME}-")


def by_machine_name(value: Any) -> Any:
    """``value`` with the ARNs of machines as they are here: the stack's name is no part of them."""
    if isinstance(value, dict):
        return {key: by_machine_name(item) for key, item in value.items()}
    if isinstance(value, list):
        return [by_machine_name(item) for item in value]
    prefix = f":stateMachine:{STACK_NAME}-"
    return value.replace(prefix, ":stateMachine:") if isinstance(value, str) else value


def machine_name(logical_id: str) -> str:
    """``recovery-wave`` for ``RecoveryWaveStateMachine``, where no file says what it is called."""
    return snake(logical_id.removesuffix("StateMachine")).replace("_", "-")
