"""Runs the plan's quiesce actions on workloads through Systems Manager, one after the other.

A command that was sent is found again by its comment: a repeated call sends nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.aws.ssm import Invocation, SsmClient
from shared.model.policies import QuiesceAction
from shared.model.server import Change, ServerRecord
from shared.times import iso


class Quiescence:
    """The actions on the servers of one scope; ``changes`` are those that came to an end.

    ``since``: when the execution began, ISO 8601.
    """

    def __init__(
        self, ssm: SsmClient, execution_id: str, since: str, actions: Sequence[QuiesceAction], now: datetime
    ) -> None:
        self._ssm = ssm
        self._id = execution_id
        self._since = since
        self._actions = actions
        self._now = now
        self.changes: list[Change] = []

    def advance(self, servers: Sequence[ServerRecord]) -> int:
        """Send what is due; returns how many servers have an action under way."""
        left = list(servers)
        running = 0
        for number, action in enumerate(self._actions, start=1):
            comment = f"{self._id} quiesce {number}"
            sent = self._ssm.invocations(comment, self._since)
            running += self._send([s for s in left if _instance(s) not in sent], action, comment)
            left, under_way = self._judge([s for s in left if _instance(s) in sent], sent, action)
            running += under_way
        self.changes += [
            Change(server, replace(server, failback=replace(server.failback, quiesced_at=iso(self._now))))
            for server in left
        ]
        return running

    def _judge(
        self, servers: Sequence[ServerRecord], sent: Mapping[str, Invocation], action: QuiesceAction
    ) -> tuple[list[ServerRecord], int]:
        """The servers that the action succeeded on, and on how many it is under way."""
        done, running = [], 0
        for server in servers:
            invocation = sent[_instance(server)]
            if invocation.status == "Success":
                done.append(server)
            elif invocation.is_under_way and not self._is_late(invocation, action):
                running += 1
            else:
                self._fail(server, *_why(invocation, action))
        return done, running

    def _send(self, servers: Sequence[ServerRecord], action: QuiesceAction, comment: str) -> int:
        refused = self._ssm.send(
            [_instance(server) for server in servers],
            action.document,
            action.parameters,
            comment=comment,
            timeout_seconds=action.timeout_seconds,
        )
        for server in servers:
            if error := refused.get(_instance(server)):
                self._fail(server, str(error), error.explanation.remedy)
        return len(servers) - len(refused)

    def _is_late(self, invocation: Invocation, action: QuiesceAction) -> bool:
        return self._now - invocation.requested_at > timedelta(seconds=action.timeout_seconds)

    def _fail(self, server: ServerRecord, reason: str, remedy: str) -> None:
        self.changes.append(Change(server, server.failed(f"Not quiesced: {reason}", remedy)))


def _instance(server: ServerRecord) -> str:
    return server.failback.workload_instance_id or ""


def _why(invocation: Invocation, action: QuiesceAction) -> tuple[str, str]:
    command = f"--command-id {invocation.command_id} --instance-id {invocation.instance_id}"
    if invocation.is_under_way:
        reason = f"{action.document} did not end within {action.timeout_seconds} s."
    else:
        reason = f"{action.document} ended as {invocation.status}."
    return reason, (
        f"Read its output: aws ssm get-command-invocation {command}. The workload still runs on "
        f"{invocation.instance_id}: check that it serves, repair the command, and start the failback again."
    )
