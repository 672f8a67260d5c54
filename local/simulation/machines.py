"""Step Functions in virtual time: the machines of the template, and attempts as threads of the scheduler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drs_emulator.clock import Clock
from local.simulation.scheduler import Scheduler
from local.simulation.template import machine_of_arn
from local.states import check
from local.states.api import StatesApi
from local.states.errors import StatesError
from local.states.orders import Machine
from local.states.records import Record


class Machines:
    """Hosts ``api``, the Step Functions of one virtual cloud, for the machines of ``definition_of``."""

    def __init__(
        self,
        scheduler: Scheduler,
        clock: Clock,
        place: tuple[str, str],
        definition_of: Callable[[str], str | None],
        publish: Callable[[str, str, dict[str, Any]], None],
    ) -> None:
        self.api = StatesApi(clock, self)
        self._scheduler = scheduler
        self._account, self._region = place
        self._definition_of = definition_of
        self._publish = publish

    @property
    def records(self) -> dict[str, Record]:
        """Executions by ARN."""
        return self.api.records

    def record(self, execution_arn: str) -> Record:
        """An execution. Raises StatesError ExecutionDoesNotExist."""
        return self.api.record(execution_arn)

    def arn_of(self, machine: str) -> str:
        """A machine's ARN."""
        return f"arn:aws:states:{self._region}:{self._account}:stateMachine:{machine}"

    def start(self, machine: str, input_json: str, name: str) -> Record:
        """Starts an execution, or returns the running one of the same name and input. Raises StatesError."""
        return self.api.start({"stateMachineArn": self.arn_of(machine), "input": input_json, "name": name})

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One operation, for a caller of the orchestration account. Raises StatesError."""
        if operation not in self.api.operations:
            raise StatesError("NotImplementedError", f"the virtual cloud has no states:{operation}")
        return self.api.call(operation, parameters, (self._account, self._region))

    # --- the host of the API ---------------------------------------------------------------------------

    def machine(self, arn: str) -> Machine | None:
        name = machine_of_arn(arn)
        definition = self._definition_of(name)
        if definition is None:
            return None
        check(definition)
        role_arn = f"arn:aws:iam::{self._account}:role/{name}"
        return Machine(self.arn_of(name), name, definition, role_arn)

    def begin(self, record: Record, start: Callable[[], None]) -> None:
        """The attempt's threads carry the execution's ARN, which makes it the parent of what they start."""
        if not record.redrives:
            current = self._scheduler.current()
            record.parent = current.tag if current is not None else None
            if record.parent in self.records:
                self.records[record.parent].children.append(record.arn)
        self._scheduler.spawn(start, f"execution {record.name} of {record.machine}", tag=record.arn)

    def publish(self, record: Record, event: dict[str, Any]) -> None:
        self._publish(self._account, self._region, event)
