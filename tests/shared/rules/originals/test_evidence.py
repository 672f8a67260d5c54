"""Whether EC2 shows the machine that an agent reports."""

from __future__ import annotations

import pytest

from shared.rules.originals.evidence import evidence
from tests.makers import instance, source_server

MAC, OTHER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"


@pytest.mark.parametrize(
    ("mac", "address", "name", "confirms", "contradicts"),
    [
        (MAC, "10.0.0.1", "app", True, False),
        (MAC.upper(), "10.0.0.9", "other", True, False),  # the MAC decides
        (OTHER_MAC, "10.0.0.1", "app", False, True),
        (None, "10.0.0.1", "app", True, False),
        (None, "10.0.0.9", "other", False, True),
        (None, "10.0.0.9", "app", False, False),
        (None, None, "other", False, False),  # a name alone proves nothing
        (None, None, "", False, False),
    ],
)
def test_mac_then_address_and_name(
    mac: str | None, address: str | None, name: str, confirms: bool, contradicts: bool
) -> None:
    server = source_server(
        name="App", hostname="ip-10-0-0-1", mac_addresses=(MAC,), private_ips=("10.0.0.1",)
    )
    shown = instance(name=name, private_ip=address, mac_addresses=(mac,) if mac else ())
    found = evidence(server, shown)
    assert (found.confirms, found.contradicts) == (confirms, contradicts)
