"""Fetches the report of an execution from the reports bucket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from local.places import OUT
from local.reach import Cloud
from local.state import State


@dataclass(frozen=True, slots=True)
class Report:
    """A report as JSON, and its readable summary."""

    document: dict[str, Any]
    summary: str

    def keep(self) -> None:
        """Write both under ``out/``."""
        OUT.mkdir(exist_ok=True)
        text = json.dumps(self.document, indent=2) + "\n"
        (OUT / "failover-report.json").write_text(text, encoding="utf-8")
        (OUT / "failover-report.md").write_text(self.summary, encoding="utf-8")


def fetch(cloud: Cloud, there: State, plan: str, execution_id: str) -> Report | None:
    """The report of an execution that has ended, whichever way; None if it left none."""
    s3 = cloud.client("s3", there.account, there.region)
    bucket, folder = there.output("ReportsBucketName"), f"{plan}/{execution_id}"

    def text(name: str) -> str:
        body: bytes = s3.get_object(Bucket=bucket, Key=f"{folder}/{name}")["Body"].read()
        return body.decode()

    try:
        return Report(json.loads(text("report.json")), text("report.md"))
    except s3.exceptions.NoSuchKey:
        return None
