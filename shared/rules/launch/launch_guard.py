"""Right before a launch: what DRS would do by its settings of that moment must be what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.model.drs import LaunchSettings
from shared.model.finding import Finding, Severity
from shared.model.policies import Mode, RecoveryMode
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.launch.launch_changes import LAUNCH_INTO, Step, changes_to_launch_into

CHANGED, OVERWRITTEN = "LAUNCH_INTO_CHANGED", "LAUNCH_SETTINGS_OVERWRITTEN"
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
