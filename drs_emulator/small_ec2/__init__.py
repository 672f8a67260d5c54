"""A stand-in for EC2 in memory: the calls that DRS makes, for tests and for the emulator on its own."""

from drs_emulator.small_ec2.access import SmallEc2
from drs_emulator.small_ec2.state import InstanceSpec

__all__ = ["InstanceSpec", "SmallEc2"]
