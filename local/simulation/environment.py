"""The environment variables of a process in which a virtual cloud runs."""

from __future__ import annotations

import os
from collections.abc import Mapping

from local.simulation.transport import ORCHESTRATION_KEY

_OURS = {
    "AWS_ACCESS_KEY_ID": ORCHESTRATION_KEY,
    "AWS_SECRET_ACCESS_KEY": "virtual",
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_METRICS_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "",
}
_UNWANTED = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_PROFILE")


class Environment:
    """Sets what handlers read, and puts back what was there before."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def enter(self, region: str, functions: Mapping[str, str]) -> None:
        """``functions``: the variables of all functions."""
        wanted: dict[str, str | None] = {
            **dict.fromkeys(_UNWANTED),
            **functions,
            **_OURS,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
        }
        self._before = {name: os.environ.get(name) for name in wanted}
        _set(wanted)

    def leave(self) -> None:
        """Everything as before ``enter``."""
        _set(self._before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
