"""One process, virtual time: the machines, handlers, DRS and EC2 of the local cloud, and no waiting."""

from local.virtual.cloud import VirtualCloud
from local.virtual.event_delivery import EventFaults
from local.virtual.measures import ExecutionResult
from local.virtual.scheduler import DeadlockError

__all__ = ["DeadlockError", "EventFaults", "ExecutionResult", "VirtualCloud"]
