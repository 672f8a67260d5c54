"""One process, virtual time: the machines, handlers, DRS and EC2 of the local cloud, and no waiting."""

from local.simulation.cloud import VirtualCloud
from local.simulation.event_delivery import EventFaults
from local.simulation.measures import ExecutionResult
from local.simulation.scheduler import DeadlockError

__all__ = ["DeadlockError", "EventFaults", "ExecutionResult", "VirtualCloud"]
