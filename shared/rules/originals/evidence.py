"""Whether EC2 shows the machine that an agent reports: MAC address, private address, Name tag, host name."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.drs import SourceServer
from shared.model.ec2 import Instance


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the agent of a server reports beside what EC2 shows. None: one of them is silent."""

    mac_agrees: bool | None
    address_agrees: bool | None
    name_agrees: bool | None

    @property
    def confirms(self) -> bool:
        """Whether it is that machine: the MAC decides; without it address and name together."""
        return self.mac_agrees is True or (
            self.mac_agrees is None and self.address_agrees is True and self.name_agrees is not False
        )

    @property
    def contradicts(self) -> bool:
        """Whether it is another machine. A name alone proves nothing: tags and host names often differ."""
        return self.mac_agrees is False or (
            self.mac_agrees is None and self.address_agrees is False and self.name_agrees is False
        )


def evidence(server: SourceServer, instance: Instance) -> Evidence:
    names = {name.casefold() for name in (server.name, server.hostname or "") if name}
    mac = _common({mac.lower() for mac in server.mac_addresses}, {m.lower() for m in instance.mac_addresses})
    addresses = {instance.private_ip} if instance.private_ip else set()
    return Evidence(
        mac_agrees=mac,
        address_agrees=_common(set(server.private_ips), addresses),
        name_agrees=_common(names, {instance.name.casefold()} if instance.name else set()),
    )


def _common(reported: set[str], shown: set[str]) -> bool | None:
    return bool(reported & shown) if reported and shown else None
