"""The state of the small EC2 stand-in, and the switches that make its calls fail or slow."""

from __future__ import annotations

import threading
from typing import Any

from drs_emulator.clock import Clock
from drs_emulator.small_ec2.state import Ec2Scope, Instance, InstanceSpec, Volume, root_device
from drs_emulator.state.ids import hashed_id


class Inventory:
    """Instances, volumes and snapshots of every account and Region. Read and changed under ``lock``."""

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
        self._scopes: dict[tuple[str, str], Ec2Scope] = {}

    def scope(self, account: str, region: str) -> Ec2Scope:
        """The state of an account in a Region, empty at first."""
        with self.lock:
            return self._scopes.setdefault((account, region), Ec2Scope(account, region))

    def scopes(self) -> list[Ec2Scope]:
        """The state of every account and Region used so far."""
        with self.lock:
            return list(self._scopes.values())

    def add_instance(self, account: str, region: str, spec: InstanceSpec | None = None) -> str:
        """Add an instance with one volume per disk of ``spec``; returns its id."""
        spec = spec or InstanceSpec()
        scope, zone, root = self.scope(account, region), spec.zone or f"{region}a", root_device(spec.platform)
        with self.lock:
            scope.made += 1
            instance_id = self.new_id(scope, "i")
            scope.instances[instance_id] = Instance(
                instance_id,
                zone,
                spec.state,
                spec.platform,
                spec.architecture,
                spec.boot_mode,
                f"10.0.{scope.made // 250}.{scope.made % 250 + 4}",
                {**({"Name": spec.name} if spec.name else {}), **spec.tags},
                root,
                spec.protected,
                self.clock.now(),
            )
            for index, size in enumerate(spec.disks):
                device = root if index == 0 else f"/dev/sd{'bcdefghij'[index - 1]}"
                volume = Volume(self.new_id(scope, "vol"), zone, size, {}, instance_id, device)
                scope.volumes[volume.volume_id] = volume
            return instance_id

    def new_id(self, scope: Ec2Scope, prefix: str) -> str:
        """A fresh EC2 id, the same in every run."""
        scope.made += 1
        return hashed_id(prefix, scope.account, scope.region, scope.made)

    def change(self, account: str, region: str, instance_id: str, **values: Any) -> None:
        """Set fields of an instance (``state``, ``tags``, ``protected`` …) without an API call."""
        with self.lock:
            instance = self.scope(account, region).instances[instance_id]
            for name, value in values.items():
                setattr(instance, name, value)

    def forget(self, account: str, region: str, instance_id: str) -> None:
        """Remove an instance and its record."""
        with self.lock:
            del self.scope(account, region).instances[instance_id]
