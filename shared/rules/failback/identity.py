"""What the identification of an original works on: the facts of a server, and what comes next for it.

B1, B2, B3 are the source server of the pair, its recovery instance and the EC2 instance behind it; A1 is the
original instance, A2 the reversed server (direction FAILBACK, in the origin scope), A3 its recovery instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.model.drs import Job, RecoveryInstance, SourceServer
from shared.model.ec2 import Instance
from shared.model.original import ContestedOriginal, OriginalRecord
from shared.model.pair import PairRecord
from shared.model.policies import StopWorkload
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.model.unreadable_site import UnreadableSite
from shared.times import parse_time

NOT_REVERSED = "NOT_STARTED"
"""``dataReplicationState`` of a recovery instance until ReverseReplication was called for it (field)."""


class Stage(StrEnum):
    """What comes next for a server. The findings decide whether it may come."""

    AT_ORIGIN = "AT_ORIGIN"
    """Nothing to do: the workload runs at the origin, and no reversed server is left."""
    TO_REVERSE = "TO_REVERSE"
    REPLICATING = "REPLICATING"
    """The reversed server exists; it has to be (re)launched when its copy is new enough."""
    LAUNCHING = "LAUNCHING"
    """A DRS job of an earlier execution launches it."""
    LAUNCHED = "LAUNCHED"
    """It was launched into the original instance and not verified."""
    TO_REPROTECT = "TO_REPROTECT"
    """The original instance runs the workload; it has to be protected again."""
    TO_RETIRE = "TO_RETIRE"
    """It replicates again, or soon will; the recovery side has to be retired."""


BEFORE_LAUNCH = (Stage.TO_REVERSE, Stage.REPLICATING)
"""Stages in which the instance on the recovery side has to run and the original may be stopped."""
BEFORE_VERIFICATION = (*BEFORE_LAUNCH, Stage.LAUNCHING, Stage.LAUNCHED)


def presumed_original(
    server: SourceServer, pair: PairRecord | None, confirmed_original: str | None
) -> str | None:
    """The id of the instance to describe as the original: as recorded, as confirmed, or as DRS hints."""
    recorded = pair.original_instance_id if pair else None
    return recorded or confirmed_original or server.original_instance_id


@dataclass(frozen=True, slots=True)
class IdentifyFacts:
    """One server and what is around it.

    ``server`` B1; ``recovery_instance`` B2; ``workload`` B3, None if EC2 does not know it; ``original`` A1 as
    EC2 describes it (the recorded one, else the confirmed one, else that of the hints; see
    ``presumed_original``); ``origin`` the origin scope of the site,
    ``origin_denied`` why it denies access, if that is why it is not readable. ``reversed_server`` A2: by
    direction FAILBACK and ``original_instance_id`` == B3's id, never by its ARN. ``failback_instance`` A3.
    ``confirmed_original``: the original of B3 by the request's confirmOriginals.
    ``earlier_job``: the unfinished, else the last LAUNCH job at the origin that holds A2 and has our tags.
    ``earlier``, ``earlier_execution``: the server's record in the newest earlier failback of it, and the id
    of that execution, where there is one. ``contested``: A1, where another server names it too;
    ``recorded_original``: as quiet times recorded it.
    """

    server: SourceServer
    pair: PairRecord | None = None
    recovery_instance: RecoveryInstance | None = None
    workload: Instance | None = None
    original: Instance | None = None
    origin: Scope | None = None
    origin_readable: bool = True
    origin_denied: UnreadableSite | None = None
    reversed_server: SourceServer | None = None
    failback_instance: RecoveryInstance | None = None
    confirmed_original: str | None = None
    earlier_job: Job | None = None
    earlier: ServerRecord | None = None
    earlier_execution: str | None = None
    stop_workload: StopWorkload = StopWorkload.BEFORE_LAUNCH
    contested: ContestedOriginal | None = None
    recorded_original: OriginalRecord | None = None

    @property
    def original_id(self) -> str | None:
        """The id of A1: see ``presumed_original``."""
        return presumed_original(self.server, self.pair, self.confirmed_original)

    @property
    def workload_id(self) -> str | None:
        """The id of B3, from the best source that there is."""
        if self.recovery_instance is not None:
            return self.recovery_instance.ec2_instance_id
        if self.reversed_server is not None:
            return self.reversed_server.original_instance_id
        return self.pair.pair_instance_id if self.pair else None

    @property
    def workload_runs(self) -> bool:
        return self.workload is not None and self.workload.state in ("pending", "running")

    @property
    def recorded_at_origin(self) -> bool:
        """Whether the workload runs at the origin as recorded, and verified."""
        return self.pair is not None and self.pair.workload_side == "ORIGIN" and not self.unverified

    @property
    def unverified(self) -> bool:
        """Whether the failback that brought it to the origin ended before it verified that."""
        return self.pair is not None and self.pair.unverified

    @property
    def failed_over_since(self) -> bool:
        """Whether it was failed over after its last failback: what that left at the origin is old."""
        pair = self.pair
        if pair is None or pair.workload_side == "ORIGIN" or not pair.last_failback_at:
            return False
        moved = pair.last_failover_at
        return moved is not None and parse_time(moved) > parse_time(pair.last_failback_at)

    @property
    def reversed_left_over(self) -> bool:
        """Whether A2 is of an earlier failback: B2 was launched since and never reversed."""
        recovery = self.recovery_instance
        if self.reversed_server is None or recovery is None or recovery.is_drill:
            return False
        return recovery.replication_state == NOT_REVERSED
