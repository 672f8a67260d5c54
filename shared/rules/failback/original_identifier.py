"""Which instance a server came from, and how far it is on its way home, from records and from AWS.

The record of the failover leads; what DRS and EC2 say now must agree with it. Without a record the hints of
DRS are only shown, and the request has to confirm them. B1, B2, B3 below are the source server of the pair,
its recovery instance and the EC2 instance behind it; A1 is the original instance, A2 the reversed server
(direction FAILBACK, in the origin scope), A3 its recovery instance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.model.drs import Job, RecoveryInstance, SourceServer
from shared.model.ec2 import Instance
from shared.model.finding import Finding, Severity
from shared.model.pair import PairRecord
from shared.model.policies import StopWorkload
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.rules.drs.drs_job_monitor import COMPLETED, EXECUTION_TAG

NOT_REVERSED = "NOT_STARTED"
"""``dataReplicationState`` of a recovery instance until ReverseReplication was called for it (field)."""


class Stage(StrEnum):
    """What comes next for a server. Whether it may come, the findings say."""

    HOME = "HOME"
    """Nothing to do: the workload runs at the origin, and no reversed server is left."""
    TO_REVERSE = "TO_REVERSE"
    REPLICATING = "REPLICATING"
    """The reversed server exists; it has to be (re)launched when its copy is new enough."""
    LAUNCHING = "LAUNCHING"
    """A DRS job of an earlier execution launches it."""
    LAUNCHED = "LAUNCHED"
    """It was launched into the original instance and not verified."""
    TO_REPROTECT = "TO_REPROTECT"
    """The original instance runs the workload; it has to be protected again."""
    TO_RETIRE = "TO_RETIRE"
    """It was told to replicate again; the recovery side has to be tidied up."""


BEFORE_LAUNCH = (Stage.TO_REVERSE, Stage.REPLICATING)
"""Stages in which the instance on the recovery side has to run and the original may be stopped."""
BEFORE_VERIFICATION = (*BEFORE_LAUNCH, Stage.LAUNCHING, Stage.LAUNCHED)


@dataclass(frozen=True, slots=True)
class IdentifyFacts:
    """One server and what is around it.

    ``server`` B1; ``recovery_instance`` B2; ``workload`` B3, None if EC2 does not know it; ``original`` A1 as
    EC2 describes it (the recorded one, else the confirmed one, else that of the hints; see
    ``presumed_original``); ``origin`` the origin scope of the site. ``reversed_server`` A2: found by
    direction FAILBACK and ``original_instance_id`` == B3's id, never by its ARN. ``failback_instance`` A3.
    ``confirmed_original``: what the request's confirmOriginals says of B3.
    ``earlier_job``: the unfinished, else the last LAUNCH job at the origin that holds A2 and has our tags.
    ``earlier``, ``earlier_execution``: the server's record in the newest earlier failback of it, and the id
    of that execution, where there is one.
    """

    server: SourceServer
    pair: PairRecord | None = None
    recovery_instance: RecoveryInstance | None = None
    workload: Instance | None = None
    original: Instance | None = None
    origin: Scope | None = None
    origin_readable: bool = True
    reversed_server: SourceServer | None = None
    failback_instance: RecoveryInstance | None = None
    confirmed_original: str | None = None
    earlier_job: Job | None = None
    earlier: ServerRecord | None = None
    earlier_execution: str | None = None
    stop_workload: StopWorkload = StopWorkload.BEFORE_LAUNCH


@dataclass(frozen=True, slots=True)
class Identified:
    """``findings`` that are CRITICAL block the server whatever its stage."""

    stage: Stage
    original_instance_id: str | None
    workload_instance_id: str | None
    findings: tuple[Finding, ...] = ()


def presumed_original(
    server: SourceServer, pair: PairRecord | None, confirmed_original: str | None
) -> str | None:
    """The id of the instance to describe as the original: as recorded, as confirmed, or as DRS hints."""
    recorded = pair.original_instance_id if pair else None
    return recorded or confirmed_original or server.original_instance_id


def identify(facts: IdentifyFacts) -> Identified:
    """The stage of a server with the instances of both sides, and everything that contradicts itself."""
    stage = _stage(facts)
    original = presumed_original(facts.server, facts.pair, facts.confirmed_original)
    return Identified(stage, original, _workload_id(facts), tuple(_findings(facts, stage)))


def conflicts(identified: Mapping[str, Identified]) -> dict[str, Finding]:
    """The servers (by source server id) that share an instance with another one, each with a finding.

    To be asked over everything that an execution identified, of all its sites: none of the servers that
    share an original instance, or a workload instance, may be brought home.
    """
    found: dict[str, Finding] = {}
    for word, of in (("original", _original_of), ("workload", _workload_of)):
        sharing: defaultdict[str, list[str]] = defaultdict(list)
        for server_id, one in identified.items():
            if instance_id := of(one):
                sharing[instance_id].append(server_id)
        for instance_id, server_ids in sharing.items():
            if len(server_ids) > 1:
                finding = _critical(
                    f"{word.upper()}_AMBIGUOUS",
                    f"{instance_id} would be the {word} instance of {' and '.join(sorted(server_ids))}.",
                    "Name the right original of each under confirmOriginals in the request, or leave all but "
                    "one out with recoveryInstanceIds.",
                )
                for server_id in server_ids:
                    found.setdefault(server_id, finding)
    return found


def staging_account_issue(reversed_server: SourceServer) -> Finding | None:
    """A reversed server must be staged in its own account: the origin's; else it is another's."""
    staged = reversed_server.staging_account
    if staged is None or staged == reversed_server.scope.account:
        return None
    return _critical(
        "RECORD_CONTRADICTED_STAGING_ACCOUNT",
        f"The reversed server {reversed_server.source_server_id} is staged in account {staged}; the origin "
        f"is {reversed_server.scope.account}.",
        "Do not launch it. Find out who changed the replication settings: aws drs "
        f"get-replication-configuration --source-server-id {reversed_server.source_server_id} --region "
        f"{reversed_server.scope.region}",
    )


# --- stages -----------------------------------------------------------------------------------------------


def _stage(facts: IdentifyFacts) -> Stage:
    if _is_left_over(facts):
        return Stage.TO_REVERSE
    home = _recorded_home(facts)
    instance = _launched(facts)
    if instance is not None and instance.replication_state not in (None, NOT_REVERSED):
        return Stage.TO_RETIRE
    if facts.reversed_server is None:
        nothing = facts.recovery_instance is None and (facts.pair is None or home)
        return Stage.HOME if nothing else Stage.TO_REVERSE
    if home:
        return Stage.TO_REPROTECT if instance else Stage.TO_RETIRE
    if facts.earlier_job is not None and facts.earlier_job.status != COMPLETED:
        return Stage.LAUNCHING
    if instance is not None and _is_current(facts, instance):
        return Stage.LAUNCHED
    return Stage.REPLICATING


def _is_left_over(facts: IdentifyFacts) -> bool:
    """Whether A2 is of an earlier failback: B2 was launched since and never reversed. Its data are old."""
    recovery = facts.recovery_instance
    if facts.reversed_server is None or recovery is None or recovery.is_drill:
        return False
    return recovery.replication_state == NOT_REVERSED


def _recorded_home(facts: IdentifyFacts) -> bool:
    return facts.pair is not None and facts.pair.workload_side == "ORIGIN"


def _launched(facts: IdentifyFacts) -> RecoveryInstance | None:
    """A3, unless it comes from a drill: that was never meant to stay."""
    instance = facts.failback_instance
    return None if instance is None or instance.is_drill else instance


def _is_current(facts: IdentifyFacts, instance: RecoveryInstance) -> bool:
    """Whether nothing can have been written on the recovery side since the launch, as far as we can know."""
    if _runs(facts.workload):
        return False
    job, earlier = facts.earlier_job, facts.earlier
    if earlier is not None and earlier.workload_restarted_at is not None:
        return False
    if job is None or instance.job_id not in (None, job.job_id):
        return facts.earlier_execution is None
    return facts.earlier_execution in (None, job.tags.get(EXECUTION_TAG))


# --- findings ---------------------------------------------------------------------------------------------


def _findings(facts: IdentifyFacts, stage: Stage) -> Iterator[Finding]:
    yield from _nothing_to_fail_servers_back(facts, stage)
    yield from _original(facts, stage)
    if stage in BEFORE_VERIFICATION:
        yield from _recovery_side(facts, stage)
        yield from _addresses(facts)
    if stage is not Stage.HOME:
        yield from _staging_account(facts)


def _nothing_to_fail_servers_back(facts: IdentifyFacts, stage: Stage) -> Iterator[Finding]:
    name = facts.server.name
    if stage is Stage.HOME and (facts.pair is None or facts.pair.last_failback is None):
        yield _critical(
            "NOT_FAILED_OVER",
            f"{name} has no recovery instance: it was not failed over.",
            "Nothing is to be failed back. Leave it out with onBlocked: CONTINUE, or fail back only what one "
            "execution recovered, with failover: its execution id.",
        )


def _original(facts: IdentifyFacts, stage: Stage) -> Iterator[Finding]:
    server, pair = facts.server, facts.pair
    if stage is Stage.HOME:
        return
    recorded = pair.original_instance_id if pair else None
    hinted, confirmed = server.original_instance_id, facts.confirmed_original
    if recorded is not None:
        for said, by in ((hinted, "DRS"), (confirmed, "The request")):
            if said is not None and said != recorded:
                yield _critical(
                    "RECORD_CONTRADICTED_ORIGINAL",
                    f"{by} says that {server.name} comes from {said}; the record of the failover says "
                    f"{recorded}.",
                    "Find out which is right. Correct confirmOriginals in the request, or the item "
                    f"{server.source_server_id} of the table InstancePairs.",
                )
    elif confirmed is None and hinted is None:
        yield _critical(
            "ORIGINAL_UNKNOWN",
            f"Neither a record nor DRS says which instance {server.name} comes from.",
            f"Name it in the request: {_confirmation(facts, 'i-…')}",
        )
    elif confirmed is None:
        yield _critical(
            "ORIGINAL_UNCONFIRMED",
            f"There is no record of a failover of {server.name}. DRS says that {_workload_id(facts)} comes "
            f"from {hinted} in {server.origin_account}/{server.origin_region}.",
            f"If that is right, confirm it in the request: {_confirmation(facts, str(hinted))}",
        )
    if facts.origin and server.origin_account and server.origin_region:
        said_origin = Scope(server.origin_account, server.origin_region)
        if said_origin != facts.origin:
            yield _critical(
                "RECORD_CONTRADICTED_ORIGINAL",
                f"DRS says that {server.name} comes from {said_origin}; the origin of the site "
                f"{server.site} is {facts.origin}.",
                "Correct the origin of the site in the plan.",
            )
    if not facts.origin_readable:
        yield _critical(
            "ORIGIN_UNREADABLE",
            f"The instances of the origin of {server.site} could not be described.",
            "Wait until the Region answers again, and check that the member role exists there; then start "
            "the failback again.",
        )


def _recovery_side(facts: IdentifyFacts, stage: Stage) -> Iterator[Finding]:
    server, pair, instance = facts.server, facts.pair, facts.recovery_instance
    if instance is None or (facts.workload is None and stage in BEFORE_LAUNCH):
        gone = instance.ec2_instance_id if instance else pair.pair_instance_id if pair else "none known"
        yield _critical(
            "RECOVERY_INSTANCE_NOT_FOUND",
            f"The recovery instance of {server.name} ({gone}) is gone from "
            f"{'EC2' if instance else 'DRS'}, and with it the way back of its data.",
            "If the instance still runs in EC2, install the DRS agent on it as a new source server towards "
            "the origin. Else fail over again, from the newest point in time.",
        )
        return
    if instance.is_drill:
        yield _critical(
            "DRILL_INSTANCE",
            f"{instance.ec2_instance_id} is the recovery instance of a drill of {server.name}.",
            "Bringing it home would put the drill's data over production. Clean the drill up instead.",
        )
    if pair is not None and pair.pair_instance_id != instance.ec2_instance_id:
        yield _critical(
            "RECORD_CONTRADICTED_WORKLOAD",
            f"DRS lists {instance.ec2_instance_id} as the recovery instance of {server.name}; the record of "
            f"the failover says {pair.pair_instance_id}.",
            "Find out which of the two runs the workload. If the recorded one is outdated, correct the item "
            f"{server.source_server_id} of the table InstancePairs.",
        )
    elif _recorded_home(facts) and facts.confirmed_original is None:
        yield _critical(
            "RECORD_CONTRADICTED_WORKLOAD",
            f"The record says that {server.name} runs at the origin, in {_recorded_original(facts)}; DRS "
            f"lists the recovery instance {instance.ec2_instance_id}.",
            "If the workload runs on the recovery instance (failed over by hand), confirm it: "
            f"{_confirmation(facts, _recorded_original(facts))}. Else delete the recovery instance in DRS.",
        )
    if _is_left_over(facts) and facts.reversed_server is not None:
        old = facts.reversed_server
        yield _critical(
            "REVERSED_LEFT_OVER",
            f"The reversed server {old.source_server_id} in {old.scope} is of an earlier failback: "
            f"{instance.ec2_instance_id} was launched since, and does not replicate to it.",
            f"Remove it at the origin, in this order: aws drs stop-replication --source-server-id "
            f"{old.source_server_id}; aws drs delete-recovery-instance for its recovery instance, if it has "
            "one (never terminate it: it is the original); aws drs disconnect-source-server; aws drs "
            f"delete-source-server --region {old.scope.region}. Then start the failback again.",
        )
    if (
        stage is Stage.LAUNCHING
        and _runs(facts.workload)
        and facts.stop_workload is StopWorkload.BEFORE_LAUNCH
        and facts.earlier_job
    ):
        yield _critical(
            "LAUNCH_OUTDATED",
            f"The job {facts.earlier_job.job_id} launches {server.name} at the origin, and "
            f"{instance.ec2_instance_id} runs again: what is written there now is not in that launch.",
            "Wait until the job is COMPLETED, then start the failback again; it launches anew.",
        )


def _addresses(facts: IdentifyFacts) -> Iterator[Finding]:
    pair = facts.pair
    if pair is None:
        return
    for word, instance, instance_id, recorded in (
        ("original", facts.original, pair.original_instance_id, pair.original_private_ip),
        ("recovery", facts.workload, pair.pair_instance_id, pair.private_ip),
    ):
        if instance is None or recorded is None or instance.instance_id != instance_id:
            continue
        if instance.private_ip != recorded:
            yield _critical(
                "RECORD_CONTRADICTED_ADDRESS",
                f"The {word} instance {instance.instance_id} has the private address {instance.private_ip}; "
                f"the record of the failover says {recorded}.",
                "Find out who changed its network interface and put the address back; or correct the item "
                f"{facts.server.source_server_id} of the table InstancePairs.",
            )


def _staging_account(facts: IdentifyFacts) -> Iterator[Finding]:
    server, pair = facts.server, facts.pair
    if pair and pair.staging_account and server.staging_account not in (None, pair.staging_account):
        yield _critical(
            "RECORD_CONTRADICTED_STAGING_ACCOUNT",
            f"{server.name} is staged in account {server.staging_account}; the record of the failover says "
            f"{pair.staging_account}.",
            "Find out who moved it: aws drs describe-source-servers --filters "
            f"sourceServerIDs={server.source_server_id} --region {server.scope.region}",
        )
    if facts.reversed_server is not None:
        issue = staging_account_issue(facts.reversed_server)
        if issue is not None:
            yield issue


def _confirmation(facts: IdentifyFacts, original: str) -> str:
    workload = _workload_id(facts) or "i-…"
    return f'confirmOriginals: [{{"recoveryInstanceId": "{workload}", "originalInstanceId": "{original}"}}]'


def _recorded_original(facts: IdentifyFacts) -> str:
    return (facts.pair and facts.pair.original_instance_id) or "its original instance"


def _workload_id(facts: IdentifyFacts) -> str | None:
    if facts.recovery_instance is not None:
        return facts.recovery_instance.ec2_instance_id
    if facts.reversed_server is not None:
        return facts.reversed_server.original_instance_id
    return facts.pair.pair_instance_id if facts.pair else None


def _runs(instance: Instance | None) -> bool:
    return instance is not None and instance.state in ("pending", "running")


def _original_of(one: Identified) -> str | None:
    return one.original_instance_id


def _workload_of(one: Identified) -> str | None:
    return one.workload_instance_id


def _critical(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Severity.CRITICAL, found, remedy)
