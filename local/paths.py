"""Where a clone keeps the things of its local cloud: state and logs in ``.local/``, reports in ``out/``."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".local" / "state.json"
LOGS = ROOT / ".local" / "logs"
BYTECODE = ROOT / ".local" / "bytecode"
"""Compiled modules: not beside their sources, which sam build copies while others import them."""
BUILD = ROOT / ".aws-sam" / "build"
OUT = ROOT / "out"


def shown(path: Path) -> str:
    """A path as the terminal shows it: relative to where the user stands if that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
