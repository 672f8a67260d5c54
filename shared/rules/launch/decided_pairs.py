"""Power is used only on the pair that was decided: the record, the decision and EC2 must agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from shared.model.decided_pair import DecidedPair, decided_pair
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE, Instance
from shared.model.finding import Finding, Severity
from shared.model.server import Change, ServerRecord

CHANGED = "DECIDED_PAIR_CHANGED"


def undecided(server: ServerRecord, decided: DecidedPair | None) -> ServerRecord | None:
    """The server FAILED where its record is not as DecidePairs decided; None where it is."""
    if decided is None:
        return _failed(server, f"No pair was decided for {server.name}; its record names {_pair(server)}.")
    if decided_pair(server) == decided:
        return None
    return _failed(
        server,
        f"Its record names {_pair(server)}, but {decided.pair_instance_id} in {decided.scope}"
        f"{_workload(decided)} was decided.",
    )


def split(
    servers: Iterable[ServerRecord], decisions: Mapping[str, DecidedPair]
) -> tuple[list[ServerRecord], list[Change]]:
    """The servers whose record is as decided, and the failure of each other one."""
    good, failed = [], []
    for server in servers:
        if after := undecided(server, decisions.get(server.source_server_id)):
            failed.append(Change(server, after))
        else:
            good.append(server)
    return good, failed


def not_startable(server: ServerRecord, instance: Instance | None) -> ServerRecord | None:
    """The launched server FAILED where its instance is not there, untagged, or in another scope."""
    if instance is None or instance.state in ("terminated", "shutting-down"):
        return server.failed(
            f"{server.pair_instance_id} no longer exists in {server.scope}.",
            "Find out in CloudTrail what terminated it. Create another instance and run the plan again.",
        )
    if instance.scope != server.scope:
        return _failed(server, f"{instance.instance_id} is in {instance.scope} instead of {server.scope}.")
    if not instance.allows_launching_into:
        return server.failed(
            f"{instance.instance_id} lost its tag {TARGET_TAG_KEY} after the launch. It was not started.",
            f"If it is the pair of {server.name}: aws ec2 create-tags --resources {instance.instance_id} "
            f"--tags Key={TARGET_TAG_KEY},Value={TARGET_TAG_VALUE} --region {instance.scope.region}; then "
            "run the plan again for this server: it starts what is launched.",
        )
    return None


def _failed(server: ServerRecord, found: str) -> ServerRecord:
    remedy = (
        "Nothing was done to either instance. Find what changed the record (CloudTrail data events of the "
        "Executions table), then run the plan again for this server."
    )
    finding = Finding(CHANGED, Severity.CRITICAL, found, remedy)
    return replace(server.failed(found, remedy), findings=(*server.findings, finding))


def _pair(server: ServerRecord) -> str:
    pair = decided_pair(server)
    return f"{pair.pair_instance_id or 'no instance'} in {pair.scope}{_workload(pair)}"


def _workload(pair: DecidedPair) -> str:
    return f" with workload {pair.workload_instance_id}" if pair.workload_instance_id else ""
