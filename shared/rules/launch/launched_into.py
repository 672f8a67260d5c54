"""Whether DRS launched a server into its very pair, and left it stopped."""

from __future__ import annotations

from dataclasses import replace

from shared.model.drs import RecoveryInstance
from shared.model.ec2 import Instance
from shared.model.finding import Finding, Severity
from shared.model.server import DetachedVolume, ServerRecord
from shared.model.status import Adoption
from shared.times import iso, parse_time

STARTED_BY_DRS = "STARTED_BY_DRS"


def launched_into_pair(
    server: ServerRecord,
    recovery: RecoveryInstance | None,
    instance: Instance | None,
    detached: tuple[DetachedVolume, ...],
) -> ServerRecord:
    """The launched server confirmed, or FAILED. ``recovery``: DRS's record; ``instance``: its pair in EC2."""
    server = replace(server, detached_volumes=detached)
    if recovery is None or recovery.ec2_instance_id != server.pair_instance_id:
        return _elsewhere(server, recovery)
    running = instance is not None and instance.state in ("pending", "running")
    # An earlier execution that launched it may have started it as well.
    running = running and server.adoption is not Adoption.LAUNCH
    findings = tuple(finding for finding in server.findings if finding.code != STARTED_BY_DRS)
    return replace(
        server,
        recovery_instance_id=recovery.recovery_instance_id,
        recovered_to=recovery.point_in_time and iso(parse_time(recovery.point_in_time)),
        started_by_drs=running,
        findings=(*findings, _started_by_drs(server)) if running else findings,
        reason=None,
        remedy=None,
    )


def _elsewhere(server: ServerRecord, recovery: RecoveryInstance | None) -> ServerRecord:
    found = f"into {recovery.ec2_instance_id}" if recovery else "but shows no recovery instance"
    recovery_id = recovery.recovery_instance_id if recovery else None
    return replace(server, recovery_instance_id=recovery_id).failed(
        f"DRS says launched, {found}; the pair is {server.pair_instance_id}.",
        "Look at the recovery instance in the DRS console before starting either instance; "
        "check launchIntoInstanceProperties of the launch configuration, then run the plan again.",
    )


def _started_by_drs(server: ServerRecord) -> Finding:
    return Finding(
        code=STARTED_BY_DRS,
        severity=Severity.WARNING,
        found=f"DRS started {server.pair_instance_id} at its launch, though its disposition is STOPPED: it "
        "did not wait for the waves that its wave depends on.",
        remedy="Check that its applications coped. Next time run the plan with launchOrder BY_WAVE: then "
        "nothing is launched before the servers that it depends on run.",
    )
