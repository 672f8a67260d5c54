"""The layer as pip really makes it holds for every Python that the template allows, not for the builder's."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.simulation.template import read_document
from tests.policies import PROJECT, functions

MAKEFILE = PROJECT / "shared" / "Makefile"
OTHER = "OTHER_PYTHON"
"""The environment variable with the command of a second Python, where none is on the path."""


def runtimes() -> list[str]:
    found = re.search(r"^RUNTIMES := (.*)$", MAKEFILE.read_text("utf-8"), re.M)
    assert found
    return found.group(1).split()


def others() -> list[list[str]]:
    """Commands of Pythons that the template allows, beside the one that runs this."""
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    named = [shlex.split(os.environ[OTHER])] if os.environ.get(OTHER) else []
    on_path = [shutil.which(f"python{version}") for version in runtimes() if version != mine]
    return [*named, *([path] for path in on_path if path and runs(path))]


def runs(path: str) -> bool:
    """False for what only stands for a Python that is not there, as the shims of pyenv do."""
    return subprocess.run([path, "-c", ""], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ``sam build`` makes it, with pip and the index that pip is set up with."""
    folder = tmp_path_factory.mktemp("layer")
    command = ["make", "-C", str(MAKEFILE.parent), "build-SharedLayer", f"ARTIFACTS_DIR={folder}"]
    made = subprocess.run([*command, f"PYTHON={sys.executable}"], capture_output=True, text=True)
    if made.returncode and "No matching distribution" in made.stderr:
        pytest.skip(f"the package index does not answer: {made.stderr.splitlines()[-1]}")
    assert made.returncode == 0, made.stderr
    return folder / "python"


def imported_by(python: list[str], layer: Path) -> tuple[str, int]:
    """The version of ``python``, and how many functions it can import with the layer."""
    lines = "".join(f"{PROJECT / f['CodeUri']} {f['Handler'].split('.')[0]}\n" for f in functions().values())
    script = Path(__file__).with_name("import_functions.py")
    done = subprocess.run(
        [*python, "-I", "-S", "-B", str(script), str(layer)], input=lines, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    version, count = done.stdout.split()
    return version, int(count)


def test_every_function_is_imported_by_this_python(layer: Path) -> None:
    version, count = imported_by([sys.executable], layer)
    assert count == len(functions())
    assert version in runtimes()


def test_every_function_is_imported_by_another_python(layer: Path) -> None:
    pythons = others()
    if not pythons:
        pytest.skip(f"no second Python of {runtimes()} is on the path; name one in {OTHER}")
    for python in pythons:
        version, count = imported_by(python, layer)
        assert count == len(functions())
        assert version in runtimes()
        assert version != f"{sys.version_info.major}.{sys.version_info.minor}"


def test_compiled_modules_are_there_for_every_runtime(layer: Path) -> None:
    compiled = {path.name.split(".", 1)[0]: path.parent for path in layer.rglob("*.so")}
    assert compiled, "with nothing compiled in it, a layer could do without this"
    for module, folder in compiled.items():
        made = {path.name.split("-")[1] for path in folder.glob(f"{module}.cpython-*")}
        assert made == {version.replace(".", "") for version in runtimes()}


def test_the_template_allows_the_runtimes_that_the_layer_is_built_for() -> None:
    declared = read_document(PROJECT / "template.yaml")["Parameters"]["PythonRuntime"]
    assert declared["AllowedValues"] == [f"python{version}" for version in runtimes()]
    assert declared["Default"] == declared["AllowedValues"][-1]


def test_botocore_describes_the_services_that_the_code_calls_and_no_other(layer: Path) -> None:
    data = layer / "botocore" / "data"
    called = {"sts"}  # by botocore itself, to assume roles
    for path in [*(PROJECT / "shared").rglob("*.py"), *(PROJECT / "functions").rglob("*.py")]:
        called |= set(re.findall(r"\.(?:client|resource)\(\s*\"([a-z0-9-]+)\"", path.read_text("utf-8")))
    assert {path.name for path in data.iterdir() if path.is_dir()} == called
