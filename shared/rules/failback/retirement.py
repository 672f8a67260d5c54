"""The only safe order in which the recovery side is tidied up after a failback.

DRS refuses every other one: the reversed server must be stopped before the recovery instance goes, the
recovery instance at the origin must go before the reversed server can be disconnected, and only a
disconnected server can be deleted (DRS user guide, failback between Regions; observed in the field).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.model.drs import Job, RecoveryInstance
from shared.model.pair import PairRecord
from shared.model.policies import RecoveryInstanceDisposition
from shared.model.prerequisite_facts import CheckFailure
from shared.rules.drs.drs_job_monitor import EXECUTION_TAG
from shared.rules.failback.identity import NOT_REVERSED

REPLICATION_STOPPED = ("STOPPED", "DISCONNECTED")
TERMINATED = (None, "terminated", "shutting-down")


class RetireStep(StrEnum):
    """One call to make, or a wait. A1 to B3 as in ``shared.rules.failback.original_identifier``."""

    STOP_REPLICATION = "STOP_REPLICATION"  # StopReplication(A2), at the origin
    STOP_INSTANCE = "STOP_INSTANCE"  # StopInstances(B3)
    AWAIT_STOPPED = "AWAIT_STOPPED"
    TERMINATE = "TERMINATE"  # TerminateRecoveryInstances(B2): only what DRS itself created
    AWAIT_TERMINATED = "AWAIT_TERMINATED"
    DELETE_RECOVERY_INSTANCE = "DELETE_RECOVERY_INSTANCE"  # DeleteRecoveryInstance(B2)
    DELETE_FAILBACK_INSTANCE = "DELETE_FAILBACK_INSTANCE"  # DeleteRecoveryInstance(A3), at the origin
    DISCONNECT_REVERSED = "DISCONNECT_REVERSED"  # DisconnectSourceServer(A2)
    DELETE_REVERSED = "DELETE_REVERSED"  # DeleteSourceServer(A2)
    TAG_TARGET = "TAG_TARGET"  # CreateTags(B3): the next failover's target


@dataclass(frozen=True, slots=True)
class RetireFacts:
    """One server that is protected again.

    ``reversed_state``: replication state of A2, None when it does not exist. ``recovery_instance`` B2 and
    ``failback_instance`` A3, likewise. ``workload_state``: EC2 state of B3, None when unknown to EC2.
    ``workload_tagged``: B3 allows launching into it. ``drs_created``: DRS made B3 itself (it carries the
    tag AWSElasticDisasterRecoveryManaged). ``to_end``: the request names B3, and nothing shows that it was
    there before its launch. ``terminating``: an unfinished TERMINATE job holds B1.
    """

    reversed_state: str | None
    recovery_instance: RecoveryInstance | None
    failback_instance: RecoveryInstance | None
    workload_state: str | None
    workload_tagged: bool
    disposition: RecoveryInstanceDisposition
    drs_created: bool
    to_end: bool = False
    terminating: bool = False


def may_terminate(facts: RetireFacts) -> bool:
    """Whether the workload instance goes: asked for by its id, created by DRS, never one to launch into."""
    asked = facts.disposition is RecoveryInstanceDisposition.TERMINATE and facts.to_end
    return asked and facts.drs_created and not facts.workload_tagged


def was_there_before(instance_id: str, pair: PairRecord | None, job: Job | None) -> bool:
    """Whether anything but its tags, which others can write, shows that an instance was pre-provisioned.

    ``pair``: our record. ``job``: the one that launched it; ours launch into existing instances only. Without
    the job nothing shows that it was not there.
    """
    recorded = pair is not None and pair.pair_instance_id == instance_id and pair.last_failover is not None
    return recorded or job is None or EXECUTION_TAG in job.tags


def refusal(facts: RetireFacts) -> CheckFailure | None:
    """Why the recovery side must be left as it is; ask before ``next_step``."""
    failback, recovery = facts.failback_instance, facts.recovery_instance
    if failback is not None and failback.replication_state == NOT_REVERSED:
        return CheckFailure(
            f"{failback.ec2_instance_id} is not protected again; without its record in DRS it cannot be.",
            "Protect it first: aws drs reverse-replication --recovery-instance-id "
            f"{failback.recovery_instance_id}",
        )
    if recovery is not None and recovery.replication_state == NOT_REVERSED:
        return CheckFailure(
            f"The recovery instance {recovery.ec2_instance_id} was launched anew since the failback began.",
            "Leave it: it belongs to a later failover or drill. If it is not needed, clean that drill up.",
        )
    return None


def next_step(facts: RetireFacts) -> RetireStep | None:
    """What to do next, None when the recovery side is as before the disaster.

    Raises ValueError for facts that ``refusal`` refuses. Every step is safe to repeat.
    """
    if (issue := refusal(facts)) is not None:
        raise ValueError(issue.found)
    if facts.reversed_state is not None and facts.reversed_state not in REPLICATION_STOPPED:
        return RetireStep.STOP_REPLICATION
    step = _workload_step(facts)
    if step is not None:
        return step
    if facts.recovery_instance is not None:
        return RetireStep.DELETE_RECOVERY_INSTANCE
    if facts.failback_instance is not None:
        return RetireStep.DELETE_FAILBACK_INSTANCE
    if facts.reversed_state is not None:
        disconnected = facts.reversed_state == "DISCONNECTED"
        return RetireStep.DELETE_REVERSED if disconnected else RetireStep.DISCONNECT_REVERSED
    if facts.workload_state not in TERMINATED and not facts.workload_tagged and not may_terminate(facts):
        return RetireStep.TAG_TARGET
    return None


def _workload_step(facts: RetireFacts) -> RetireStep | None:
    if may_terminate(facts) and facts.recovery_instance is not None:
        if facts.workload_state == "shutting-down" or (facts.terminating and facts.workload_state):
            return RetireStep.AWAIT_TERMINATED
        return None if facts.workload_state in TERMINATED else RetireStep.TERMINATE
    if facts.workload_state in ("pending", "running"):
        return RetireStep.STOP_INSTANCE
    return RetireStep.AWAIT_STOPPED if facts.workload_state == "stopping" else None
