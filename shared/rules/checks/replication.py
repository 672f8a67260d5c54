"""Checks of a source server: its replication, and what an earlier recovery left."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.model.drs import SourceServer
from shared.model.policies import Mode, Policies, RecoveryMode
from shared.model.prerequisite_facts import CheckFailure, ServerFacts
from shared.times import iso

NEVER_LAUNCHABLE = ("INITIATING", "INITIAL_SYNC", "STOPPED", "DISCONNECTED")
"""Without a consistent copy (DRS user guide, preparing for failover)."""
LAUNCHABLE_WITH_COPY = ("STALLED", "PAUSED", "BACKLOG", "RESCAN", "CREATING_SNAPSHOT")
"""Out of continuous protection, yet launchable once an initial sync was ever completed (the same page)."""
SURE_TO_HAVE_COPY = ("BACKLOG", "RESCAN", "CREATING_SNAPSHOT")
FAST_AGENT = (6, 42, 20)
"""The oldest agent that can be launched without conversion (DRS user guide, launch settings)."""


Find = Callable[[ServerFacts, Policies], CheckFailure | None]


def replication_unfit(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """A state without a consistent copy, or one whose copy is not certain."""
    server, state = facts.server, facts.server.replication_state
    if state == "CONTINUOUS" or state in SURE_TO_HAVE_COPY:
        return None
    if state in LAUNCHABLE_WITH_COPY and facts.has_recovery_point:
        return None
    why = f" ({server.stalled_reason})" if server.stalled_reason else ""
    remedies = {
        "INITIATING": "Wait until the initial sync is done and the state is CONTINUOUS.",
        "INITIAL_SYNC": "Wait until the initial sync is done and the state is CONTINUOUS.",
        "STOPPED": f"Start it again and wait for the initial sync: {_drs(facts, 'start-replication')}",
        "DISCONNECTED": "Install the DRS agent on the server again and wait for the initial sync.",
    }
    remedy = remedies.get(
        state,
        "Repair the replication; or, if the server has a consistent copy, make its recovery snapshots "
        f"readable: {_drs(facts, 'describe-recovery-snapshots')}",
    )
    return CheckFailure(f"The replication is {state}{why}, so there is no copy to launch from.", remedy)


def no_recovery_point(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.has_recovery_point is not False or replication_unfit(facts, policies):
        return None
    return CheckFailure(
        f"{facts.server.name} has no point in time to recover to.",
        f"Wait until DRS has taken one: {_drs(facts, 'describe-recovery-snapshots')}",
    )


def replication_degraded(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    server = facts.server
    if server.replication_state not in LAUNCHABLE_WITH_COPY or replication_unfit(facts, policies):
        return None
    why = f" ({server.stalled_reason})" if server.stalled_reason else ""
    return CheckFailure(
        f"The replication is {server.replication_state}{why}; the newest copy may be old.",
        "Nothing if the origin is down: a disaster stops the replication. Else repair the replication first.",
    )


def recovery_point(server: SourceServer, now: datetime) -> str | None:
    """The time of the newest copy, as far as DRS reports the lag."""
    return iso(now - timedelta(seconds=server.lag_seconds)) if server.lag_seconds is not None else None


def lag_too_high(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """Lag that grew since the agent was last seen does not count: nothing that is done brings newer data."""
    lag = facts.server.lag_seconds
    if lag is None or lag - (facts.seen_seconds_ago or 0.0) <= policies.max_lag_seconds:
        return None
    return CheckFailure(
        f"{_newest(facts, lag)} The plan allows {policies.max_lag_seconds} s, and the agent was seen "
        f"{timedelta(seconds=round(facts.seen_seconds_ago or 0.0))} ago.",
        "Wait until the replication has caught up. To recover to that moment, override LAG_TOO_HIGH in the "
        "request with your reason.",
    )


def recovery_point_old(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """Older than the plan promises or allows, where that does not block."""
    lag, allowed = facts.server.lag_seconds, policies.max_lag_seconds
    if facts.rpo_seconds is not None:
        allowed = min(allowed, facts.rpo_seconds)
    if lag is None or lag <= allowed or lag_too_high(facts, policies):
        return None
    limit = "objectives.rpoSeconds" if allowed == facts.rpo_seconds else "policies.maxLagSeconds"
    return CheckFailure(
        f"{_newest(facts, lag)} {limit} is {allowed} s.",
        "Know what is lost: everything written after that moment. If the origin still runs, wait until the "
        "replication has caught up.",
    )


def _newest(facts: ServerFacts, lag: float) -> str:
    return f"The newest copy is of {facts.recovery_point}, {timedelta(seconds=round(lag))} ago."


def lag_unknown(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.server.lag_seconds is not None or facts.server.replication_state in NEVER_LAUNCHABLE:
        return None
    return CheckFailure(
        "DRS does not report the age of the newest copy.",
        f"Read its time: {_drs(facts, 'describe-recovery-snapshots')} --order DESC --max-items 1",
    )


def wrong_direction(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if facts.server.replication_direction == "FAILOVER":
        return None
    return CheckFailure(
        f"The source server replicates in direction {facts.server.replication_direction}.",
        "Leave it out of a failover: it exists to bring a server back. Remove its dr:enabled tag.",
    )


def replaces_running_instance(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """DRS removes earlier recovery instances at a new launch (DRS user guide, preparing for failover)."""
    other = facts.recovery_instance
    if other is None or other.ec2_instance_id == facts.target.instance_id:
        return None
    if other.ec2_state not in ("RUNNING", "PENDING", "STOPPING"):
        return None
    return CheckFailure(
        f"The recovery instance {other.ec2_instance_id} of an earlier launch is {other.ec2_state}; DRS would "
        "terminate it when it launches again.",
        "Is it in use? Then keep it: leave this server out. Else stop it: aws ec2 stop-instances "
        f"--instance-ids {other.ec2_instance_id} --region {facts.server.scope.region}",
    )


def replaces_stopped_instance(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    other = facts.recovery_instance
    if other is None or other.ec2_instance_id == facts.target.instance_id or other.ec2_state != "STOPPED":
        return None
    return CheckFailure(
        f"The stopped recovery instance {other.ec2_instance_id} of an earlier launch goes: DRS ends it.",
        "To keep it, protect it: aws ec2 modify-instance-attribute --disable-api-termination "
        f"--instance-id {other.ec2_instance_id} --region {facts.server.scope.region}",
    )


def target_in_use(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """The target runs as the result of a recovery, not a drill: a launch would overwrite live disks.

    In a drill it is in use stopped as well: what the workload wrote there is nowhere else yet.
    """
    own = facts.recovery_instance
    if own is None or own.ec2_instance_id != facts.target.instance_id or own.is_drill:
        return None
    on_record = facts.recorded_workload_side == "RECOVERY"
    if facts.target.state == "stopped" and not (on_record and facts.mode is Mode.DRILL):
        return None
    # Stopped, it still has the newest data: no drill may overwrite them.
    in_drill = on_record and facts.mode is Mode.DRILL
    otherwise = (
        _FAIL_BACK
        if in_drill
        else "Else stop it: aws ec2 stop-instances "
        f"--instance-ids {own.ec2_instance_id} --region {facts.target.scope.region}"
    )
    return CheckFailure(
        f"{own.ec2_instance_id} is {facts.target.state} as the recovery instance of {facts.server.name}: "
        "it may be production, and a launch would overwrite its disks.",
        f"If it is production, leave this server out. {otherwise}",
    )


def unless_in_use(find: Find) -> Find:
    """``find``, unless the target is in use: then its advice on a target that runs would be harmful."""
    return lambda facts, policies: None if target_in_use(facts, policies) else find(facts, policies)


_FAIL_BACK = "Fail back first: start the failback of this plan, mode: FAILBACK."


def workload_on_recovery(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """A launch would put the origin's older data over what the workload wrote since the failover."""
    if facts.recorded_workload_side != "RECOVERY" or target_in_use(facts, policies):
        return None
    drill = facts.mode is Mode.DRILL
    return CheckFailure(
        f"{facts.server.name} was failed over and has not failed back: its newest data are on the "
        f"recovery side, and a launch into {facts.target.instance_id} ({facts.target.state}) would put older "
        "data of the origin over them.",
        _FAIL_BACK
        + ("" if drill else " If those data are not needed, override WORKLOAD_ON_RECOVERY with a reason."),
    )


def too_old_for_fast(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    if policies.recovery_mode is not RecoveryMode.FAST:
        return None
    if facts.server.original_instance_id is None:
        return CheckFailure("Recovery mode FAST works only for EC2 instances; this is none.", _OPTIMAL)
    version = facts.server.agent_version
    if version is not None and _numbers(version) >= FAST_AGENT:
        return None
    needed = ".".join(str(number) for number in FAST_AGENT)
    return CheckFailure(
        f"Recovery mode FAST needs agent {needed}; the server has {version or 'one of unknown version'}.",
        f"Update the DRS agent on the server. {_OPTIMAL}",
    )


_OPTIMAL = "Or ask for recoveryMode: OPTIMAL."


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]+", version))


def _drs(facts: ServerFacts, command: str) -> str:
    server = facts.server
    return f"aws drs {command} --source-server-id {server.source_server_id} --region {server.scope.region}"
