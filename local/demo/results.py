"""Where the demo leaves its reports: the last round's in ``out/``, earlier ones in ``out/round-1/`` etc."""

from __future__ import annotations

from pathlib import Path

from local.paths import OUT

_NAMES = tuple(
    f"{name}.{suffix}"
    for name in ("failover-report", "failback-report", "round-trip")
    for suffix in ("json", "md")
)


def round_folder(number: int, rounds: int, out: Path = OUT) -> Path:
    """The folder for the reports of a round; it is there afterwards."""
    folder = out if number == rounds else out / f"round-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def start_over(out: Path = OUT) -> None:
    """Remove what an earlier demo left: its reports must not pass for those of this one."""
    rounds = [path for path in out.glob("round-*") if path.is_dir()]
    for folder in (out, *rounds):
        for name in _NAMES:
            (folder / name).unlink(missing_ok=True)
        if folder in rounds and not any(folder.iterdir()):
            folder.rmdir()
