"""Run Command of AWS Systems Manager in one scope: send a command once, and see what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.aws.cross_account import ONCE, MemberAccounts
from shared.aws.drs_client import chunks
from shared.aws.errors import AccessDeniedError, AwsCallError, calling
from shared.model.scope import Scope
from shared.rules.drs.drs_error_handler import ErrorKind

INSTANCES_PER_COMMAND = 50
"""SendCommand takes at most 50 instance ids (Systems Manager API reference)."""
PAGE = 50
SHORTEST_DELIVERY = 30
"""SendCommand refuses a shorter TimeoutSeconds, the time for reaching the agent (API reference)."""

UNDER_WAY = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
"""Statuses of an invocation that may still become another (Systems Manager user guide, command statuses)."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command on one instance. ``comment`` is the sender's; ``status`` as Systems Manager words it."""

    instance_id: str
    command_id: str
    comment: str
    status: str
    requested_at: datetime

    @property
    def is_under_way(self) -> bool:
        return self.status in UNDER_WAY


class SsmClient:
    """One scope's Systems Manager, acting as the member role behind ``accounts``."""

    def __init__(self, accounts: MemberAccounts, scope: Scope) -> None:
        self.scope = scope
        self._accounts = accounts

    def invocations(self, comment: str, since: str) -> dict[str, Invocation]:
        """The newest invocation with this comment on each instance, of those since ``since`` (ISO 8601)."""
        found: dict[str, Invocation] = {}
        with calling("ListCommandInvocations", str(self.scope)):
            pages = (
                self._accounts.client("ssm", self.scope)
                .get_paginator("list_command_invocations")
                .paginate(Filters=[{"key": "InvokedAfter", "value": since}], MaxResults=PAGE)
            )
            for item in (item for page in pages for item in page["CommandInvocations"]):
                if item.get("Comment") != comment:
                    continue
                invocation = _invocation(item)
                known = found.get(invocation.instance_id)
                if known is None or known.requested_at < invocation.requested_at:
                    found[invocation.instance_id] = invocation
        return found

    def send(
        self,
        instance_ids: Sequence[str],
        document: str,
        parameters: Mapping[str, Sequence[str]],
        *,
        comment: str,
        timeout_seconds: int,
    ) -> dict[str, AwsCallError]:
        """Send a command; returns the instances that Systems Manager refuses, each with its error.

        It has no client token: search for the comment first, and after an ``OutcomeUnknownError`` again.
        Raises that and ThrottledError. A call is refused as a whole for one instance without an agent, so
        it is halved until that one stands alone.
        """
        ssm = self._accounts.client("ssm", self.scope, ONCE)
        refused: dict[str, AwsCallError] = {}
        pending = list(chunks(instance_ids, INSTANCES_PER_COMMAND))
        while pending:
            some = pending.pop()
            try:
                with calling("SendCommand", str(self.scope), has_effect=True):
                    ssm.send_command(
                        InstanceIds=some,
                        DocumentName=document,
                        Parameters={name: list(values) for name, values in parameters.items()},
                        Comment=comment,
                        TimeoutSeconds=max(timeout_seconds, SHORTEST_DELIVERY),
                    )
            except AwsCallError as error:
                about_instances = error.explanation.kind in (ErrorKind.INVALID, ErrorKind.NOT_FOUND)
                if not about_instances and not isinstance(error, AccessDeniedError):
                    raise
                if len(some) == 1:
                    refused[some[0]] = error
                else:
                    middle = len(some) // 2
                    pending += [some[:middle], some[middle:]]
        return refused


def _invocation(item: dict[str, Any]) -> Invocation:
    return Invocation(
        instance_id=item["InstanceId"],
        command_id=item["CommandId"],
        comment=item["Comment"],
        status=item["Status"],
        requested_at=item["RequestedDateTime"],
    )
