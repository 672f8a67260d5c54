"""What the prerequisite checks read: facts gathered by gateways."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.model.drs import LaunchSettings, RecoveryInstance, SourceServer
from shared.model.ec2 import Instance
from shared.model.iam import Permissions, PermissionsRecord
from shared.model.original import ContestedOriginal, OriginalRecord
from shared.model.policies import Mode
from shared.model.quotas import ScopeLimits
from shared.model.scope import Scope

NOT_ASKED = Permissions(unanswered="Not asked.")


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """What a check found and what to do about it."""

    found: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ProfileFacts:
    """The names of the policies attached to the role behind the target's instance profile.

    ``as_of``: of when they are, where IAM did not answer now.
    """

    policy_names: tuple[str, ...]
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One pair and what is around it.

    ``original``: the original instance, None if it could not be described (its Region may be down).
    ``launch``: None if the launch configuration could not be read.
    ``recorded_private_ip``: of the target when the pair was last recorded, None at the first time.
    ``active_job_id``: an unfinished DRS job that the server is in.
    ``native_plan_run``: the execution of a recovery plan of DRS itself that runs and has the server (ARN).
    ``locked_by_execution``: another execution that has locked the server; ``locked_by_mode``: its mode.
    ``recovery_instance``: the one DRS lists for the server now.
    ``recorded_workload_side``: "ORIGIN" or "RECOVERY" as recorded for the pair, None at the first time.
    ``recorded_target``: the target of the pair as recorded, None at the first time.
    ``paired_by``: "MANUAL" or "NAME".
    ``launches_into``: the other instance that the launch settings name, if it exists.
    ``seen_seconds_ago``: since DRS last saw the agent; ``recovery_point`` (ISO 8601): the time of the
    newest copy; both None if not known. ``rpo_seconds``: the plan's objective.
    ``failed_back_at``: when it failed back last, by the record of a pair that runs at the origin.
    ``contested``: its original, where another server names it too. ``recorded_original``: in quiet times.
    ``profile``: None if it could not be read. ``has_recovery_point``: None if it was not looked up.
    """

    server: SourceServer
    target: Instance
    original: Instance | None = None
    launch: LaunchSettings | None = None
    recorded_private_ip: str | None = None
    active_job_id: str | None = None
    native_plan_run: str | None = None
    locked_by_execution: str | None = None
    locked_by_mode: Mode | None = None
    recovery_instance: RecoveryInstance | None = None
    subnet_exists: bool = True
    missing_security_groups: tuple[str, ...] = ()
    profile: ProfileFacts | None = None
    has_recovery_point: bool | None = None
    recorded_workload_side: str | None = None
    failed_back_at: str | None = None
    contested: ContestedOriginal | None = None
    recorded_original: OriginalRecord | None = None
    mode: Mode = Mode.FAILOVER
    recorded_target: str | None = None
    paired_by: str | None = None
    launches_into: Instance | None = None
    seen_seconds_ago: float | None = None
    recovery_point: str | None = None
    rpo_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class ScopeFacts:
    """One scope that DRS will launch in.

    ``jobs_in_progress`` and ``servers_in_jobs`` count what runs now, of every starter;
    ``permissions``: as simulated now; ``last_permissions``: as they were when IAM answered in quiet times.
    ``origin_silence``: why EC2 of the origin did not describe the originals, None if it did.
    """

    scope: Scope
    jobs_in_progress: int = 0
    servers_in_jobs: int = 0
    servers_to_launch: int = 0
    permissions: Permissions = NOT_ASKED
    last_permissions: PermissionsRecord | None = None
    drs_initialized: bool = True
    origin_silence: str | None = None
    limits: ScopeLimits = field(default_factory=ScopeLimits)
