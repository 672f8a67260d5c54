"""What contradicts the record of a failover, or leaves open where a server came from: critical findings."""

from __future__ import annotations

from collections.abc import Iterator

from shared.model.drs import SourceServer
from shared.model.finding import Finding, Severity
from shared.model.policies import StopWorkload
from shared.model.scope import Scope
from shared.rules.failback.claimed_original import claim_issues
from shared.rules.failback.identity import BEFORE_LAUNCH, BEFORE_VERIFICATION, IdentifyFacts, Stage


def contradictions(facts: IdentifyFacts, stage: Stage) -> Iterator[Finding]:
    yield from _not_failed_over(facts, stage)
    yield from _original(facts, stage)
    if stage in BEFORE_LAUNCH:
        yield from claim_issues(facts)
    if stage in BEFORE_VERIFICATION:
        yield from _recovery_side(facts, stage)
        yield from _addresses(facts)
    if stage is not Stage.AT_ORIGIN:
        yield from _staging_account(facts)


def staging_account_issue(reversed_server: SourceServer) -> Finding | None:
    """A reversed server must be staged in its own account: the origin's; else it is another's."""
    staged = reversed_server.staging_account
    if staged is None or staged == reversed_server.scope.account:
        return None
    return critical(
        "RECORD_CONTRADICTED_STAGING_ACCOUNT",
        f"The reversed server {reversed_server.source_server_id} is staged in account {staged}; the origin "
        f"is {reversed_server.scope.account}.",
        "Do not launch it. Find out who changed the replication settings: aws drs "
        f"get-replication-configuration --source-server-id {reversed_server.source_server_id} --region "
        f"{reversed_server.scope.region}",
    )


def _not_failed_over(facts: IdentifyFacts, stage: Stage) -> Iterator[Finding]:
    name = facts.server.name
    if stage is Stage.AT_ORIGIN and (facts.pair is None or facts.pair.last_failback is None):
        yield critical(
            "NOT_FAILED_OVER",
            f"{name} has no recovery instance: it was not failed over.",
            "Nothing is to be failed back. Leave it out with onBlocked: CONTINUE, or fail back only what one "
            "execution recovered, with failover: its execution id.",
        )


def _original(facts: IdentifyFacts, stage: Stage) -> Iterator[Finding]:
    server, pair = facts.server, facts.pair
    if stage is Stage.AT_ORIGIN:
        return
    recorded = pair.original_instance_id if pair else None
    hinted, confirmed = server.original_instance_id, facts.confirmed_original
    if recorded is not None:
        for named, by in ((hinted, "DRS"), (confirmed, "The request")):
            if named is not None and named != recorded:
                yield critical(
                    "RECORD_CONTRADICTED_ORIGINAL",
                    f"{by} names {named} as the original of {server.name}; the record of the failover names "
                    f"{recorded}.",
                    "Find out which is right. Correct confirmOriginals in the request, or the item "
                    f"{server.source_server_id} of the table InstancePairs.",
                )
    elif confirmed is None and hinted is None:
        yield critical(
            "ORIGINAL_UNKNOWN",
            f"Neither a record nor DRS names the original of {server.name}.",
            f"Name it in the request: {_confirmation(facts, 'i-…')}",
        )
    elif confirmed is None:
        yield critical(
            "ORIGINAL_UNCONFIRMED",
            f"There is no record of a failover of {server.name}. By DRS, {facts.workload_id} comes "
            f"from {hinted} in {server.origin_account}/{server.origin_region}.",
            f"If that is right, confirm it in the request: {_confirmation(facts, str(hinted))}",
        )
    if facts.origin and server.origin_account and server.origin_region:
        drs_origin = Scope(server.origin_account, server.origin_region)
        if drs_origin != facts.origin:
            yield critical(
                "RECORD_CONTRADICTED_ORIGINAL",
                f"By DRS, {server.name} comes from {drs_origin}; the origin of the site "
                f"{server.site} is {facts.origin}.",
                "Correct the origin of the site in the plan.",
            )
    if not facts.origin_readable:
        yield _origin_unreadable(facts)


def _origin_unreadable(facts: IdentifyFacts) -> Finding:
    denied = facts.origin_denied
    if denied is not None:
        return critical("ORIGIN_UNREADABLE", denied.found, f"{denied.remedy} Then start the failback again.")
    return critical(
        "ORIGIN_UNREADABLE",
        f"The instances of the origin of {facts.server.site} could not be described.",
        "Wait until the Region answers again, and check that the member role exists there; then start "
        "the failback again.",
    )


def _recovery_side(facts: IdentifyFacts, stage: Stage) -> Iterator[Finding]:
    server, pair, instance = facts.server, facts.pair, facts.recovery_instance
    if instance is None or (facts.workload is None and stage in BEFORE_LAUNCH):
        missing = instance.ec2_instance_id if instance else pair.pair_instance_id if pair else "none known"
        yield critical(
            "RECOVERY_INSTANCE_NOT_FOUND",
            f"The recovery instance of {server.name} ({missing}) does not exist in "
            f"{'EC2' if instance else 'DRS'} any more, so its data cannot fail back.",
            "If the instance still runs in EC2, install the DRS agent on it as a new source server towards "
            "the origin. Else fail over again, from the newest point in time.",
        )
        return
    if instance.is_drill:
        yield critical(
            "DRILL_INSTANCE",
            f"{instance.ec2_instance_id} is the recovery instance of a drill of {server.name}.",
            "A failback would put the drill's data over production. Clean up the drill instead.",
        )
    if pair is not None and pair.pair_instance_id != instance.ec2_instance_id:
        yield critical(
            "RECORD_CONTRADICTED_WORKLOAD",
            f"DRS lists {instance.ec2_instance_id} as the recovery instance of {server.name}; the record of "
            f"the failover names {pair.pair_instance_id}.",
            "Find out which of the two runs the workload. If the recorded one is outdated, correct the item "
            f"{server.source_server_id} of the table InstancePairs.",
        )
    elif facts.recorded_at_origin and facts.confirmed_original is None:
        yield critical(
            "RECORD_CONTRADICTED_WORKLOAD",
            f"By the record, {server.name} runs at the origin, in {_recorded_original(facts)}; DRS "
            f"lists the recovery instance {instance.ec2_instance_id}.",
            "If the workload runs on the recovery instance (failed over by hand), confirm it: "
            f"{_confirmation(facts, _recorded_original(facts))}. Else delete the recovery instance in DRS.",
        )
    if facts.reversed_left_over and facts.reversed_server is not None:
        old = facts.reversed_server
        yield Finding(
            "REVERSED_LEFT_OVER",
            Severity.WARNING,
            f"The reversed server {old.source_server_id} in {old.scope} is of an earlier failback: "
            f"{instance.ec2_instance_id} was launched since, and does not replicate to it.",
            "Nothing: the replication is reversed anew, and DRS points that server at the instance again.",
        )
    if (
        stage is Stage.LAUNCHING
        and facts.workload_runs
        and facts.stop_workload is StopWorkload.BEFORE_LAUNCH
        and facts.earlier_job
    ):
        yield critical(
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
            yield critical(
                "RECORD_CONTRADICTED_ADDRESS",
                f"The {word} instance {instance.instance_id} has the private address {instance.private_ip}; "
                f"the record of the failover has {recorded}.",
                "Find out who changed its network interface and put the address back; or correct the item "
                f"{facts.server.source_server_id} of the table InstancePairs.",
            )


def _staging_account(facts: IdentifyFacts) -> Iterator[Finding]:
    server, pair = facts.server, facts.pair
    if pair and pair.staging_account and server.staging_account not in (None, pair.staging_account):
        yield critical(
            "RECORD_CONTRADICTED_STAGING_ACCOUNT",
            f"{server.name} is staged in account {server.staging_account}; the record of the failover has "
            f"{pair.staging_account}.",
            "Find out who moved it: aws drs describe-source-servers --filters "
            f"sourceServerIDs={server.source_server_id} --region {server.scope.region}",
        )
    if facts.reversed_server is not None:
        issue = staging_account_issue(facts.reversed_server)
        if issue is not None:
            yield issue


def _confirmation(facts: IdentifyFacts, original: str) -> str:
    workload = facts.workload_id or "i-…"
    return f'confirmOriginals: [{{"recoveryInstanceId": "{workload}", "originalInstanceId": "{original}"}}]'


def _recorded_original(facts: IdentifyFacts) -> str:
    return (facts.pair and facts.pair.original_instance_id) or "its original instance"


def critical(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Severity.CRITICAL, found, remedy)
