"""Decides about a server: by what a decision checked itself, and by findings that can only block it."""

from __future__ import annotations

from collections.abc import Iterable

from shared.model.decided_pair import DecidedPair
from shared.model.finding import Finding, Severity
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus


def merged(verdict: Iterable[Finding], own: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of the checks and of the decision, in that order; of the same code the decision's."""
    mine = {finding.code: finding for finding in own}
    kept = [finding if finding.code not in mine else mine.pop(finding.code) for finding in verdict]
    return (*kept, *mine.values())


_COUNTS_MOST = (
    ServerStatus.BLOCKED,
    ServerStatus.READY,
    ServerStatus.MATCHED,
    ServerStatus.DISCOVERED,
    ServerStatus.LEFT_OUT,
)


def one_of_each(seen: Iterable[ServerRecord]) -> list[ServerRecord]:
    """One finding of each server, in their order: what blocks it before what a check has reached.

    A server has a second one where its wave changed while its site was read twice, or where one is forged.
    """
    best: dict[str, ServerRecord] = {}
    for server in seen:
        known = best.setdefault(server.source_server_id, server)
        if _rank(server) < _rank(known):
            best[server.source_server_id] = server
    return list(best.values())


def _rank(server: ServerRecord) -> int:
    return _COUNTS_MOST.index(server.status) if server.status in _COUNTS_MOST else len(_COUNTS_MOST)


def as_found(seen: ServerRecord) -> ServerRecord:
    """What is shown of a server that was not decided: never what could be launched, restored or deleted."""
    return ServerRecord(
        source_server_id=seen.source_server_id,
        name=seen.name,
        scope=seen.scope,
        site=seen.site,
        status=seen.status,
        original_instance_id=seen.original_instance_id,
        wave=seen.wave,
        reason=seen.reason,
        remedy=seen.remedy,
        findings=seen.findings,
        skip=seen.skip,
    )


def lost(seen: ServerRecord, decided: DecidedPair) -> ServerRecord:
    """A server whose record is missing although it was decided: a launch of it may have begun."""
    return as_found(seen).failed(
        f"Its record is missing from the Executions table, although {decided.pair_instance_id} was decided.",
        f"Look in the DRS console of {decided.scope} for a job that launched {seen.name}, and whether "
        f"{decided.pair_instance_id} runs. CloudTrail's data events show what deleted the record.",
    )


def contradiction(seen: ServerRecord, own: ServerRecord) -> Finding | None:
    """PAIR_CONTRADICTED where the findings name another pair than the decision found."""
    if (seen.pair_instance_id, seen.failback.workload_instance_id) == (
        own.pair_instance_id,
        own.failback.workload_instance_id,
    ):
        return None
    return _critical(
        "PAIR_CONTRADICTED",
        f"The checks were about {_pair(seen)}; the pair is {_pair(own)}.",
        "See whether a Name tag or the plan was changed meanwhile, then run the plan again.",
    )


def not_checked(server: ServerRecord) -> Finding:
    return _critical(
        "NOT_CHECKED",
        f"No check gave a verdict on {server.name}.",
        "See the log of CheckPrerequisites for its site, then run the plan again.",
    )


def not_of_plan(server: ServerRecord) -> Finding:
    return _critical(
        "SOURCE_SERVER_NOT_FOUND",
        f"{server.source_server_id} is no source server that the plan selects at the site {server.site}.",
        "See in the DRS console whether it was deleted, and whether the plan still selects it.",
    )


def _pair(server: ServerRecord) -> str:
    workload = (
        f" with workload {server.failback.workload_instance_id}"
        if server.failback.workload_instance_id
        else ""
    )
    return f"{server.pair_instance_id or 'no instance'}{workload}"


def _critical(code: str, found: str, remedy: str) -> Finding:
    return Finding(code, Severity.CRITICAL, found, remedy)
