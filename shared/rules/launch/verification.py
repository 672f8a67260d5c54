"""What EC2's word about a started instance means for its server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.model.ec2 import InstanceHealth
from shared.model.server import HealthResult, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.drs.drs_error_handler import ErrorKind, explain_state_reason
from shared.times import iso, parse_time

CONSOLE_REMEDY = (
    "Look at the instance's console: aws ec2 get-console-screenshot --instance-id {instance} "
    "--region {region}. Repair what it shows and stop the instance; then run the plan again for this server: "
    "it starts the instance and verifies it."
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``hopeless``: waiting does not help. Neither passed nor hopeless: it may still come up.

    ``lacks_capacity``: EC2 put it back for want of capacity; it is to be started again.
    """

    passed: bool
    found: str
    hopeless: bool = False
    remedy: str = (
        "Check the application on the instance and the plan's health checks; it runs, but does not answer."
    )
    lacks_capacity: bool = False


SETTLING_SECONDS = 60
"""DescribeInstances may lag behind StartInstances (EC2 API reference, Eventual consistency)."""


def without_capacity(server: ServerRecord, found: str, remedy: str, now: str) -> ServerRecord:
    """The server as it waits to be started again. ``now``: ISO 8601."""
    return replace(
        server,
        status=ServerStatus.STARTING,
        start_requested_at=None,
        start_refused_at=server.start_refused_at or now,
        reason=found,
        remedy=remedy,
    )


def given_up(server: ServerRecord, now: datetime, timeout: timedelta) -> ServerRecord:
    """The server FAILED once EC2 has had no capacity for it for so long; else unchanged."""
    if now - parse_time(server.start_refused_at) <= timeout:
        return server
    minutes = round(timeout.total_seconds() / 60)
    return server.failed(f"Not started within {minutes} min: {server.reason}", server.remedy or "")


def judge(server: ServerRecord, health: InstanceHealth | None, seconds_since_start: float) -> Verdict:
    """Whether the pair's instance runs at its address and passes both EC2 status checks."""
    instance = server.pair_instance_id or "?"
    console = CONSOLE_REMEDY.format(instance=instance, region=server.scope.region)
    if health is None or health.state in ("terminated", "shutting-down"):
        found = f"{instance} does not run ({health.state if health else 'not found'})."
        remedy = "Do not terminate anything. Find out who did in CloudTrail, and restore a target instance."
        return Verdict(False, found, hopeless=True, remedy=remedy)
    if health.state in ("stopped", "stopping") and seconds_since_start > SETTLING_SECONDS:
        why = health.state_reason or "EC2 gives no reason"
        explained = explain_state_reason(health.state_reason or "")
        # Started by hand, nothing would verify it, nor record on which side its workload runs.
        again = f"Run the plan again for this server: it starts {instance} and verifies it."
        remedy = f"{explained.remedy} {again}" if explained else again
        lacks_capacity = explained is not None and explained.kind is ErrorKind.CAPACITY
        return Verdict(
            False,
            f"{instance} did not start: it is {health.state} ({why}).",
            hopeless=not lacks_capacity,
            remedy=remedy,
            lacks_capacity=lacks_capacity,
        )
    if health.state != "running" or not health.status_ok:
        return Verdict(False, f"{instance} is {health.state}, status checks {health.status}.", remedy=console)
    if server.private_ip_before and health.private_ip != server.private_ip_before:
        found = f"{instance} has the address {health.private_ip}, not {server.private_ip_before} as before."
        remedy = "Find out who changed the network interface, and put the address back before using it."
        return Verdict(False, found, hopeless=True, remedy=remedy)
    return Verdict(True, f"{instance} runs and passes its status checks.")


def with_results(verdict: Verdict, results: Sequence[HealthResult]) -> Verdict:
    """The verdict after the plan's health checks: the first that failed decides."""
    failed = next((result for result in results if not result.passed), None)
    return Verdict(False, f"{failed.check} {failed.found}") if failed else verdict


def verified(
    server: ServerRecord, verdict: Verdict, health: InstanceHealth | None, now: datetime, timeout: timedelta
) -> ServerRecord:
    """The server RECOVERED or FAILED by the verdict, or unchanged while its instance may still come up."""
    address = health.private_ip if health else None
    if verdict.passed:
        return replace(server, status=ServerStatus.RECOVERED, verified_at=iso(now), private_ip_after=address)
    if verdict.lacks_capacity:
        return given_up(without_capacity(server, verdict.found, verdict.remedy, iso(now)), now, timeout)
    late = now - parse_time(server.start_requested_at) > timeout
    if verdict.hopeless or late:
        reason = verdict.found if verdict.hopeless else f"Not verified in time: {verdict.found}"
        return replace(server.failed(reason, verdict.remedy), private_ip_after=address)
    return server
