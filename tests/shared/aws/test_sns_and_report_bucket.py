"""Messages are best effort, reports are not."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from shared.aws.errors import AwsCallError
from shared.aws.report_bucket import put_report
from shared.aws.sns import notify
from tests.handlers.estate import Estate, environment
from tests.handlers.wire import Call, Wire, no_answer, refused

TOPIC, BUCKET = environment()["TOPIC_ARN"], environment()["REPORTS_BUCKET"]


def test_a_message_reaches_the_topic(estate: Estate) -> None:
    notify(TOPIC, "erp: failover started", "Look at it.")
    assert estate.messages() == [("erp: failover started", "Look at it.")]


@pytest.mark.parametrize(
    ("subject", "sent"),
    [
        ("x" * 150, "x" * 100),
        ("erp: paused by Zoë Müller", "erp: paused by Zoe Muller"),
        ("erp: paused by 山田", "erp: paused by ??"),
        ("erp: paused by eve\r\nBcc:\tall\x07", "erp: paused by eve Bcc: all"),
    ],
)
def test_a_subject_is_one_line_of_ascii_that_sns_takes(estate: Estate, subject: str, sent: str) -> None:
    notify(TOPIC, subject, "text")
    assert estate.messages() == [(sent, "text")]


def test_a_message_about_a_thousand_failures_is_cut_to_what_sns_takes(estate: Estate) -> None:
    """256 KiB, in bytes: the worst day must not be the silent one."""
    notify(TOPIC, "erp: wave web failed", "web-1: conversion failed → launch it again\n" * 10_000)
    [(_, text)] = estate.messages()
    assert 200_000 < len(text.encode()) <= 262_144
    assert text.endswith("…")


@pytest.mark.parametrize("issue", [refused("AuthorizationError", status=403), no_answer])
def test_a_message_that_cannot_be_sent_stops_nothing(estate: Estate, wire: Wire, issue: Any) -> None:
    wire.on("sns", "Publish", issue)
    notify(TOPIC, "subject", "text")
    assert wire.of("Publish")


def test_a_report_is_kept_as_json_and_as_text_in_the_folder_of_its_plan(estate: Estate) -> None:
    report = {"plan": "erp", "executionId": "e-1", "durationSeconds": Decimal("12.5"), "servers": []}
    assert put_report(BUCKET, report, "# Ü") == f"s3://{BUCKET}/erp/e-1/report.json"
    s3 = boto3.client("s3")
    as_json = s3.get_object(Bucket=BUCKET, Key="erp/e-1/report.json")
    assert json.loads(as_json["Body"].read()) == {**report, "durationSeconds": 12.5}
    assert as_json["ContentType"] == "application/json"
    assert s3.get_object(Bucket=BUCKET, Key="erp/e-1/report.md")["Body"].read() == "# Ü".encode()


def test_a_later_report_stands_in_place_of_the_earlier(estate: Estate) -> None:
    for status in ("RUNNING", "FAILED"):
        put_report(BUCKET, {"plan": "erp", "executionId": "execution-1", "status": status}, status)
    assert estate.report()["status"] == "FAILED"


def test_a_report_that_cannot_be_written_is_an_error(estate: Estate, wire: Wire) -> None:
    def denied(call: Call) -> AWSResponse:
        return call.answer(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")

    wire.on("s3", "PutObject", denied)
    with pytest.raises(AwsCallError, match=r"s3://.*/erp/e-1/report\.json failed: AccessDenied"):
        put_report(BUCKET, {"plan": "erp", "executionId": "e-1"}, "")
