"""What is found about an original that is not sure to be the one that a server came from."""

from __future__ import annotations

from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.original import ContestedOriginal, OriginalRecord
from shared.model.prerequisite_facts import CheckFailure
from shared.rules.originals.claims import ambiguity
from shared.rules.originals.evidence import evidence

RUNS = ("pending", "running")


def ambiguous(server: SourceServer, contested: ContestedOriginal | None) -> CheckFailure | None:
    """Another live record names the same original."""
    others = ambiguity(contested, server.source_server_id)
    if contested is None or not others:
        return None
    named = ", ".join(f"{claim.name} ({claim.source_server_id} in {claim.scope})" for claim in others)
    return CheckFailure(
        f"{contested.original_instance_id} is named as the original of {server.name} "
        f"({server.source_server_id}), and of {named}.",
        "Compare host name, MAC and private address of each source server with the instance. Install the DRS "
        "agent of the one that is wrong anew. Disconnect a source server (its id for ID) only if its machine "
        "exists no more, since that deletes its copies: aws drs disconnect-source-server "
        f"--source-server-id ID --region {server.scope.region}; a wrong record is its item in the "
        "table InstancePairs.",
    )


def contradicted(server: SourceServer, original: Instance | None) -> CheckFailure | None:
    """EC2 shows another machine than the one that the agent reports."""
    if original is None or not evidence(server, original).contradicts:
        return None
    reported = _machine(server.hostname or server.name, server.mac_addresses, server.private_ips)
    addresses = (original.private_ip,) if original.private_ip else ()
    return CheckFailure(
        f"The agent of {server.name} reports {reported}; {original.instance_id}, which it names as its "
        f"original, is {_machine(original.name or 'unnamed', original.mac_addresses, addresses)}.",
        f"Find out which instance {server.name} came from. If its network interface was replaced, restart "
        "the DRS agent there, so that it reports the new one. Else install the agent anew.",
    )


def changed(
    server: SourceServer, original_id: str | None, record: OriginalRecord | None
) -> CheckFailure | None:
    """Another original than the one recorded in quiet times."""
    if record is None or original_id in (None, record.original_instance_id):
        return None
    return CheckFailure(
        f"{server.name} came from {record.original_instance_id} when {record.recorded_by} looked at "
        f"{record.recorded_at}; now {original_id} is named.",
        "Find out who changed it. If the original was replaced, prepare the plan, or make a dry run of a "
        "failover: it records the new one as soon as EC2 confirms it.",
    )


def still_runs(name: str, original: Instance) -> CheckFailure:
    return CheckFailure(
        f"{original.instance_id}, the original of {name}, is {original.state} at the origin: after the "
        "failover the workload runs on both sides.",
        "Nothing now, if this is a dry run or a test: users may work there. Right before a failover, stop "
        f"it: aws ec2 stop-instances --instance-ids {original.instance_id} --region {original.scope.region}",
    )


def _machine(name: str, macs: tuple[str, ...], addresses: tuple[str, ...]) -> str:
    return " ".join([name, *macs, *addresses])
