"""Formats the state machines: plain JSON in which each rule of a Retry or Catch has one line.

``python .ci/format_asl.py`` rewrites ``statemachines/*.asl.json``; with ``--check`` it names the files that
it would rewrite, and fails. The order of the keys stays as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "statemachines"
WIDTH = 130
"""What fits into one line of so many columns stands on one line."""
RULES = ("Retry", "Catch")
"""Lists whose members have a line each, however long: they are alike in every state."""


def format_asl(text: str) -> str:
    """``text`` in the one form that a state machine has here. Raises ValueError when it is not JSON."""
    return _lines(json.loads(text), "", 0, 0) + "\n"


def _lines(value: Any, key: str, indent: int, used: int) -> str:
    """``value`` as it stands under ``key`` from column ``used`` on, in lines indented by ``indent``."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, Mapping | Sequence) or isinstance(value, str) or not value:
        return line
    states = key == "States" or (isinstance(value, Mapping) and "StartAt" in value)
    if not states and used + len(line) < WIDTH:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, Mapping):
        opening, closing = "{", "}"
        members = [_member(name, member, indent + 2) for name, member in value.items()]
    else:
        opening, closing = "[", "]"
        members = [
            json.dumps(member, ensure_ascii=False)
            if key in RULES
            else _lines(member, "", indent + 2, indent + 2)
            for member in value
        ]
    body = f",\n{inner}".join(members)
    return f"{opening}\n{inner}{body}\n{' ' * indent}{closing}"


def _member(name: str, value: Any, indent: int) -> str:
    start = f"{json.dumps(name)}: "
    return start + _lines(value, name, indent, indent + len(start))


def main(arguments: Sequence[str]) -> int:
    """Formats or checks the files; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a file would change")
    parser.add_argument("files", nargs="*", type=Path)
    chosen = parser.parse_args(arguments)
    status = 0
    for path in chosen.files or sorted(FOLDER.glob("*.asl.json")):
        before = path.read_text("utf-8")
        after = format_asl(before)
        if after == before:
            continue
        if chosen.check:
            sys.stdout.write(f"{path.name} is not formatted: run python .ci/format_asl.py\n")
            status = 1
        else:
            path.write_text(after, "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
