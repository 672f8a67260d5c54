"""The version stands in pyproject.toml; whatever else names it names the same."""

from __future__ import annotations

import tomllib

from local.simulation.template import read_document
from shared.rules.report.document import ReportFacts, build_report
from shared.version import VERSION
from tests.makers import execution
from tests.policies import PROJECT


def test_the_layer_the_template_and_the_project_have_one_version() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION
    assert read_document(PROJECT / "template.yaml")["Outputs"]["Version"]["Value"] == VERSION


def test_a_report_names_the_version_that_wrote_it() -> None:
    assert build_report(ReportFacts(execution(), None, [], [], []))["toolVersion"] == VERSION
