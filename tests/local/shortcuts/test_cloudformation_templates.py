"""A template that is parsed once is the same for every caller, and no caller changes another's."""

from __future__ import annotations

import pytest
from ministack.services.cloudformation.engine import _parse_template

from local.paths import ROOT
from local.shortcuts import ENABLED
from local.shortcuts.cloudformation_templates import once

TEMPLATE = (ROOT / "member-account.yaml").read_text("utf-8")


@pytest.mark.skipif(not ENABLED, reason="the shortcuts are off")
def test_a_template_is_parsed_once_into_what_the_parser_makes_of_it() -> None:
    parsed: list[str] = []

    def parse(template_body: str) -> dict[str, object]:
        parsed.append(template_body)
        made: dict[str, object] = _parse_template(template_body)
        return made

    quick = once(parse)
    assert quick(TEMPLATE) == quick(TEMPLATE) == _parse_template(TEMPLATE)
    assert parsed == [TEMPLATE]


def test_a_change_to_one_copy_is_not_in_the_next() -> None:
    quick = once(_parse_template)
    quick(TEMPLATE)["Resources"].clear()
    assert quick(TEMPLATE)["Resources"]


def test_text_that_is_no_template_is_refused_each_time() -> None:
    quick = once(_parse_template)
    for _ in range(2):
        with pytest.raises(ValueError, match="must be a JSON or YAML mapping"):
            quick("text")
