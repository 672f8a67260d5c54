"""The operations, one module per kind of resource. Importing this package registers them all."""

from drs_emulator.operations import (
    failback,
    job_operations,
    launch_configuration,
    recovery,
    recovery_instances,
    recovery_plans,
    replication_configuration,
    source_servers,
    staging,
    tags,
)
from drs_emulator.operations.registry import OPERATIONS, Call

__all__ = [
    "OPERATIONS",
    "Call",
    "failback",
    "job_operations",
    "launch_configuration",
    "recovery",
    "recovery_instances",
    "recovery_plans",
    "replication_configuration",
    "source_servers",
    "staging",
    "tags",
]
