"""What is not sure about the original that a server would fail back into: all of it critical."""

from __future__ import annotations

from collections.abc import Iterator

from shared.model.finding import Finding, Severity
from shared.model.original import OriginalClaim
from shared.model.prerequisite_facts import CheckFailure
from shared.rules.failback.identity import IdentifyFacts
from shared.rules.originals import findings
from shared.rules.originals.claims import running_there

ON = ("pending", "running", "stopping")


def claim_issues(facts: IdentifyFacts) -> Iterator[Finding]:
    """A failback overwrites the original, so that another machine's must never be taken for it."""
    confirmed = facts.confirmed_original is not None and facts.confirmed_original == facts.original_id
    for code, failure in (
        ("ORIGINAL_AMBIGUOUS", findings.ambiguous(facts.server, facts.contested)),
        ("ORIGINAL_CONTRADICTED", findings.contradicted(facts.server, facts.original)),
        ("ORIGINAL_IN_USE", _in_use(facts)),
        ("ORIGINAL_CHANGED", None if confirmed else _changed(facts)),
    ):
        if failure is not None:
            yield Finding(code, Severity.CRITICAL, failure.found, failure.remedy)


def _changed(facts: IdentifyFacts) -> CheckFailure | None:
    return findings.changed(facts.server, facts.original_id, facts.recorded_original)


def _in_use(facts: IdentifyFacts) -> CheckFailure | None:
    original = facts.original
    others = running_there(facts.contested, facts.server.source_server_id)
    if original is None or original.state not in ON or not others:
        return None
    return CheckFailure(
        f"{original.instance_id} is {original.state}, and by our records it runs the workload of "
        f"{', '.join(map(_named, others))}: it is not stopped for {facts.server.name}.",
        "If that record is outdated, delete its item of the table InstancePairs; if the instance is not "
        f"needed, stop it: aws ec2 stop-instances --instance-ids {original.instance_id} --region "
        f"{original.scope.region}. Then start the failback again.",
    )


def _named(claim: OriginalClaim) -> str:
    return f"{claim.name} ({claim.source_server_id})"
