"""The commands of a text, typed: the AWS CLI's own parser, and the calls it makes, in a virtual cloud."""

from __future__ import annotations

import importlib
import re
import shlex
from typing import Any

import pytest
import s3transfer  # noqa: F401 - see below
from botocore import xform_name

from tests.local.simulation.world import ORIGIN, RECOVERY
from tests.workflows.stage import Stage

clidriver = importlib.import_module("awscli.clidriver")
"""Imported after botocore and s3transfer: imported first, awscli puts older copies of both in their place."""

_COMMAND = re.compile(r"aws [a-z0-9-]+ [a-z0-9-]+(?: --[a-z0-9-]+(?: (?!--)[^\s;]+)?)*")
_ACCOUNTS = {place["region"]: place["account"] for place in (ORIGIN, RECOVERY)}


def commands(text: str) -> list[str]:
    """Every command of the AWS CLI in a sentence."""
    return [found.rstrip(".,") for found in _COMMAND.findall(text)]


def typed(here: Stage, text: str, account: str | None = None, **names: str) -> list[Any]:
    """Types every command of a text; gives the answers. ``names``: what stands for a word in capitals.

    ``account``: whose, if the command's Region does not say which of the two it is.
    """
    found = commands(text)
    assert found, f"no command: {text}"
    return [_type(here, command, account, names) for command in found]


def _type(here: Stage, command: str, account: str | None, names: dict[str, str]) -> Any:
    answers: list[Any] = []

    def invoke(_: Any, service: str, operation: str, parameters: dict[str, Any], asked: Any) -> int:
        owner = account or _ACCOUNTS[asked.region]
        client = here.cloud.client(service, owner, asked.region)
        answers.append(getattr(client, xform_name(operation))(**parameters))
        return 0

    words = [names.get(word, word) for word in shlex.split(command)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clidriver.CLIOperationCaller, "invoke", invoke)
        code = clidriver.create_clidriver().main(words[1:])
    assert code == 0, command
    return answers[0] if answers else None


def parsed(text: str) -> int:
    """How many commands of a text the AWS CLI understands; none is carried out."""
    found = commands(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clidriver.CLIOperationCaller, "invoke", lambda *_: 0)
        patch.setenv("AWS_ACCESS_KEY_ID", "none")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "none")
        return sum(clidriver.create_clidriver().main(shlex.split(one)[1:]) == 0 for one in found)
