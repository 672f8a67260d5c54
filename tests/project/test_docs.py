"""What the pages name exists: links, files, commands, outputs, statuses, pictures."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from docs.draw_workflows import PAGE, draw, load, redraw
from local.__main__ import COMMANDS, parser
from shared.model.quotas import JOBS_IN_PROGRESS, SERVERS_IN_JOBS, SERVERS_PER_JOB
from shared.model.status import ExecutionStatus, ServerStatus, WaveStatus

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for folder in ("", "docs", "docs/contributing") for path in (ROOT / folder).glob("*.md"))
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

FOLDERS = (
    "benchmarks",
    "docs",
    "drs_emulator",
    "events",
    "fleets",
    "functions",
    "local",
    "shared",
    "statemachines",
    "tests",
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def fences(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks: language and text."""
    return _FENCE.findall(page.read_text("utf-8"))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of this language."""
    return [text for name, text in fences(page) if name == language]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def commands(page: Path) -> Iterator[str]:
    """The lines of shell blocks and the code in the text."""
    for language, text in fences(page):
        if language in ("sh", ""):
            yield from text.splitlines()
    yield from re.findall(r"`([^`\n]+)`", prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@EVERY_PAGE
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        assert there.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(there), f"{target}: no such heading"


@EVERY_PAGE
def test_files_named_in_the_text_exist(page: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", prose(page))
    for name in named:
        assert (ROOT / name).exists(), f"{name} is not there"


@EVERY_PAGE
def test_make_targets_and_fleets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for command in commands(page):
        for target in re.findall(r"^make ([a-z]+)", command):
            assert re.search(rf"^{target}:", makefile, re.M), f"make {target}: no such target"
        for fleet in re.findall(r"\bfleets/\S+\.yaml", command):
            assert (ROOT / fleet).exists(), f"{fleet} is not there"


@EVERY_PAGE
def test_local_commands_can_be_given_like_that(page: Path) -> None:
    for command in commands(page):
        for given in re.findall(r"python -m local( [^#|>]*)?", command):
            words = shlex.split(given)
            if not words or words == ["--help"]:
                continue
            assert words[0] in COMMANDS, f"python -m local {given}: no such command"
            parser(words[0]).parse_args(words)  # exits if an option is not there


@EVERY_PAGE
def test_json_and_yaml_parse(page: Path) -> None:
    for block in blocks(page, "json"):
        json.loads(block)
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block)


def test_outputs_and_parameters_that_the_pages_use_are_in_the_templates() -> None:
    templates = [(ROOT / name).read_text("utf-8") for name in ("template.yaml", "member-account.yaml")]
    lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    outputs = {name for line in lines for name in re.findall(r"\$\(out (\w+)\)", line)}
    overrides = [line.partition("--parameter-overrides")[2] for line in lines]
    parameters = {name for text in overrides for name in re.findall(r"(\w+)=", text)}
    assert outputs
    assert parameters
    for name in outputs | parameters:
        assert any(re.search(rf"^  {name}:", text, re.M) for text in templates), f"{name} is in no template"


def test_the_pictures_are_those_of_the_workflows() -> None:
    page = PAGE.read_text("utf-8")
    assert page.count("<!-- workflow ") == len(list((ROOT / "statemachines").glob("*.asl.json")))
    assert page == redraw(page), "run: python docs/draw_workflows.py"


def test_a_picture_has_every_state_and_every_way() -> None:
    picture = draw(load("recovery-wave"))
    assert "    DecideJobSlot --> AwaitJobSlot: outcome = 'WAIT'" in picture
    assert "  DecideVerified --> DecideReturn: otherwise" in picture
    assert "    note right of BatchNotStarted: on error of StartRecovery, AwaitJobSlot" in picture
    for name in load("recovery-wave")["States"]:
        assert re.search(rf"--> {name}\b", picture)


def test_the_readme_fits_on_a_page() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 130


def test_operating_explains_every_status() -> None:
    page = (ROOT / "docs" / "operate.md").read_text("utf-8")
    for status in ExecutionStatus:
        assert f"| `{status}` |" in page
    for status in (*ServerStatus, *WaveStatus):
        assert f"`{status}`" in page


def test_limits_has_the_quotas_that_the_code_keeps() -> None:
    page = (ROOT / "docs" / "limits.md").read_text("utf-8")
    assert f"| servers in a DRS job | {SERVERS_PER_JOB}, fixed |" in page
    assert f"| DRS jobs in progress, per account and Region | {JOBS_IN_PROGRESS}, fixed |" in page
    assert f"| servers in all DRS jobs, per account and Region | {SERVERS_IN_JOBS}, fixed |" in page
