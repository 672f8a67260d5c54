"""The whole cloud in this process, in virtual time: real machines, real handlers, and no wait at all."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from drs_emulator import DrsEmulator, Settings
from drs_emulator.clock import ManualClock, OtherClock
from local import states
from local.ministack.ec2_extras import Ec2Extras
from local.ministack.ec2_lifecycle import Timings
from local.shortcuts import inline_reads
from local.simulation import transport
from local.simulation.call_faults import CallFault
from local.simulation.clients import client
from local.simulation.environment import Environment
from local.simulation.event_delivery import EventDelivery
from local.simulation.functions import Disturber, Functions, Handler, LambdaClient, Watcher
from local.simulation.machines import Machines
from local.simulation.measures import ExecutionResult, Measures
from local.simulation.pacing import VirtualPace
from local.simulation.results import result_of
from local.simulation.routes import Parts, Routes
from local.simulation.scheduler import Scheduler
from local.simulation.template import Template
from local.simulation.threads import VirtualThreads
from shared.aws.rate_limits import keep_time
from shared.times import take_time_from

PROJECT = Path(__file__).resolve().parents[2]
START = datetime(2030, 1, 1, tzinfo=UTC)
"""Later than any real time this runs at: MiniStack deletes DynamoDB items whose TTL is over in real time."""

_MEMBER_PARAMETERS = {
    "EventBusArn": "arn:aws:events:us-east-1:999988887777:event-bus/drs-orchestrator-events"
}


@dataclass(frozen=True, slots=True)
class CloudOptions:
    """``project`` is where template.yaml, statemachines/ and functions/ are.

    ``parameters`` are those of the template. ``api_seconds`` is how long every AWS call of a handler takes;
    other handlers run meanwhile. An execution fails at ``history_quota`` events.
    """

    seed: int = 0
    drs_settings: Settings | None = None
    ec2_timings: Timings | None = None
    account: str = "999988887777"
    region: str = "us-east-1"
    project: Path = PROJECT
    parameters: dict[str, str] | None = None
    start: datetime = START
    api_seconds: float = 0.0
    history_quota: int = 25_000


class VirtualCloud:
    """MiniStack's services, EC2 as a DR tool needs it, DRS, Lambda and Step Functions on one virtual clock.

    One at a time per process, entered with ``with``. ``account`` and ``region`` are those of the
    orchestration; every other account and Region is there too. ``workflow_clock`` shows the time that the
    machines give their tasks; it can be set ahead of, or behind, that of DRS and EC2.

    The same seed, input and code give the same history, times included.
    """

    def __init__(self, **options: Any) -> None:
        """``options``: the fields of CloudOptions."""
        chosen = CloudOptions(**options)
        self.account, self.region = account, region = chosen.account, chosen.region
        self.clock = ManualClock(chosen.start)
        self.workflow_clock = OtherClock(self.clock)
        self.scheduler = Scheduler(self.clock)
        self.template = Template.read(chosen.project, account, region, chosen.parameters)
        self.measures = Measures()
        self.functions = Functions(self.template, self.scheduler, self._invoked)
        self.states = Machines(
            self.scheduler, self.workflow_clock, (account, region), self._definition, self._state_event
        )
        member = Template.read(
            chosen.project, account, region, _MEMBER_PARAMETERS, name="member-account.yaml"
        )
        self.event_delivery = EventDelivery(
            self.scheduler,
            self.functions,
            (account, region),
            self.template.rules(),
            member.rules(),
            chosen.seed,
        )
        """Lets rules' functions have what happens; its faults, its delay, and its switch are there."""
        self.routes = Routes(
            Parts(self.clock, self.scheduler, self.functions, self.states, self.event_delivery, self.client),
            chosen.seed,
            chosen.drs_settings,
            chosen.ec2_timings,
            chosen.api_seconds,
        )
        self._options = chosen
        self._definitions: dict[str, str] = {}
        self._ids = itertools.count(1)
        self._environment = Environment()

    def __enter__(self) -> VirtualCloud:
        transport.enter(self)
        inline_reads.enter(self.account, self.region)
        keep_time(VirtualPace(self.scheduler))
        take_time_from(self.clock.now)
        self._environment.enter(self.region, self.functions.environment())
        states.install(
            states.Runtime(
                self.workflow_clock,
                self._client_for_role,
                threads=VirtualThreads(self.scheduler),
                new_id=lambda: f"00000000-0000-4000-9000-{next(self._ids):012d}",
                random=random.Random(self._options.seed),
                observer=self.measures,
                poll_seconds=None,
                history_quota=self._options.history_quota,
            )
        )
        try:
            self.routes.open()
            self._create_resources()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.scheduler.close()
        self.routes.close()
        transport.leave()
        inline_reads.leave()
        keep_time(None)
        take_time_from(None)
        self._environment.leave()

    # What tests reach for.

    @property
    def drs(self) -> DrsEmulator:
        """The DRS emulator."""
        return self.routes.drs

    @property
    def ec2(self) -> Ec2Extras:
        """The EC2 extras: faults and timings."""
        return self.routes.ec2

    @property
    def notifications(self) -> list[dict[str, Any]]:
        """Every message published to SNS: topic, subject, message, attributes, time."""
        return self.routes.notifications

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every EventBridge event, put by code or sent by DRS, with account, region and time."""
        return self.routes.events

    @property
    def calls(self) -> dict[tuple[str, str], int]:
        """How often each ``(service, operation)`` was called."""
        return self.routes.calls

    @property
    def denied_actions(self) -> set[str]:
        """The IAM actions that SimulatePrincipalPolicy denies. Calls are never denied here."""
        return self.routes.denied_actions

    def client(self, service: str, account: str | None = None, region: str | None = None) -> Any:
        """A boto3 client that acts as the root of ``account``."""
        return client(service, account or transport.ORCHESTRATION_KEY, region or self.region)

    def answer(self, call: transport.Call) -> transport.Answer:
        """Answers one botocore call; the transport calls this."""
        return self.routes.answer(call)

    def pause(self, seconds: float) -> None:
        """What botocore waits before it repeats a call."""
        self.routes.pause(seconds)

    def add_machine(self, name: str, definition: dict[str, Any] | str) -> None:
        """A machine that is not in statemachines/."""
        self._definitions[name] = definition if isinstance(definition, str) else json.dumps(definition)

    def add_function(self, name: str, handler: Handler) -> None:
        """Makes ``handler`` the function ``name``."""
        self.functions.add(name, handler)

    def fail_function(
        self, name: str, *, error: str, times: int = 1, after: bool = False, message: str = "made to fail"
    ) -> None:
        """The next ``times`` invocations of ``name`` end with ``error``, in place of or after the handler."""
        self.functions.fail(name, error, times=times, after=after, message=message)

    def disturb(self, disturber: Disturber) -> None:
        """``disturber(function, number)`` says of each invocation what goes wrong with it."""
        self.functions.disturb = disturber

    def fault(self, fault: CallFault) -> None:
        """From now on the calls that functions make meet ``fault``."""
        self.routes.faults.add(fault)

    def heal(self) -> None:
        """No call and no function is made to fail any more; those of the emulators are left."""
        self.routes.faults.clear()
        self.functions.heal()

    def on_function(self, name: str, callback: Watcher) -> None:
        """``callback(event)`` is called before each invocation of ``name``."""
        self.functions.watch(name, callback)

    def start(self, machine: str, input: dict[str, Any], *, name: str) -> str:
        """Starts an execution; returns its ARN. It runs while the cloud runs: see ``wait``, ``advance``."""
        return self.states.start(machine, json.dumps(input), name).arn

    def stop(self, execution_arn: str, error: str | None = None, cause: str | None = None) -> None:
        """StopExecution, and whatever happens at once because of it."""
        parameters = {"executionArn": execution_arn, "error": error, "cause": cause}
        self.states.call("StopExecution", parameters)
        self.advance(0)

    def send_task_success(self, token: str, output: Any) -> None:
        """SendTaskSuccess."""
        self.states.call("SendTaskSuccess", {"taskToken": token, "output": json.dumps(output)})

    def send_task_failure(self, token: str, error: str, cause: str = "") -> None:
        """SendTaskFailure."""
        self.states.call("SendTaskFailure", {"taskToken": token, "error": error, "cause": cause})

    def run(self, machine: str, input: dict[str, Any], *, name: str) -> ExecutionResult:
        """Runs an execution of statemachines/<machine>.asl.json to its end.

        Raises DeadlockError when it can never end.
        """
        return self.wait(self.start(machine, input, name=name))

    def wait(self, execution_arn: str) -> ExecutionResult:
        """Lets time pass until the execution has ended."""
        record = self.states.record(execution_arn)
        self.scheduler.run(lambda: record.stop_date is not None)
        return self.result(execution_arn)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Lets time pass until ``condition()`` holds. Raises DeadlockError when it cannot."""
        self.scheduler.run(condition)

    def advance(self, seconds: float) -> None:
        """Lets ``seconds`` pass."""
        self.scheduler.run(lambda: False, self.clock.now() + timedelta(seconds=seconds))

    def result(self, execution_arn: str) -> ExecutionResult:
        """What the execution did so far."""
        records = self.states.records
        return result_of(self.states.record(execution_arn), records, self.measures, self.workflow_clock.now())

    def definition(self, machine: str) -> str:
        """A machine's definition with its substitutions. Raises KeyError."""
        found = self._definition(machine)
        if found is None:
            raise KeyError(f"there is no statemachines/{machine}.asl.json")
        return found

    def _definition(self, machine: str) -> str | None:
        if machine not in self._definitions:
            path = self._options.project / "statemachines" / f"{machine}.asl.json"
            if not path.exists():
                return None
            declared = {known.name: known for known in self.template.machines().values()}
            known = declared.get(machine)
            self._definitions[machine] = self.template.substitute(
                path.read_text(), known.substitutions if known is not None else {}
            )
        return self._definitions[machine]

    def _client_for_role(self, service: str, region: str, role_arn: str | None) -> Any:
        if service == "lambda":
            return LambdaClient(self.functions)
        account = role_arn.split(":")[4] if role_arn else self.account
        return client(service, transport.ORCHESTRATION_KEY if account == self.account else account, region)

    def _state_event(self, account: str, region: str, event: dict[str, Any]) -> None:
        self.routes.record_event(account, region, event)

    def _invoked(self, name: str) -> None:
        current = self.scheduler.current()
        self.measures.invoked(current.tag if current is not None else None)

    def _create_resources(self) -> None:
        dynamodb = self.client("dynamodb")
        for table in self.template.tables().values():
            dynamodb.create_table(**table)
        for bucket in self.template.buckets():
            self.client("s3").create_bucket(Bucket=bucket)
        for topic in self.template.topics():
            self.client("sns").create_topic(Name=topic)
