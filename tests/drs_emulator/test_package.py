"""The emulator as a package of its own: what it imports, and what its extra declares."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "drs_emulator"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRA = PROJECT["project"]["optional-dependencies"]["drs-emulator"]
DECLARED = {re.split(r"[<>=!~ ]", item)[0] for item in EXTRA}

PROBE = """\
import importlib, pkgutil, sys
class OnlyDeclared:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {allowed}:
            raise ModuleNotFoundError(name + " is not declared by the extra drs-emulator", name=name)
sys.path.insert(0, {root!r})
sys.meta_path.insert(0, OnlyDeclared())
import drs_emulator
for found in pkgutil.walk_packages(drs_emulator.__path__, "drs_emulator."):
    importlib.import_module(found.name)
from drs_emulator.__main__ import main
from drs_emulator.server import Standalone
with Standalone() as server:
    assert server.drs.admin("GET", "/state", None)[1]["scopes"] == []
print(len([name for name in sys.modules if name.startswith("drs_emulator")]))
"""


def needed(distribution: str) -> set[str]:
    """A distribution and what it requires without extras, all the way down."""
    found = {distribution}
    for line in metadata.requires(distribution) or []:
        requirement, _, marker = line.partition(";")
        if "extra" not in marker:
            found |= needed(re.split(r"[<>=!~\[( ]", requirement.strip())[0])
    return found


def top_level(distribution: str) -> set[str]:
    """The modules that a distribution brings."""
    return {name for name, owners in metadata.packages_distributions().items() if distribution in owners}


def test_the_package_imports_the_standard_library_and_its_declared_dependencies_alone() -> None:
    allowed = {"drs_emulator", *sys.stdlib_module_names} | set().union(*map(top_level, DECLARED))
    for module in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "drs_emulator"]
            for name in names:
                assert name.partition(".")[0] in allowed, f"{module.name} imports {name}"


def test_every_module_runs_where_only_the_extra_is_installed() -> None:
    distributions = set().union(*map(needed, DECLARED))
    allowed = {"drs_emulator", "__main__", *sys.stdlib_module_names}.union(*map(top_level, distributions))
    probe = PROBE.format(allowed=allowed, root=str(ROOT))
    run = subprocess.run(
        [sys.executable, "-IB", "-c", probe], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) >= len(list(PACKAGE.rglob("*.py")))


def test_what_is_installed_from_here_is_the_emulator_with_all_its_packages() -> None:
    assert PROJECT["project"]["dependencies"] == []
    assert PROJECT["tool"]["setuptools"]["packages"]["find"]["include"] == ["drs_emulator", "drs_emulator.*"]
    for folder in {module.parent for module in PACKAGE.rglob("*.py")}:
        assert (folder / "__init__.py").exists(), f"{folder} would not be installed"
    for name in PROJECT["tool"]["setuptools"]["package-data"]["drs_emulator"]:
        assert (PACKAGE / name).exists()


def test_nothing_in_the_package_names_what_uses_it() -> None:
    for module in PACKAGE.rglob("*"):
        if module.suffix in (".py", ".md"):
            assert not re.search(r"orchestrator|_local\b|`?local/", module.read_text("utf-8")), module
