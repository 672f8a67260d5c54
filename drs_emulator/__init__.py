"""An emulator of AWS Elastic Disaster Recovery (DRS): its API, its jobs in time, its effects on EC2."""

from drs_emulator.contract import Caller, Ec2Access, EventSink, Hooks, NoEvents, Request, Response
from drs_emulator.emulator import DrsEmulator
from drs_emulator.settings import Settings

__all__ = [
    "Caller",
    "DrsEmulator",
    "Ec2Access",
    "EventSink",
    "Hooks",
    "NoEvents",
    "Request",
    "Response",
    "Settings",
]
