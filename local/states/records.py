"""What is known of an execution, across its attempts, and how the API describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local.states.execution import AslExecution
from local.states.orders import Machine
from local.states.run import Run
from local.states.times import iso

Data = dict[str, Any]

REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")


@dataclass(slots=True)
class Record:
    """An execution. ``status`` is Step Functions' word; ``output`` is JSON text, None unless SUCCEEDED.

    ``is_express``: started by StartSyncExecution. ``parent`` and ``children`` are ARNs, filled by a host that
    knows which execution started which.
    """

    arn: str
    name: str
    started_from: Machine
    input: str
    start_date: datetime
    run: Run
    """The last attempt."""
    is_express: bool = False
    status: str = "RUNNING"
    stop_date: datetime | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    redrives: int = 0
    redrive_date: datetime | None = None
    parent: str | None = None
    children: list[str] = field(default_factory=list)

    @property
    def execution(self) -> AslExecution:
        """The last attempt on the interpreter."""
        return self.run.execution

    @property
    def machine(self) -> str:
        """The machine's name."""
        return self.started_from.name

    @property
    def machine_arn(self) -> str:
        return self.started_from.arn

    @property
    def is_redrivable(self) -> bool:
        return self.status in REDRIVABLE


def epoch(moment: datetime) -> float:
    """Seconds since 1970 in whole milliseconds, as the JSON protocol gives times."""
    return round(moment.timestamp(), 3)


def described(record: Record) -> Data:
    """DescribeExecution."""
    answer: Data = {
        **listed(record),
        "input": record.input,
        "inputDetails": {"included": True},
        **redrive_fields(record),
    }
    if record.redrive_date is not None:
        answer["redriveDate"] = epoch(record.redrive_date)
    if record.status == "SUCCEEDED":
        answer |= {"output": record.output, "outputDetails": {"included": True}}
    optional = {"error": record.error, "cause": record.cause, **_named_machine(record)}
    return answer | {key: value for key, value in optional.items() if value}


def listed(record: Record) -> Data:
    """An execution in ListExecutions."""
    answer: Data = {
        "executionArn": record.arn,
        "stateMachineArn": record.machine_arn,
        "name": record.name,
        "status": record.status,
        "startDate": epoch(record.start_date),
    }
    if record.stop_date is not None:
        answer["stopDate"] = epoch(record.stop_date)
    return answer


def redrive_fields(record: Record) -> Data:
    """The redrive part of a description and of a status event."""
    fields: Data = {
        "redriveCount": record.redrives,
        "redriveStatus": "REDRIVABLE" if record.is_redrivable else "NOT_REDRIVABLE",
    }
    if not record.is_redrivable:
        fields["redriveStatusReason"] = f"Execution is {record.status} and cannot be redriven"
    return fields


_EVENT_PAYLOAD_CAP = 248 * 1024
_NO_OUTPUT = {"output": None, "outputDetails": None}


def status_event(record: Record) -> Data:
    """The "Step Functions Execution Status Change" event of aws.states: source, detail-type, and so on."""
    stopped = record.stop_date
    has_output = record.status == "SUCCEEDED"
    detail = {
        "executionArn": record.arn,
        "stateMachineArn": record.machine_arn,
        "name": record.name,
        "status": record.status,
        "startDate": _milliseconds(record.start_date),
        "stopDate": _milliseconds(stopped) if stopped is not None else None,
        **_payload("input", record.input),
        **(_payload("output", record.output) if has_output else _NO_OUTPUT),
        **_named_machine(record),
        **redrive_fields(record),
        **({"redriveDate": iso(record.redrive_date)} if record.redrive_date is not None else {}),
        "error": record.error,
        "cause": record.cause,
    }
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "resources": [record.arn],
        "detail": detail,
    }


def _named_machine(record: Record) -> Data:
    started_from = record.started_from
    return {
        "stateMachineVersionArn": started_from.version_arn,
        "stateMachineAliasArn": started_from.alias_arn,
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _payload(field: str, text: str | None) -> Data:
    """A payload of a status event, left out above 248 KiB (EventBridge reference, Step Functions events)."""
    fits = text is None or len(text.encode()) <= _EVENT_PAYLOAD_CAP
    return {field: text if fits else None, f"{field}Details": {"included": fits}}
