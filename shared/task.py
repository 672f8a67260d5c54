"""What every Lambda task of the workflows shares: its input, its store and accounts, and its log lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from aws_lambda_powertools import Logger

from shared.aws.cross_account import MemberAccounts, member_accounts
from shared.aws.errors import calling
from shared.model.scope import Site
from shared.services.frozen import refuse_frozen
from shared.services.opened_execution import OpenedExecution, opened
from shared.settings import (
    ConfigurationSettings,
    LaunchSettings,
    QuerySettings,
    RetireSettings,
    StopSettings,
    external_id,
    freeze_function,
)
from shared.store import ExecutionStore, FindingStore, execution_store, finding_store
from shared.times import now, parse_time

logger = Logger(service="drs-orchestrator")

S = TypeVar("S", QuerySettings, ConfigurationSettings, LaunchSettings, StopSettings, RetireSettings)
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class TaskInputError(ValueError):
    """A task was called without a field it needs."""


@dataclass(frozen=True)
class Run(Generic[S]):
    """One call of one task: its settings, its input and what it works on.

    ``event`` is the input; ``now`` is the time at which Step Functions entered the state, or that of the
    function where people or events call it. What costs a read
    is read when it is first asked for, and then kept.
    """

    settings: S
    event: dict[str, Any]
    now: datetime
    _opened: list[OpenedExecution] = field(default_factory=list, init=False, repr=False)

    @property
    def execution_id(self) -> str:
        return self.text("executionId")

    @property
    def wave(self) -> str:
        return self.text("wave")

    @property
    def store(self) -> ExecutionStore:
        return execution_store(self.settings.executions_table)

    @property
    def findings(self) -> FindingStore:
        """What query functions saw of the execution: to be read, and checked before anything is done."""
        return finding_store(self.settings.findings_table, self.store)

    @property
    def accounts(self) -> MemberAccounts:
        return member_accounts(self.settings.member_role, external_id())

    @property
    def execution(self) -> OpenedExecution:
        """The execution as it is when it is first asked for. Raises ExecutionNotFoundError.

        No ``cached_property``: up to Python 3.11 one lock of all instances covers the read.
        """
        if not self._opened:
            self._opened.append(opened(self.store, self.execution_id))
        return self._opened[0]

    @property
    def site(self) -> Site:
        """The plan's site that the input names."""
        name = self.text("site")
        return next(site for site in self.execution.plan.sites if site.name == name)

    def text(self, field: str) -> str:
        """A field that must be there. Raises TaskInputError."""
        value = self.event.get(field)
        if value in (None, ""):
            raise TaskInputError(f"The task's input lacks {field!r}. Given: {', '.join(sorted(self.event))}.")
        return str(value)

    def number(self, field: str) -> int:
        return int(self.text(field))


def task(
    settings: type[S], *, freezable: bool = False, own_clock: bool = False
) -> Callable[[Callable[[Run[S]], dict[str, Any]]], Handler]:
    """Make a Lambda handler of a function from ``Run`` to the state's result.

    ``freezable``: it starts jobs, stops, attaches or deletes, and does none of that for a frozen plan.
    ``own_clock``: people and events call it, and their message does not say what time it is.

    The handler raises ``shared.aws.errors``, whose names the state machines retry, and no error of botocore.
    """

    def decorate(function: Callable[[Run[S]], dict[str, Any]]) -> Handler:
        name = function.__module__.rsplit(".", 1)[-1]

        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            del context
            logger.append_keys(executionId=event.get("executionId"), wave=event.get("wave"))
            # An error that no gateway explained is of our own tables, topic, bucket or machines: retry it.
            with calling(name, "the orchestration account"):
                moment = now() if own_clock else parse_time(event.get("now"))
                run = Run(settings.from_env(), event, moment)
                if freezable:
                    refuse_frozen(run.settings.executions_table, run.execution.record, freeze_function())
                result = function(run)
            logger.info(name, extra={"result": result})
            return result

        return handler

    return decorate
