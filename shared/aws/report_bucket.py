"""The reports bucket: a report as JSON and as a readable summary for every execution."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from shared.aws.errors import calling
from shared.serialization import plain
from shared.version import USER_AGENT

BRIEF = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=3,
    read_timeout=10,
    user_agent_extra=USER_AGENT,
)
"""33 s at most: the function that closes an execution has to notify after it."""


def put_report(bucket: str, report: dict[str, Any], summary: str) -> str:
    """Write both, in place of an earlier version; returns the S3 URI of the JSON report."""
    folder = f"{report['plan']}/{report['executionId']}"
    body = json.dumps(plain(report), indent=2)
    _put(bucket, f"{folder}/report.json", body, "application/json")
    _put(bucket, f"{folder}/report.md", summary, "text/markdown; charset=utf-8")
    return f"s3://{bucket}/{folder}/report.json"


def _put(bucket: str, key: str, body: str, content_type: str) -> None:
    with calling("PutObject", f"s3://{bucket}/{key}"):
        _s3().put_object(Bucket=bucket, Key=key, Body=body.encode(), ContentType=content_type)


@cache
def _s3() -> Any:
    return boto3.client("s3", config=BRIEF)
