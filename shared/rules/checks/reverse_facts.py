"""What the checks before a reverse replication read: gathered by gateways, judged by
``shared.rules.checks.reverse_prerequisites``."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.drs import RecoveryInstance, SourceServer
from shared.model.ec2 import Instance
from shared.model.prerequisite_facts import ProfileFacts, ScopeFacts
from shared.model.scope import Scope
from shared.rules.failback.identity import Stage

ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class EgressRule:
    """An outbound rule of a security group. ``protocol`` as in EC2: "tcp", "-1" for all.

    ``destination``: a CIDR block, or the id of a prefix list or security group. Ports None: all.
    """

    protocol: str
    from_port: int | None
    to_port: int | None
    destination: str


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the subnet's route table. ``target``: "igw-…", "nat-…", "tgw-…", "local", …"""

    destination: str
    target: str
    active: bool = True  # False: a black hole


@dataclass(frozen=True, slots=True)
class AclEntry:
    """An outbound entry of the subnet's network ACL. ``protocol`` "-1" or a number ("6" is TCP)."""

    number: int
    allow: bool
    protocol: str
    from_port: int | None
    to_port: int | None
    destination: str


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """The egress of the subnet that the workload runs in.

    ``acl``: None if it was not read. ``public_ip``: whether the instance has one, which egress through an
    internet gateway needs. ``staging_destination``: the CIDR block of the staging subnet at the origin
    where data go over private addresses, else ANYWHERE.
    """

    egress: tuple[EgressRule, ...]
    routes: tuple[Route, ...]
    acl: tuple[AclEntry, ...] | None = None
    public_ip: bool = False
    staging_destination: str = ANYWHERE


@dataclass(frozen=True, slots=True)
class MetadataFacts:
    """``MetadataOptions`` of the workload instance: whether its metadata can be read at all."""

    endpoint_enabled: bool
    tokens_required: bool = False


@dataclass(frozen=True, slots=True)
class ReverseServerFacts:
    """One server that is to fail back. B1 to A3 as in ``shared.rules.failback.identity``.

    ``server`` B1; ``stage`` as identified; ``recovery_instance`` B2; ``workload`` B3; ``original`` A1, None
    if the origin does not know it; ``reversed_server`` A2. ``workload_status_ok``: EC2's status checks of
    B3, None if they were not read. ``network``, ``metadata``, profiles: None if they could not be read.
    ``denied_agent_actions``: what a policy simulation denied B3's role, None if it could not be simulated.
    ``active_job_id``: an unfinished DRS job that holds B1 or A2 and is not to be adopted, in
    ``active_job_scope``.
    ``stopped_for_cutover``: an earlier failback stopped B3 and ended before the launch.
    ``moved_off_original_at``: when our launch took the workload off A1; None if no record of ours did.
    ``stop_protected``: which of B3 and A1 run and cannot be stopped.
    """

    server: SourceServer
    stage: Stage = Stage.TO_REVERSE
    recovery_instance: RecoveryInstance | None = None
    workload: Instance | None = None
    workload_status_ok: bool | None = None
    original: Instance | None = None
    reversed_server: SourceServer | None = None
    network: NetworkFacts | None = None
    metadata: MetadataFacts | None = None
    workload_profile: ProfileFacts | None = None
    original_profile: ProfileFacts | None = None
    denied_agent_actions: tuple[str, ...] | None = None
    active_job_id: str | None = None
    active_job_scope: Scope | None = None
    locked_by_execution: str | None = None
    stopped_for_cutover: bool = False
    moved_off_original_at: str | None = None
    stop_protected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OriginScopeFacts:
    """One origin scope. ``launch``: what every scope that DRS launches in is asked, about this one.

    ``replication_template``: whether there is one; ``staging_subnet`` the subnet it names and
    ``staging_subnet_exists`` whether EC2 knows that. ``replicating_servers``: source servers that replicate
    there now. ``servers_to_reverse``: those that a reversal would add. ``launch_into_source``: the launch
    template's launchIntoSourceInstance; ``launch_copies``: its copy tags or copy private IP is on.
    """

    launch: ScopeFacts
    replication_template: bool = True
    staging_subnet: str | None = None
    staging_subnet_exists: bool = True
    replicating_servers: int = 0
    servers_to_reverse: int = 0
    launch_into_source: bool = False
    launch_copies: bool = False
