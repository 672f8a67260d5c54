"""Writes the report of what has ended. One that cannot be written holds nothing else up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

from shared.aws.errors import AwsCallError
from shared.aws.report_bucket import put_report

NOT_WRITTEN = """\
The report could not be written: {why}
Outcomes are recorded and locks are released; the summary above is what the report says.
When the bucket can be written again, write the report:
{remedy}"""

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class Written:
    """``uri``: of the report, empty if it is not written. ``text``: the last lines of the notification."""

    uri: str
    text: str

    @property
    def place(self) -> str:
        """Where the report is, in words where it is nowhere."""
        return self.uri or "could not be written"


def write_report(bucket: str, report: dict[str, Any], summary: str, remedy: str) -> Written:
    """Write the report as JSON and as a summary. ``remedy``: what writes it later, if it cannot be now."""
    try:
        uri = put_report(bucket, report, summary)
    except AwsCallError as error:
        logger.exception("report not written", extra={"bucket": bucket})
        return Written("", NOT_WRITTEN.format(why=error, remedy=remedy))
    return Written(uri, f"Report: {uri}")
