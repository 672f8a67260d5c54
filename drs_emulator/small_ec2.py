"""A small EC2 in memory: only what the emulator calls, for running alone and for tests.

States take time on the clock where EC2's do (starting, stopping, terminating). Permissions are a set of
denied actions; calls of DRS itself (no caller) are always allowed.
"""

from __future__ import annotations

import threading
from typing import Any

from drs_emulator.clock import Clock
from drs_emulator.contract import Caller
from drs_emulator.small_ec2_client import SmallEc2Client
from drs_emulator.small_ec2_state import Instance, Place, Volume, root_device
from drs_emulator.state import hashed_id


class SmallEc2:
    """The whole stand-in: implements ``Ec2Access`` and offers what tests and the admin routes need."""

    def __init__(self, clock: Clock, *, boot_seconds: float = 20.0, stop_seconds: float = 30.0) -> None:
        self.clock = clock
        self.boot_seconds = boot_seconds
        self.stop_seconds = stop_seconds
        self.detach_seconds = 0.0
        """How long a volume stays in use after DetachVolume."""
        self.denied: set[str] = set()
        """Actions like ``ec2:AttachVolume`` that callers other than DRS itself may not do."""
        self.broken: dict[tuple[str, str], str] = {}
        """(instance id, action) → error code with which that action fails there."""
        self.calls: list[tuple[str | None, str]] = []
        """(access key id or None for DRS itself, action) of every call, in order."""
        self.lock = threading.RLock()
        self._places: dict[tuple[str, str], Place] = {}

    def client(self, account: str, region: str, caller: Caller | None) -> SmallEc2Client:
        """EC2 of an account and Region as ``caller``, or as DRS itself."""
        return SmallEc2Client(self, self._place(account, region), caller)

    def _place(self, account: str, region: str) -> Place:
        with self.lock:
            return self._places.setdefault((account, region), Place(account, region))

    def add_instance(
        self,
        account: str,
        region: str,
        *,
        name: str | None = None,
        state: str = "stopped",
        platform: str = "linux",
        architecture: str = "x86_64",
        boot_mode: str = "legacy-bios",
        zone: str | None = None,
        tags: dict[str, str] | None = None,
        disks: tuple[int, ...] = (8,),
        protected: bool = False,
    ) -> str:
        """Put an instance there, with one volume per entry of ``disks`` (GiB); returns its id."""
        place = self._place(account, region)
        with self.lock:
            place.made += 1
            instance_id = self.new_id(place, "i")
            all_tags = {**({"Name": name} if name else {}), **(tags or {})}
            root = root_device(platform)
            place.instances[instance_id] = Instance(
                instance_id,
                zone or f"{region}a",
                state,
                platform,
                architecture,
                boot_mode,
                f"10.0.{place.made // 250}.{place.made % 250 + 4}",
                all_tags,
                root,
                protected,
                self.clock.now(),
            )
            for index, size in enumerate(disks):
                device = root if index == 0 else f"/dev/sd{'bcdefghij'[index - 1]}"
                volume = Volume(
                    self.new_id(place, "vol"), zone or f"{region}a", size, {}, instance_id, device
                )
                place.volumes[volume.volume_id] = volume
            return instance_id

    def new_id(self, place: Place, prefix: str) -> str:
        """A fresh EC2 id, the same in every run."""
        place.made += 1
        return hashed_id(prefix, place.account, place.region, place.made)

    def change(self, account: str, region: str, instance_id: str, **values: Any) -> None:
        """Set fields of an instance (``state``, ``tags``, ``protected`` …) as if someone had."""
        with self.lock:
            instance = self._place(account, region).instances[instance_id]
            for name, value in values.items():
                setattr(instance, name, value)

    def forget(self, account: str, region: str, instance_id: str) -> None:
        """Remove an instance without a trace."""
        with self.lock:
            del self._place(account, region).instances[instance_id]

    def everything(self) -> list[dict[str, Any]]:
        """All instances of all accounts and Regions, in the words of DescribeInstances, times as text."""
        with self.lock:
            return [
                {
                    "Account": place.account,
                    "Region": place.region,
                    **instance,
                    "LaunchTime": instance["LaunchTime"].isoformat(),
                }
                for place in self._places.values()
                for reservation in self.client(place.account, place.region, None).describe_instances()[
                    "Reservations"
                ]
                for instance in reservation["Instances"]
            ]
