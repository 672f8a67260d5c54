"""How a drill is undone, server by server: nothing pre-provisioned is terminated, nothing real is touched."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.model.drs import RecoveryInstance
from shared.model.ec2 import Instance, Volume
from shared.model.policies import DrillVolumes
from shared.model.prerequisite_facts import CheckFailure
from shared.rules.report.volume_costs import detached


class CleanUpStep(StrEnum):
    """One call to make, or a wait."""

    AWAIT_JOB = "AWAIT_JOB"
    STOP_INSTANCE = "STOP_INSTANCE"
    AWAIT_STOPPED = "AWAIT_STOPPED"
    DETACH_VOLUMES = "DETACH_VOLUMES"  # those of ``swap(facts).detach``
    ATTACH_VOLUMES = "ATTACH_VOLUMES"  # those of ``swap(facts).attach``, each at its device
    DISCONNECT = "DISCONNECT"  # DisconnectRecoveryInstance
    DELETE = "DELETE"  # DeleteRecoveryInstance


@dataclass(frozen=True, slots=True)
class CleanUpFacts:
    """One server of a drill.

    ``target`` as EC2 describes it now, None if not found; ``recovery_instance``: what DRS lists for the
    server now; ``volumes_before``: those of the target before the drill; ``missing_volumes``: ids among them
    that EC2 does not know any more or that hang on another instance; ``job_unfinished``: a DRS job of the
    drill still holds the server; ``launched``: the drill has launched it (its record names a job);
    ``real``: no drill is undone but a failover, and the recovery instance is its own.
    """

    target: Instance | None
    recovery_instance: RecoveryInstance | None
    volumes_before: tuple[Volume, ...]
    volumes: DrillVolumes
    missing_volumes: frozenset[str] = frozenset()
    job_unfinished: bool = False
    launched: bool = True
    real: bool = False


@dataclass(frozen=True, slots=True)
class VolumeSwap:
    """``detach`` first, then ``attach``. Both empty: the target has the volumes it should have."""

    detach: tuple[Volume, ...] = ()
    attach: tuple[Volume, ...] = ()


def issue(facts: CleanUpFacts) -> CheckFailure | None:
    """What keeps the target from being as before; what can be cleaned up is cleaned up all the same."""
    own = facts.recovery_instance
    if own is not None and not own.is_drill and not facts.real:
        return CheckFailure(
            f"{own.ec2_instance_id} is the recovery instance of a real recovery by now: it is left alone.",
            "Nothing: the failover that took over is responsible for it.",
        )
    if facts.target is None or facts.target.state in ("terminated", "shutting-down"):
        return CheckFailure(
            f"The target is {facts.target.state if facts.target else 'not found'}.",
            "Find out who terminated it (CloudTrail), and create a new target, stopped and tagged "
            "AWSDRS=AllowLaunchingIntoThisInstance.",
        )
    lost = [v.volume_id for v in _wanted(facts) if v.volume_id in facts.missing_volumes]
    if lost:
        return CheckFailure(
            f"The volumes {', '.join(str(volume_id) for volume_id in lost)} that {facts.target.instance_id} "
            "had before the launch no longer exist or are in use elsewhere; it keeps those of the launch.",
            "Nothing for the next failover, which replaces them. To drill with KEEP, set "
            "policies.drill.volumes: KEEP in the plan.",
        )
    return None


def swap(facts: CleanUpFacts) -> VolumeSwap:
    """Which volumes leave the target and which come back, under policy RESTORE; nothing if any is lost."""
    wanted = _wanted(facts)
    if facts.target is None or any(v.volume_id in facts.missing_volumes for v in wanted):
        return VolumeSwap()
    now = facts.target.volumes
    return VolumeSwap(detach=detached(now, wanted) if wanted else (), attach=detached(wanted, now))


def next_clean_up_step(facts: CleanUpFacts) -> CleanUpStep | None:
    """What to do next, None when the server is as before the drill, or as near to it as it can be.

    Every step is safe to repeat. Nothing is done to a target that a real recovery runs in, and nothing is
    ever terminated.
    """
    own = facts.recovery_instance
    if own is not None and not own.is_drill and not facts.real:
        return None
    if facts.job_unfinished:
        return CleanUpStep.AWAIT_JOB
    if facts.launched and facts.target is not None:
        if facts.target.state in ("pending", "running"):
            return CleanUpStep.STOP_INSTANCE
        if facts.target.state == "stopping":
            return CleanUpStep.AWAIT_STOPPED
        if facts.target.state == "stopped":
            volumes = swap(facts)
            if volumes.detach:
                return CleanUpStep.DETACH_VOLUMES
            if volumes.attach:
                return CleanUpStep.ATTACH_VOLUMES
    if own is not None:
        disconnected = own.replication_state == "DISCONNECTED"
        return CleanUpStep.DELETE if disconnected else CleanUpStep.DISCONNECT
    return None


def _wanted(facts: CleanUpFacts) -> tuple[Volume, ...]:
    """The volumes that the target shall have again; none where it keeps what it has."""
    return facts.volumes_before if facts.volumes is DrillVolumes.RESTORE else ()
