"""An emulator of AWS Elastic Disaster Recovery (DRS): its API, its jobs in time, its effects on EC2."""

from local.drs.contract import Caller, Ec2Access, EventSink, NoEvents, Request, Response
from local.drs.emulator import DrsEmulator
from local.drs.settings import Settings

__all__ = [
    "Caller",
    "DrsEmulator",
    "Ec2Access",
    "EventSink",
    "NoEvents",
    "Request",
    "Response",
    "Settings",
]
