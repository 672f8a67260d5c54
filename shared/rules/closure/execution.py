"""The outcomes that the end of an execution gives to what is still open, and the reason it records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.model.execution import ExecutionRecord, WaveFields, WaveRecord
from shared.model.policies import LaunchOrder, Mode
from shared.model.server import ServerRecord
from shared.model.status import ExecutionStatus, Protection, ServerStatus, WaveStatus
from shared.model.unreadable_site import UnreadableSite
from shared.rules.failback.workloads import whereabouts
from shared.rules.waves.outcome import execution_outcome
from shared.times import iso

IN_PROGRESS = "ExecutionInProgressError"
_ENDED = "The execution ended"
CANCELLING = frozenset(
    {"ApprovalRejected", "ApprovalExpired", "ExecutionAborted", "ExecutionCancelled", "ExecutionSuperseded"}
)
"""Errors by which operators end an execution, as opposed to failures."""


@dataclass(frozen=True, slots=True)
class Closure:
    """How an execution ended. ``decision`` is the last one of PlanWaves or ReserveServers, if any."""

    execution_id: str
    started_at: str
    now: datetime
    decision: str | None = None
    unreadable: Sequence[UnreadableSite] = ()
    error: str | None = None
    cause: str | None = None

    @property
    def cancelled(self) -> bool:
        return self.error in CANCELLING

    @property
    def why(self) -> str:
        """The reason for a server or wave that the execution did not come to."""
        if self.error:
            return f"{_ENDED}: {self.error}: {self.cause or 'no cause given'}"
        if self.decision == "BLOCKED":
            return "Other servers are blocked, and the policy is to stop then."
        return "The execution ended before this server's turn."


def with_cancellation(closure: Closure, record: ExecutionRecord) -> Closure:
    """An execution that an operator cancelled ends as cancelled, unless it failed before."""
    if record.cancellation is None or (closure.error is not None and not closure.cancelled):
        return closure
    cause = f"{record.cancellation.by}: {record.cancellation.reason}"
    return replace(closure, error="ExecutionCancelled", cause=cause)


def end_title(record: ExecutionRecord, closure: Closure, *, leaves_out: bool) -> str:
    """Of the notification about the end. One that another kept out has changed nothing."""
    what = "dry run" if record.dry_run else record.mode.value.lower()
    if closure.error == IN_PROGRESS:
        return f"{record.plan_name}: {what} refused, another execution is under way"
    left = "; servers are in no wave" if leaves_out else ""
    return f"{record.plan_name}: {what} {record.status.value.lower().replace('_', ' ')}{left}"


def unrecorded(execution_id: str, started_at: str, *, dry_run: bool = False) -> ExecutionRecord:
    """The record of an execution that was refused before it was opened."""
    return ExecutionRecord(
        execution_id=execution_id,
        plan_name="unknown",
        mode=Mode.FAILOVER,
        status=ExecutionStatus.RUNNING if dry_run else ExecutionStatus.FAILED,
        started_at=started_at,
        dry_run=dry_run,
        launch_order=LaunchOrder.TOGETHER,
        request={},
    )


def closed(
    record: ExecutionRecord, closure: Closure, waves: Sequence[WaveRecord], servers: Sequence[ServerRecord]
) -> ExecutionRecord:
    """The record with its final status, end, reason and remedy."""
    if closure.error and not closure.cancelled:
        status = ExecutionStatus.FAILED
    else:
        status = execution_outcome(
            waves,
            servers,
            mode=record.mode,
            dry_run=record.dry_run and not closure.error,
            cancelled=closure.cancelled,
            blocked=_was_stopped(closure, servers),
            sites_left=bool(closure.unreadable),
        )
    reason, remedy = _explained(closure, status, servers)
    return replace(record, status=status, ended_at=iso(closure.now), reason=reason, remedy=remedy)


def outcome_at_end(server: ServerRecord, closure: Closure) -> ServerRecord:
    """An open server as the end of the execution leaves it: FAILED in a job, SKIPPED before."""
    if server.job_id:
        remedy = (
            f"Look at job {server.job_id} in the DRS console: it continues by itself. "
            f"{server.pair_instance_id} may have been launched; it was not verified. {whereabouts(server)}"
        ).strip()
        return server.failed(f"{closure.why} This server was {server.status.value}.", remedy)
    remedy = (
        server.remedy
        or "Nothing was launched for this server. Repair the cause, then run the plan again. "
        f"{whereabouts(server)}".strip()
    )
    reason = server.reason or closure.why
    return replace(server, status=ServerStatus.SKIPPED, reason=reason, remedy=remedy)


def ended_midway(server: ServerRecord) -> bool:
    """Whether the end of its execution came over a server that a job had launched or was launching."""
    return server.status is ServerStatus.FAILED and (server.reason or "").startswith(f"{_ENDED}: ")


def wave_at_end(
    wave: WaveRecord, servers: Sequence[ServerRecord], closure: Closure, mode: Mode
) -> WaveFields:
    """The fields of a wave that was open when the execution ended."""
    if mode is Mode.FAILBACK and _was_failed_back(wave.name, servers, closure):
        return {"ended_at": iso(closure.now), "status": WaveStatus.COMPLETED}
    status = WaveStatus.SKIPPED if wave.status is WaveStatus.PLANNED else WaveStatus.FAILED
    return {"ended_at": iso(closure.now), "status": status, "reason": closure.why}


def protection_at_end(server: ServerRecord, closure: Closure) -> ServerRecord:
    """A failed-back server whose protection or retirement did not finish."""
    if server.failback.protection in (Protection.RETIRED, Protection.UNPROTECTED):
        return server
    if server.failback.protection is Protection.PROTECTED:
        return replace(
            server,
            failback=replace(
                server.failback,
                protection_reason=server.failback.protection_reason
                or f"It is protected, and its recovery side is not tidied up. {closure.why}",
                protection_remedy=server.failback.protection_remedy
                or "Run the failback again: it tidies up what is left, and launches nothing.",
            ),
        )
    asked = "was not asked to" if server.failback.protection is None else "did not yet"
    return replace(
        server,
        failback=replace(
            server.failback,
            protection=Protection.UNPROTECTED,
            protection_reason=f"{server.pair_instance_id} runs the workload and {asked} replicate to the "
            f"recovery side when the execution ended. {closure.why}",
            protection_remedy="Run the failback again: it protects what is failed back already, and launches "
            "nothing for it.",
        ),
    )


def _was_failed_back(wave: str, servers: Sequence[ServerRecord], closure: Closure) -> bool:
    """Whether an earlier failback left nothing to do for a wave."""
    members = [server for server in servers if server.wave == wave]
    ended_early = bool(closure.error) or closure.decision == "BLOCKED"
    return all(s.status is ServerStatus.RECOVERED for s in members) and not (ended_early and not members)


def _was_stopped(closure: Closure, servers: Sequence[ServerRecord]) -> bool:
    """Whether nothing was done because servers are blocked. Where all is done already, nothing is blocked."""
    done = any(server.status is ServerStatus.RECOVERED for server in servers)
    return closure.decision == "BLOCKED" or (closure.decision == "NOTHING_TO_DO" and not done)


def _explained(
    closure: Closure, status: ExecutionStatus, servers: Sequence[ServerRecord]
) -> tuple[str | None, str | None]:
    if closure.error:
        return f"{closure.error}: {closure.cause or 'no cause given'}", _remedy_of_error(closure, servers)
    if closure.unreadable and (status is ExecutionStatus.BLOCKED or not servers):
        return (
            " ".join(site.found for site in closure.unreadable) + " Nothing was changed.",
            " ".join(site.remedy for site in closure.unreadable)
            + " Or ask with onBlocked CONTINUE, or limit the request to the other sites (sites).",
        )
    if closure.decision == "NOTHING_TO_DO" and servers:
        return (
            "Every server that the plan selects is blocked. Nothing was changed.",
            "Follow each server's remedy. A server that is where it should be already needs nothing: its "
            "finding is TARGET_IN_USE in a failover, NOT_FAILED_OVER in a failback.",
        )
    if closure.decision == "NOTHING_TO_DO":
        return (
            "The plan selects no server that can be recovered.",
            "Tag the source servers dr:enabled=true and dr:recovery-strategy=drs, and check the selectors.",
        )
    if status is ExecutionStatus.BLOCKED:
        return (
            "Servers are blocked, and the policy is to stop then. Nothing was changed.",
            "Follow each blocked server's remedy, or ask with onBlocked CONTINUE to go on without them.",
        )
    return None, None


def _remedy_of_error(closure: Closure, servers: Sequence[ServerRecord]) -> str:
    if not closure.cancelled:
        return "Repair the cause, then run the plan again."
    if any(server.job_id for server in servers):
        return "Servers may have been launched or be running: follow the remedy of each."
    return "Nothing was changed, and nothing more is needed."
