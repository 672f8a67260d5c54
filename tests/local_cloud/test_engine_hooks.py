"""What we replace in MiniStack is there, as we expect it, in the version that is installed."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from local.ministack import hooks
from local.ministack.hooks import Hook

SOURCES = Path(hooks.__file__).parent


def test_every_hook_fits_the_installed_engine() -> None:
    hooks.check()


def test_the_pin_is_the_one_of_the_project() -> None:
    text = (SOURCES.parents[1] / "pyproject.toml").read_text()
    for package, pinned in hooks.PINS.items():
        assert re.search(rf'"{package}(\[[^]]*\])?=={re.escape(pinned)}"', text)


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hooks.PINS, "ministack", "1.5.34")
    with pytest.raises(hooks.WrongEngineVersionError, match=rf"{version('ministack')} .* exactly 1\.5\.34"):
        hooks.check()


def test_a_name_that_vanished_is_named() -> None:
    gone = Hook("ministack.services.ec2", "_no_such_name", None, "a reason")
    with pytest.raises(hooks.HookChangedError, match=r"ec2\._no_such_name is gone; needed for: a reason"):
        hooks.check((gone,))


def test_other_parameters_are_named() -> None:
    changed = Hook("ministack.services.ec2", "_xml", ("status", "root_tag"), "a reason")
    with pytest.raises(hooks.HookChangedError, match=r"takes \('status', 'root_tag', 'inner'\)"):
        hooks.check((changed,))


def test_only_names_of_the_table_can_be_replaced() -> None:
    with pytest.raises(hooks.HookChangedError, match="not in the table"):
        hooks.replace("ministack.services.ec2", "_now_iso", lambda: "")


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*.py")), ids=lambda path: path.name)
def test_no_module_changes_ministack_past_the_table(path: Path) -> None:
    if path.name == "hooks.py":
        return
    text = path.read_text()
    assert "setattr(" not in text
    assert not re.search(r"^\s*(sfn|ec2|iam|sts|eventbridge|lambda_svc|lambda_runtime)\._\w+ = ", text, re.M)


def test_every_private_name_of_ministack_in_use_is_in_the_table() -> None:
    modules = {
        "sfn": "ministack.services.stepfunctions",
        "ec2": "ministack.services.ec2",
        "iam": "ministack.services.iam",
        "sts": "ministack.services.sts",
        "eventbridge": "ministack.services.eventbridge",
        "lambda_svc": "ministack.services.lambda_svc",
        "lambda_runtime": "ministack.core.lambda_runtime",
        "iam_evaluator": "ministack.core.iam_evaluator",
    }
    known = {(hook.module, hook.name) for hook in hooks.HOOKS}
    used = {
        (modules[alias], name)
        for path in SOURCES.glob("*.py")
        for alias, name in re.findall(rf"\b({'|'.join(modules)})\.(_\w+)", path.read_text())
    }
    assert used - known == set()
