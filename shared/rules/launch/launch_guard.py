"""Right before a launch: what DRS would do by its settings of that moment must be what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.model.drs import LaunchSettings
from shared.model.ec2 import TARGET_TAG_KEY
from shared.model.finding import Finding, Severity
from shared.model.policies import Mode, RecoveryMode
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.launch.launch_changes import LAUNCH_INTO, Step, changes_to_launch_into

CHANGED, OVERWRITTEN = "LAUNCH_INTO_CHANGED", "LAUNCH_SETTINGS_OVERWRITTEN"
CHANGED_LATE = "LAUNCH_INTO_CHANGED_LATE"
WRITTEN_AGAIN = 2
"""How often settings that others change are written again, before their server fails."""


def as_decided(server: ServerRecord, current: LaunchSettings, mode: RecoveryMode) -> bool:
    """Whether DRS would launch the server into its pair, and leave it stopped."""
    return not changes_to_launch_into(current, server.pair_instance_id or "", mode)


def sent_back(
    server: ServerRecord, current: LaunchSettings, recovery_mode: RecoveryMode, mode: Mode
) -> ServerRecord:
    """A server whose settings others have changed: to be configured again, at last FAILED; never launched."""
    found = _found(
        server, changes_to_launch_into(current, server.pair_instance_id or "", recovery_mode), current
    )
    if server.overwritten >= WRITTEN_AGAIN:
        finding = Finding(CHANGED, Severity.CRITICAL, found, _REMEDY.format(server=server.drs_server_id))
        reason = f"{found} It was written {WRITTEN_AGAIN} times more, and changed each time."
        failed = server.failed(reason, finding.remedy)
        return replace(failed, findings=(*_others(server.findings), finding))
    finding = Finding(OVERWRITTEN, Severity.WARNING, found, _REMEDY.format(server=server.drs_server_id))
    return replace(
        server,
        # Back to where ConfigureLaunch takes it up.
        status=ServerStatus.REPLICATED if mode is Mode.FAILBACK else ServerStatus.READY,
        overwritten=server.overwritten + 1,
        findings=(*_others(server.findings), finding),
    )


def changed_late(server: ServerRecord, current: LaunchSettings, scope: Scope) -> Finding | None:
    """In a job already, and its settings name another instance: DRS may read them again at the launch.

    Setting them back helps if DRS reads them then. If it read them when the job began, and they were changed
    before, only the other instance can still refuse: DRS launches into no instance without the tag.
    """
    into, pair = current.launch_into_instance_id, server.pair_instance_id
    if into == pair:
        return None
    return Finding(
        CHANGED_LATE,
        Severity.WARNING,
        f"Since its job {server.job_id} began, the launch settings were changed: DRS may launch it into "
        f"{into or 'a new instance'} instead of {pair}.",
        f"At once, in account {scope.account}: aws drs update-launch-configuration "
        f"--source-server-id {server.drs_server_id} --launch-into-instance-properties "
        f"launchIntoEC2InstanceID={pair} --region {scope.region}{_refuse(into, scope)}. Then find what "
        "changes them (CloudTrail: UpdateLaunchConfiguration).",
    )


def _refuse(into: str | None, scope: Scope) -> str:
    if into is None:
        return ""
    return (
        f"; and so that {into} is not launched into: aws ec2 delete-tags --resources {into} "
        f"--tags Key={TARGET_TAG_KEY} --region {scope.region}; it gets the tag back when the job is over"
    )


_REMEDY = (
    "Find what changes the launch settings of {server} (CloudTrail: UpdateLaunchConfiguration) and stop it. "
    "If the server was not recovered, run the plan again for it."
)


def _found(server: ServerRecord, steps: Sequence[Step], current: LaunchSettings) -> str:
    names = sorted(name for step in steps for name in step if name != LAUNCH_INTO)
    said = []
    if current.launch_into_instance_id != server.pair_instance_id:
        into = current.launch_into_instance_id or "no instance"
        said.append(f"DRS would have launched it into {into} instead of {server.pair_instance_id}")
    if names:
        said.append(f"{', '.join(names)} {'was' if len(names) == 1 else 'were'} changed")
    return f"Launch settings were changed after they were set: {'; '.join(said)}."


def _others(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.code not in (CHANGED, OVERWRITTEN))
