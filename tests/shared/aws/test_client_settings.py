"""Every client of AWS has settings of its own, whatever the SDK's defaults are."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shared.aws.cross_account import MemberAccounts
from shared.version import USER_AGENT
from tests.handlers.estate import RECOVERY
from tests.handlers.wire import Wire
from tests.policies import PROJECT

MAKERS = {"boto3.client", "boto3.resource", "self._base.create_client"}


def makers() -> Iterator[tuple[str, ast.AST, dict[str, ast.expr]]]:
    """Where clients are made: the place, the call, its keyword arguments."""
    for folder in ("shared", "functions"):
        for path in sorted((PROJECT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    named = [ast.unparse(node.func), *(ast.unparse(argument) for argument in node.args[:1])]
                    if MAKERS & set(named):
                        place = f"{path.relative_to(PROJECT)}:{node.lineno}"
                        yield place, node, {k.arg: k.value for k in node.keywords if k.arg}


def test_no_client_is_made_without_settings() -> None:
    made = list(makers())
    assert len(made) >= 5
    assert not [place for place, _, keywords in made if "config" not in keywords]


def test_all_settings_name_their_retries_and_time_outs_and_our_version() -> None:
    found = 0
    for path in sorted((PROJECT / "shared").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Config":
                found += 1
                named = {keyword.arg for keyword in node.keywords}
                assert {"retries", "connect_timeout", "read_timeout"} <= named, f"{path}:{node.lineno}"
                assert "user_agent_extra=USER_AGENT" in ast.unparse(node), f"{path}:{node.lineno}"
    assert found >= 6


def test_every_call_names_product_and_version(wire: Wire) -> None:
    accounts = MemberAccounts("drs-orchestrator-query", "the-external-id")
    accounts.client("ec2", RECOVERY).describe_vpcs()
    for operation in ("AssumeRole", "DescribeVpcs"):
        [call] = wire.of(operation)
        assert USER_AGENT in str(call.request.headers["User-Agent"])
