"""Fixtures of the handlers: an estate in moto and the DRS emulator, cold for every test."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import botocore.endpoint
import botocore.loaders
import botocore.session
import pytest
from botocore.useragent import UserAgentString
from moto import mock_aws

from tests.handlers.estate import Estate, botocore_through, environment, forget_clients
from tests.handlers.failover import Failover
from tests.handlers.quick_clients import be_quick
from tests.handlers.wire import Wire, ministack

_LOADER = botocore.loaders.create_loader()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """AWS as moto plays it, behind a wire; the environment of the functions; no client of another test."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # Every session parses the service models anew otherwise.
    monkeypatch.setattr(botocore.session, "create_loader", lambda _: _LOADER)
    # botocore waits between its own retries by time.sleep.
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    forget_clients()
    ministack().reset()
    wire = Wire()
    with mock_aws(), botocore_through(wire):
        yield wire
    forget_clients()


@pytest.fixture
def estate(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Estate:
    # botocore makes it anew for each call, in the time of answering one; no service of the estate reads it.
    monkeypatch.setattr(UserAgentString, "to_string", lambda _: "tests")
    be_quick(monkeypatch)
    return Estate(wire)


@pytest.fixture
def away(estate: Estate) -> Failover:
    """Two servers on the recovery side, to be failed back."""
    return Failover(estate, "web-1", "web-2")
