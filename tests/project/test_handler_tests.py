"""Each handler has a file of tests, named after it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_handler_has_its_tests() -> None:
    handlers = {path.stem for path in (ROOT / "functions").rglob("*.py") if path.stem != "__init__"}
    tested = {
        path.stem.removeprefix("test_")
        for path in (ROOT / "tests" / "handlers").glob("test_*.py")
        if "\ndef test_" in path.read_text("utf-8")
    }
    assert len(handlers) > 40
    assert handlers - tested == set()
