"""An instance must be stopped before DRS launches into it: what becomes of one that runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.model.ec2 import TARGET_TAG_KEY, Instance
from shared.model.policies import Mode, Policies, WhenTargetRuns
from shared.model.server import ServerRecord
from shared.rules.failback.workloads import TIMEOUT
from shared.rules.matching.manual_pairs import tag_command
from shared.times import iso, parse_time


def may_stop(policies: Policies, mode: Mode, server: ServerRecord, instance: Instance | None) -> bool:
    """Whether a running instance that is to be launched into may be stopped.

    The plan decides. Where it says nothing of originals, one that has run since before our failover has
    nothing new, and may be stopped; one that was started later may have.
    """
    if mode is not Mode.FAILBACK:
        return policies.when_target_runs is WhenTargetRuns.STOP
    if policies.failback.when_original_runs is not None:
        return policies.failback.when_original_runs is WhenTargetRuns.STOP
    return ran_before(instance, server.failback.moved_off_original_at)


def ran_before(instance: Instance | None, moment: str | None) -> bool:
    """Whether an instance was last started before ``moment``; False where either is not known."""
    if instance is None or instance.launched_at is None or moment is None:
        return False
    return parse_time(instance.launched_at) < parse_time(moment)


def not_launchable(server: ServerRecord, instance: Instance | None, mode: Mode) -> ServerRecord:
    """The server FAILED whose instance is not there, not stopped or not tagged right before its launch."""
    again = "then run the plan again for this server"
    found, remedy = "not found", f"Provide another {mode.launches_into}, {again}."
    if instance is not None:
        found = f"{instance.state}, {TARGET_TAG_KEY} tag {instance.tags.get(TARGET_TAG_KEY, 'missing')}"
        if not instance.allows_launching_into:
            command = tag_command(instance.instance_id, instance.scope)
            remedy = f"If it is the {mode.launches_into}: {command}; {again}."
        else:
            remedy = _stop(instance)
    return server.failed(f"{server.pair_instance_id} cannot be launched into: it is {found}.", remedy)


def _stop(instance: Instance) -> str:
    return (
        "Make sure that it is not in use, then stop it and run the plan again: aws ec2 stop-instances "
        f"--instance-ids {instance.instance_id} --region {instance.scope.region}"
    )


def awaiting_stop(
    server: ServerRecord, instance: Instance | None, mode: Mode, *, may_stop: bool, now: datetime
) -> ServerRecord:
    """The server as it waits for its instance to stop: unchanged if stopped, FAILED if it will not stop."""
    if instance is None:
        found = f"{server.pair_instance_id} no longer exists."
        return server.failed(found, f"Provide another {mode.launches_into}, then run it again.")
    if not instance.allows_launching_into:
        return server.failed(
            f"{instance.instance_id} lost its AWSDRS tag after the checks.",
            f"If it is the {mode.launches_into}: {tag_command(instance.instance_id, instance.scope)}; then "
            "run the plan again.",
        )
    if instance.state in ("pending", "running") and not may_stop:
        return server.failed(
            f"{instance.instance_id} was started after the checks.",
            _stop(instance),
        )
    if instance.state == "stopped":
        return server
    since = server.stop_awaited_since
    if since is not None and now - parse_time(since) > TIMEOUT:
        return server.failed(
            f"{instance.instance_id} did not stop within {TIMEOUT}: it is {instance.state}.",
            f"aws ec2 stop-instances --force --instance-ids {instance.instance_id} --region "
            f"{instance.scope.region}; when it is stopped, run the plan again for this server.",
        )
    return replace(server, stop_awaited_since=since or iso(now))
