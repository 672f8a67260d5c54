"""What every Lambda task of the workflows shares: its input, the execution's clock, and its log lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger

from shared.aws.errors import calling
from shared.times import parse_time

logger = Logger(service="drs-orchestrator")


class TaskInputError(ValueError):
    """A task was called without a field it needs."""


@dataclass(frozen=True, slots=True)
class Task:
    """The input of one task. ``now`` is the time at which Step Functions entered the state."""

    event: dict[str, Any]
    now: datetime

    @property
    def execution_id(self) -> str:
        return self.text("executionId")

    @property
    def wave(self) -> str:
        return self.text("wave")

    def text(self, field: str) -> str:
        """A field that must be there. Raises TaskInputError."""
        value = self.event.get(field)
        if value in (None, ""):
            raise TaskInputError(f"The task's input lacks {field!r}. Given: {', '.join(sorted(self.event))}.")
        return str(value)

    def number(self, field: str) -> int:
        return int(self.text(field))


def task(run: Callable[[Task], dict[str, Any]]) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Make a Lambda handler of a function from ``Task`` to the state's result.

    It raises ``shared.aws.errors``, whose names the state machines retry, and no error of botocore.
    """
    name = run.__module__.rsplit(".", 1)[-1]

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        del context
        logger.append_keys(executionId=event.get("executionId"), wave=event.get("wave"))
        # What a gateway did not explain is of our own tables, topic, bucket or machines: worth another try.
        with calling(name, "the orchestration account"):
            result = run(Task(event, parse_time(event.get("now"))))
        logger.info(name, extra={"result": result})
        return result

    return handler
