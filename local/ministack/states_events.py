"""The "Step Functions Execution Status Change" events of aws.states, as EventBridge delivers them."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import eventbridge
from ministack.services import stepfunctions as sfn

from local.ministack.states_records import Record

Data = dict[str, Any]

REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")
_EVENT_PAYLOAD_CAP = 248 * 1024


def emit(record: Record) -> None:
    """Put the "Step Functions Execution Status Change" event of aws.states on the default bus."""
    if record.get("sync"):
        return  # Express executions emit none
    status = record["status"]
    ended_well = status == "SUCCEEDED"
    detail = {
        **{field: record.get(field) for field in ("executionArn", "stateMachineArn", "name", "status")},
        "startDate": sfn._iso_to_epoch_ms(record["startDate"]),
        "stopDate": sfn._iso_to_epoch_ms(record.get("stopDate")),
        **_payload("input", record["input"]),
        **(_payload("output", record.get("output")) if ended_well else _NO_OUTPUT),
        "stateMachineVersionArn": record.get("stateMachineVersionArn"),
        "stateMachineAliasArn": record.get("stateMachineAliasArn"),
        **redrive_fields(record),
        "error": record.get("error"),
        "cause": record.get("cause"),
    }
    entry = {
        "Source": "aws.states",
        "DetailType": "Step Functions Execution Status Change",
        "Detail": json.dumps(detail),
        "Resources": [record["executionArn"]],
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


_NO_OUTPUT = {"output": None, "outputDetails": None}


def _payload(field: str, text: str | None) -> Data:
    """A payload of a status event, left out above 248 KiB (EventBridge reference, Step Functions events)."""
    fits = text is None or len(text.encode()) <= _EVENT_PAYLOAD_CAP
    return {field: text if fits else None, f"{field}Details": {"included": fits}}


def redrive_fields(record: Record) -> Data:
    """The redrive part of a description or a status event."""
    status = record["status"]
    redrivable = status in REDRIVABLE
    fields: Data = {
        "redriveCount": record.get("redriveCount", 0),
        "redriveStatus": "REDRIVABLE" if redrivable else "NOT_REDRIVABLE",
    }
    if record.get("redriveDate"):
        fields["redriveDate"] = record["redriveDate"]
    if not redrivable:
        fields["redriveStatusReason"] = f"Execution is {status} and cannot be redriven"
    return fields
