"""ApproveStart, ApproveCutover: ask the operators whether to go on, with the calls that answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.aws.sns import notify
from shared.model.approval import ApprovalAnswer, Subject
from shared.model.execution import ExecutionFields
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.approvals import decided
from shared.rules.control.cli_hints import approve_call
from shared.rules.control.reminders import HOUR, is_due
from shared.settings import ConfigurationSettings, approve_function
from shared.task import Run, task
from shared.times import iso, parse_time

QUESTION = """\
Execution {execution_id} of plan {plan} ({mode}) waits for your approval{of_what}.
Reason given: {reason}. Requested by: {requested_by}.{approvers}

To approve:
{approve}

To reject:
{reject}

Without an answer within {left} it is cancelled. {state}
"""
UNTOUCHED = "Nothing has been changed so far, and nothing is recovered while it waits."
REPLICATED = """\
{ready} servers have a copy at the origin that is new enough, {left} are left behind. The outage begins with
your approval: the workload is stopped on the recovery side and started in the original instances. Until then
it runs, and replicates, as it does now; a rejection changes nothing about that."""


class AlreadyDecidedError(Exception):
    """It was repeated after its answer."""


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, taskToken, leftSeconds, approvers, subject: START | CUTOVER}`` → ``{}``; it waits.

    CUTOVER is asked in the middle of a failback, when the servers are replicated. The operators are asked
    once, and reminded; where the wait was ended by anything else, it goes on without another message.
    Raises AlreadyDecidedError, so that the decision is read.
    """
    store, execution = run.store, run.execution
    record, subject = execution.record, Subject(run.text("subject"))
    is_asked, approvers = record.approval_subject == subject, run.number("approvers")
    answers = store.answers(run.execution_id, subject)
    if decided(answers, approvers) is not None:
        raise AlreadyDecidedError("The operators have decided already.")
    asked: ExecutionFields = {"approval_token": run.text("taskToken"), "approvers": approvers}
    if not is_asked:
        asked |= {"approval_subject": subject, "approval_asked_at": iso(run.now)}
        asked |= {"approval_notified_at": None}
    store.change_execution(run.execution_id, asked)
    left = run.number("leftSeconds")
    minutes = 0
    if is_asked and (last := record.approval_notified_at) is not None:
        since = parse_time(record.approval_asked_at)
        if not is_due(since, parse_time(last), run.now):
            return {}
        minutes = round((run.now - since).total_seconds() / 60)
    request, cutover = record.request, subject is Subject.CUTOVER
    servers = store.servers(run.execution_id) if cutover else []
    notify(
        run.settings.topic_arn,
        f"{execution.plan.name}: approval {'of the cutover ' if cutover else ''}needed"
        + (f", for {minutes} minutes now" if minutes else ""),
        QUESTION.format(
            execution_id=run.execution_id,
            plan=execution.plan.name,
            mode=record.mode.value,
            of_what=" of the cutover" if cutover else "",
            state=_replicated(servers) if cutover else UNTOUCHED,
            reason=request.get("reason", "none"),
            requested_by=request.get("requestedBy", "unknown"),
            approvers=_approvers(answers, approvers),
            approve=approve_call(approve_function(), run.execution_id, "APPROVE", subject),
            reject=approve_call(approve_function(), run.execution_id, "REJECT", subject),
            left=f"{left // 3600} hours" if left >= 2 * HOUR else f"{left // 60} minutes",
        ),
    )
    store.change_execution(run.execution_id, {"approval_notified_at": iso(run.now)})
    return {}


def _approvers(answers: Sequence[ApprovalAnswer], approvers: int) -> str:
    """Who must approve where one is not enough, and who has."""
    if approvers == 1:
        return ""
    done = ", ".join(answer.by for answer in answers if answer.approved) or "none so far"
    return f"\nTwo different people must approve; approved by: {done}."


def _replicated(servers: Sequence[ServerRecord]) -> str:
    ready = sum(server.status is ServerStatus.REPLICATED for server in servers)
    done = sum(server.status is ServerStatus.RECOVERED for server in servers)
    return REPLICATED.format(ready=ready, left=len(servers) - ready - done)
