"""The small EC2 stand-in as ``Ec2Access``: clients for DRS, and a view of everything."""

from __future__ import annotations

from typing import Any

from drs_emulator.contract import Caller
from drs_emulator.small_ec2.client import SmallEc2Client
from drs_emulator.small_ec2.inventory import Inventory


class SmallEc2(Inventory):
    """An EC2 in memory with the calls that DRS makes. States take time on the clock, as in EC2.

    ``denied`` takes permissions away from callers; calls of DRS itself (no caller) are always allowed.
    """

    def client(self, account: str, region: str, caller: Caller | None) -> SmallEc2Client:
        """EC2 of an account and Region as ``caller``, or as DRS itself."""
        return SmallEc2Client(self, self.scope(account, region), caller)

    def everything(self) -> list[dict[str, Any]]:
        """All instances of all accounts and Regions in the shape of DescribeInstances, times as text."""
        with self.lock:
            return [
                {
                    "Account": scope.account,
                    "Region": scope.region,
                    **instance,
                    "LaunchTime": instance["LaunchTime"].isoformat(),
                }
                for scope in self.scopes()
                for reservation in self.client(scope.account, scope.region, None).describe_instances()[
                    "Reservations"
                ]
                for instance in reservation["Instances"]
            ]
