"""The linter of words finds what its list names, and only there."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def _load() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("prose", str(ROOT / ".ci" / "prose"))
    spec = importlib.util.spec_from_loader("prose", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["prose"] = module  # dataclasses look their module up by name
    loader.exec_module(module)
    return module


prose: Any = _load()
LISTED = prose.read_list()


def hits(path: str, source: str) -> list[str]:
    return [line.partition("'")[2].partition("'")[0] for line in prose.check(path, source, LISTED)]


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("docs/a.md", "A lot waits for room.", ["lot", "room"]),
        ("docs/a.md", "Whoever frees a slot.", ["whoever"]),
        ("statemachines/a.asl.json", '{"GO_ON": 1, "lotSize": 2}', ["lot", "GO_ON"]),
        ("shared/a.py", 'def open_lots(held: int) -> None:\n    """The twin."""\n', ["lots", "held", "twin"]),
        ("shared/a.py", "hold_wave = 1", ["hold"]),
        ("shared/trouble.py", "", ["trouble"]),
        ("local/a.py", 'f"{count} came home"', ["home"]),
    ],
)
def test_an_old_word_is_found_in_prose_and_in_identifiers(path: str, source: str, found: list[str]) -> None:
    assert sorted(hits(path, source)) == sorted(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("docs/a.md", "The headroom of a batch; the allotment."),
        ("docs/a.md", "export PATH=$HOME/bin"),
        ("docs/a.md", "`make demo FLEET=fleets/trouble.yaml`"),
        ("shared/a.py", "# The two conditions hold.\nthreshold = 1\nspending = 2\n"),
        ("docs/a.md", "Data are encrypted at rest."),
    ],
)
def test_other_words_and_meant_uses_are_left_alone(path: str, source: str) -> None:
    assert hits(path, source) == []


def test_an_entry_may_be_limited_to_folders() -> None:
    assert hits("benchmarks/a.md", "A time is drawn.") == ["drawn"]
    assert hits("docs/architecture.md", "The machines are drawn below.") == []


def test_a_hit_names_the_line_and_the_word_to_write() -> None:
    [line] = prose.check("shared/a.py", '"""First.\n\nEach lot.\n"""\n', LISTED)
    assert line.startswith("shared/a.py:3: 'lot', write: batch")


def test_a_sentence_and_a_cell_have_at_most_25_words() -> None:
    long, short = "word " * 26, "word " * 25
    page = f"# A page\n\n{short}. {short}.\n\n| a | b |\n|---|---|\n| {short} | {short} |\n"
    assert list(prose.long_sentences("a.md", page)) == []
    [line] = prose.long_sentences("a.md", f"{page}\nIt goes on\n{long}.\n")
    assert line.startswith("a.md:9: 29 words, 25 at most: It goes on word")
    [line] = prose.long_sentences("a.md", f"{page}| {long} | b |\n")
    assert line.startswith("a.md:8: 26 words")


def test_code_counts_as_one_word_and_blocks_of_it_as_none() -> None:
    code = "`" + "word " * 30 + "`"
    block = "```sh\n" + "word " * 30 + "\n```\n"
    assert list(prose.long_sentences("a.md", f"Run {code}.\n\n{block}")) == []


def test_any_hit_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("a lot", "utf-8")
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    monkeypatch.setattr(prose, "files", lambda: iter(["page.md"]))
    assert prose.main([]) == 1
    assert "page.md:1: 'lot'" in capsys.readouterr().out
    page.write_text("a batch", "utf-8")
    assert prose.main([]) == 0
