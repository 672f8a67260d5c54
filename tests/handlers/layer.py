"""The layer as ``sam build`` makes it, with packages taken from this environment instead of an index.

shared/Makefile is run as it is, with this module in the place of pip: ``python -m tests.handlers.layer -m pip
install …`` understands ``--requirement`` and ``--target`` and copies what is installed here, whatever the
runtime: compiled modules are those of this Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parents[2]
REQUIREMENTS = PROJECT / "shared" / "requirements.txt"


class VersionDiffersError(Exception):
    """A package is installed here in another version than the layer pins."""


def build_layer(folder: Path) -> Path:
    """Make the layer in ``folder``; gives the directory that Lambda puts on the path."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = ["make", "-C", str(PROJECT / "shared"), "build-SharedLayer", f"ARTIFACTS_DIR={folder}"]
    command += [f"PYTHON={sys.executable} -m tests.handlers.layer"]
    subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return folder / "python"


def pins(file: Path) -> dict[str, str]:
    """Name to version of every line ``name==version`` in a requirements file."""
    found: dict[str, str] = {}
    for line in file.read_text("utf-8").splitlines():
        wanted = line.split("#")[0].split(";")[0].strip()
        if "==" in wanted:
            name, version = wanted.split("==")
            found[name.split("[")[0].strip().lower().replace("_", "-")] = version.strip()
    return found


def needed_by(name: str) -> Iterator[str]:
    """Names of the distributions that ``name`` needs here, without its extras."""
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name.lower().replace("_", "-")


def _entries(package: Distribution) -> Iterator[Path]:
    """Top-level files and directories of a distribution, without its metadata and scripts."""
    root = Path(str(package.locate_file("")))
    names = {file.parts[0] for file in package.files or () if not file.is_absolute()}
    for name in sorted(names - {"..", "__pycache__"}):
        if not name.endswith(".dist-info"):
            yield root / name


def _install(requirements: Path, target: Path) -> None:
    for name, version in pins(requirements).items():
        package = distribution(name)
        if package.version != version:
            raise VersionDiffersError(f"{name} is {package.version} here, {version} in {requirements}")
        for entry in _entries(package):
            place = target / entry.name
            if entry.is_dir():
                shutil.copytree(entry, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(entry, place)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    assert arguments[:3] == ["-m", "pip", "install"], arguments
    _install(
        Path(arguments[arguments.index("--requirement") + 1]),
        Path(arguments[arguments.index("--target") + 1]),
    )
