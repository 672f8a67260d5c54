"""Every private name that we replace or lean on is there, in the pinned version, and its row says why."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

from local import hooks
from local.hooks import Hook, HookChangedError, Table, WrongVersionError
from local.ministack import hooks as ministack
from local.shortcuts import hooks as shortcuts
from local.simulation import hooks as simulation
from local.states import hooks as states

TABLES = {owner.__name__: owner.TABLE for owner in (states, ministack, shortcuts, simulation)}
ROWS = [
    pytest.param(table, hook, id=f"{hook.module}.{hook.name}")
    for table in TABLES.values()
    for hook in table.rows
]
PROJECT = Path(hooks.__file__).parents[1]
LOCKED = re.findall(r"^([\w-]+)==(\S+)", (PROJECT / "requirements.lock").read_text(), re.M)


@pytest.mark.parametrize(("table", "hook"), ROWS, ids=lambda one: getattr(one, "name", ""))
def test_a_hook_is_in_the_pinned_version_and_says_why(table: Table, hook: Hook) -> None:
    table.shipped(hook.module, hook.name)  # raises KeyError or AttributeError where there is none
    assert hook.reason.strip()


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_fits_what_is_installed(table: Table) -> None:
    table.check()


def test_no_name_is_in_two_tables() -> None:
    names = [(hook.module, hook.name) for table in TABLES.values() for hook in table.rows]
    assert len(names) == len(set(names))


def test_the_pins_are_those_of_the_lock() -> None:
    assert hooks.PINS.items() <= dict(LOCKED).items()


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hooks.PINS, "ministack", "1.5.34")
    with pytest.raises(WrongVersionError, match=rf"{version('ministack')} .* exactly 1\.5\.34"):
        ministack.TABLE.check()


def test_names_that_vanished_are_named() -> None:
    lost = [Hook("ministack.services.ec2", name, "a reason") for name in ("_no_such_name", "_Nor.this")]
    with pytest.raises(HookChangedError, match=r"ec2\._no_such_name is not there; .*ec2\._Nor\.this is not"):
        Table(lost).check()


def test_other_parameters_are_named() -> None:
    changed = Hook("ministack.services.ec2", "_xml", "a reason", ("status", "root_tag"))
    with pytest.raises(HookChangedError, match=r"takes \('status', 'root_tag', 'inner'\)"):
        Table([changed]).check()


def test_only_names_of_the_table_can_be_replaced() -> None:
    with pytest.raises(HookChangedError, match="not in the table"):
        Table([]).replace("ministack.services.ec2", "_now_iso", lambda: "")


def test_a_replacement_gets_the_original_once(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("moto.hooked_for_a_test")
    module.__dict__["answer"] = lambda: 1
    monkeypatch.setitem(__import__("sys").modules, module.__name__, module)
    row = Hook(module.__name__, "answer", "a reason", replacement=lambda original: lambda: original() + 1)
    table = Table([row])
    table.apply()
    table.apply()
    assert module.__dict__["answer"]() == 2
    assert table.shipped(module.__name__, "answer")() == 1
