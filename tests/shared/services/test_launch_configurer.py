"""What may have been changed at DRS is on record before it is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.model.policies import RecoveryMode
from shared.model.status import ExecutionStatus, ServerStatus
from shared.services.launch_configurer import LaunchConfigurer
from tests import makers
from tests.handlers.estate import Estate, plan_document

LATER = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=90)


def test_a_change_that_was_restored_since_it_was_read_is_recorded_again(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, execution_id = estate.store, "execution-1"
    record = makers.execution(status=ExecutionStatus.RUNNING, ended_at=None)
    assert store.open(record, plan_document(), LATER)
    read = makers.record(
        1, pair_instance_id="i-1", previous_launch=makers.launch_settings(), launch_changed=True
    )
    store.put_servers(execution_id, [read])
    store.settle_launch_settings(execution_id, [read])
    recorded: list[bool] = []

    def update(*_: Any) -> None:
        recorded.append(store.servers(execution_id)[0].launch_changed)

    monkeypatch.setattr(DrsClient, "update_launch_settings", update)
    monkeypatch.setattr(DrsClient, "launch_settings", lambda *_: makers.launch_settings())
    accounts = MemberAccounts("a-role", "an-external-id")
    done = LaunchConfigurer(store, accounts, execution_id, RecoveryMode.OPTIMAL).configure([read])
    assert [server.status for server in done.servers] == [ServerStatus.CONFIGURED]
    assert recorded
    assert all(recorded)
