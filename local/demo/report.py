"""Fetches the report of an execution from the reports bucket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cli.client import Cloud
from local.cli.state import State


@dataclass(frozen=True, slots=True)
class Report:
    """A report as JSON, and its readable summary."""

    document: dict[str, Any]
    summary: str

    def keep(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write both to ``folder``, as ``<name>-report.json`` and ``.md``; gives where."""
        document, summary = folder / f"{name}-report.json", folder / f"{name}-report.md"
        document.write_text(json.dumps(self.document, indent=2) + "\n", encoding="utf-8")
        summary.write_text(self.summary, encoding="utf-8")
        return document, summary


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
