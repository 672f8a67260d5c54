"""Checks of the originals that a failover or drill makes, all of them warnings: it needs no origin."""

from __future__ import annotations

from shared.model.policies import Policies
from shared.model.prerequisite_facts import CheckFailure, ScopeFacts, ServerFacts
from shared.rules.originals import findings
from shared.times import parse_time


def ambiguous(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    return findings.ambiguous(facts.server, facts.contested)


def contradicted(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    return findings.contradicted(facts.server, facts.original)


def changed(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    return findings.changed(facts.server, facts.server.original_instance_id, facts.recorded_original)


def runs(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    original = facts.original
    if original is None or original.state not in findings.RUNS:
        return None
    return findings.still_runs(facts.server.name, original)


def unknown(facts: ScopeFacts) -> CheckFailure | None:
    if facts.origin_silence is None:
        return None
    return CheckFailure(
        "EC2 of the origin did not say whether the originals of the servers that are recovered to "
        f"{facts.scope} run: {facts.origin_silence}",
        "Nothing if the origin is lost. If it comes back, see that the originals are stopped before users "
        "reach them: both sides would run.",
    )


def not_reprotected(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """A launch into the original replaces the disks that the agent was on: its server is dead from then on
    (seen on AWS, and in AWS's own drs-ec2 sample)."""
    server, back = facts.server, facts.failed_back_at
    if back is None or server.replication_state == "CONTINUOUS" or server.last_seen is None:
        return None
    if parse_time(server.last_seen) >= parse_time(back):
        return None
    return CheckFailure(
        f"{server.name} failed back at {back} and was not protected again: the agent was last seen at "
        f"{server.last_seen}, and the newest copy is of before the failback.",
        "Protect it: run the failback of this plan again. If the origin is lost, the newest data may be on "
        f"the disks of {facts.target.instance_id}: start it instead of launching into it. To recover the "
        "older copy all the same, override NOT_REPROTECTED with a reason.",
    )
