"""QuiesceWorkloads: bring the workload to rest on the recovery side, so that the cutover loses no write.

What was sent is found again by its comment at Systems Manager: a repeated call sends nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from shared.aws.ssm import Invocation, SsmClient
from shared.model.policies import QuiesceAction
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.pauses import cutover_pause
from shared.settings import ExecutionSettings
from shared.task import Run, task
from shared.times import iso

WAIT_SECONDS = 10
PAUSED_SECONDS = 60
"""Until the next look at a pause that came after the cutover was approved."""


@task(ExecutionSettings)
def handler(run: Run[ExecutionSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{running, failed, waitSeconds}``.

    Every server gets the plan's actions one after the other. One whose action fails is left behind.
    """
    store = run.store
    execution = run.execution
    if execution.record.cancellation is not None:
        return {"running": 0, "failed": 0, "waitSeconds": 0}
    if cutover_pause(execution.record, execution.policies.failback):
        return {"running": 1, "failed": 0, "waitSeconds": PAUSED_SECONDS}
    accounts = run.accounts
    servers = [server for server in store.servers(run.execution_id) if _is_to_rest(server)]
    changes: list[ServerChange] = []
    running = 0
    for scope in sorted({server.workload_scope or server.scope for server in servers}):
        site = _Quiescence(
            SsmClient(accounts, scope), run, execution.record.started_at, execution.policies.failback.quiesce
        )
        members = [server for server in servers if (server.workload_scope or server.scope) == scope]
        running += site.go_on(members)
        changes += site.changes
    done = store.change_servers(run.execution_id, changes, only_from=(ServerStatus.REPLICATED,))
    failed = sum(server.status is ServerStatus.FAILED for server in done)
    return {"running": running, "failed": failed, "waitSeconds": WAIT_SECONDS}


def _is_to_rest(server: ServerRecord) -> bool:
    """Not one that an earlier execution has launched: its workload was stopped for that."""
    return (
        server.status is ServerStatus.REPLICATED
        and server.quiesced_at is None
        and server.adoption is None
        and server.workload_instance_id is not None
    )


class _Quiescence:
    """The actions on the servers of one scope; ``changes`` are those that came to an end."""

    def __init__(self, ssm: SsmClient, run: Run[Any], since: str, actions: Sequence[QuiesceAction]) -> None:
        self._ssm = ssm
        self._run = run
        self._since = since
        self._actions = actions
        self.changes: list[ServerChange] = []

    def go_on(self, servers: Sequence[ServerRecord]) -> int:
        """Send what is due; returns how many servers have an action under way."""
        left = list(servers)
        running = 0
        for number, action in enumerate(self._actions, start=1):
            comment = f"{self._run.execution_id} quiesce {number}"
            sent = self._ssm.invocations(comment, self._since)
            unsent = [server for server in left if (server.workload_instance_id or "") not in sent]
            judged = [server for server in left if (server.workload_instance_id or "") in sent]
            running += self._send(unsent, action, comment)
            left = []
            for server in judged:
                invocation = sent[server.workload_instance_id or ""]
                if invocation.status == "Success":
                    left.append(server)
                elif invocation.is_under_way and not self._is_late(invocation, action):
                    running += 1
                else:
                    self._fail(server, *_why(invocation, action))
        self.changes += [ServerChange(server, {"quiesced_at": iso(self._run.now)}) for server in left]
        return running

    def _send(self, servers: Sequence[ServerRecord], action: QuiesceAction, comment: str) -> int:
        refused = self._ssm.send(
            [server.workload_instance_id or "" for server in servers],
            action.document,
            action.parameters,
            comment=comment,
            timeout_seconds=action.timeout_seconds,
        )
        for server in servers:
            if error := refused.get(server.workload_instance_id or ""):
                self._fail(server, str(error), error.explanation.remedy)
        return len(servers) - len(refused)

    def _is_late(self, invocation: Invocation, action: QuiesceAction) -> bool:
        return self._run.now - invocation.requested_at > timedelta(seconds=action.timeout_seconds)

    def _fail(self, server: ServerRecord, reason: str, remedy: str) -> None:
        values = {"status": ServerStatus.FAILED, "reason": f"Not quiesced: {reason}", "remedy": remedy}
        self.changes.append(ServerChange(server, values))


def _why(invocation: Invocation, action: QuiesceAction) -> tuple[str, str]:
    command = f"--command-id {invocation.command_id} --instance-id {invocation.instance_id}"
    if invocation.is_under_way:
        reason = f"{action.document} did not end within {action.timeout_seconds} s."
    else:
        reason = f"{action.document} ended as {invocation.status}."
    return reason, (
        f"Read its output: aws ssm get-command-invocation {command}. The workload still runs on "
        f"{invocation.instance_id}: see that it serves, mend the command, and start the failback again."
    )
