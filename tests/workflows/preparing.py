"""Preparations as tests run them, checked against what their reports must say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from local.simulation import ExecutionResult
from shared.rules.plan.contracts import problems
from tests.workflows.stage import Stage


@dataclass(frozen=True, slots=True)
class Prepared:
    """A preparation that has ended, and its report."""

    result: ExecutionResult
    report: dict[str, Any]

    @property
    def outcomes(self) -> dict[str, str]:
        return {server["name"]: server["outcome"] for server in self.report["servers"]}

    def server(self, name: str) -> dict[str, Any]:
        return dict(next(server for server in self.report["servers"] if server["name"] == name))


def begin(here: Stage, name: str, **request: Any) -> str:
    return here.cloud.start("prepare", {"plan": here.plan, **request}, name=name)


def prepare(here: Stage, name: str = "prep", **request: Any) -> Prepared:
    return ended(here, begin(here, name, **request))


def ended(here: Stage, arn: str, plan: str = "shop") -> Prepared:
    result = here.cloud.wait(arn)
    body = here.cloud.client("s3").get_object(
        Bucket=here.cloud.template.buckets()[0], Key=f"{plan}/{arn.rsplit(':', 1)[-1]}/report.json"
    )["Body"]
    report = json.loads(body.read())
    assert problems(report, "preparation-report") == ()
    return Prepared(result, report)
