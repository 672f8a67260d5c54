"""Which servers get their own launch settings back, and what the operator does where that failed."""

from __future__ import annotations

from collections.abc import Sequence

from shared.model.finding import Finding, Severity
from shared.model.policies import Mode
from shared.model.server import ServerRecord


def is_to_be_restored(server: ServerRecord, mode: Mode) -> bool:
    """Whether the server gets its own launch settings back: always after a drill, and once undone."""
    changed = server.launch_changed and server.previous_launch is not None
    return changed and (
        mode is Mode.DRILL or server.launched_at is None or server.drill.cleaned_up_at is not None
    )


def not_restored(servers: Sequence[ServerRecord], mode: Mode) -> list[Finding]:
    """The servers that still have ours, with the command that restores theirs."""
    return [
        Finding(
            code="LAUNCH_SETTINGS_NOT_RESTORED",
            severity=Severity.WARNING,
            found=f"The launch settings of {server.name} ({server.source_server_id}) are still those for "
            f"launching into {server.pair_instance_id}.",
            remedy=f"Put them back when no job holds the server: {command_to_restore(server)}",
        )
        for server in servers
        if is_to_be_restored(server, mode)
    ]


def command_to_restore(server: ServerRecord) -> str:
    """The AWS CLI command that puts the previous launch settings back."""
    previous = server.previous_launch
    if previous is None:
        return "see its record in the table Executions."
    return (
        f"aws drs update-launch-configuration --source-server-id {server.drs_server_id} "
        f"--launch-into-instance-properties launchIntoEC2InstanceID={previous.launch_into_instance_id or ''} "
        f"--launch-disposition {previous.launch_disposition} "
        f"--target-instance-type-right-sizing-method {previous.right_sizing} "
        f"--{'' if previous.copy_private_ip else 'no-'}copy-private-ip "
        f"--{'' if previous.copy_tags else 'no-'}copy-tags --region {server.scope.region}"
    )
