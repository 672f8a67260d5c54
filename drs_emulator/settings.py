"""Every choice of the emulator where AWS is silent, and every number.

Each field's text has what is unknown, the alternatives, and why the default: ``--settings`` prints
them. When a guess decides something, ``Guesses.note`` logs it, so that a test that depends on one
can be found.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from drs_emulator.errors import AdminError


@dataclass(frozen=True, slots=True)
class Settings:
    """The emulator's choices; immutable, changed as a whole by ``changed``."""

    # --- launch-into, where the documentation stops ---
    running_target: Literal["CONFLICT", "LAUNCH_FAILED"] = "CONFLICT"
    """StartRecovery for a target that is not stopped. Observed: ConflictException at once. Alternative:
    the job starts and the server fails at launch (the user guide only says "the launch will fail")."""
    untagged_target: Literal["CONFLICT", "LAUNCH_FAILED"] = "CONFLICT"
    """StartRecovery for a target without AWSDRS=AllowLaunchingIntoThisInstance. Unknown whether it is
    refused at once or fails in the job."""
    missing_target: Literal["CONFLICT", "LAUNCH_FAILED"] = "CONFLICT"
    """StartRecovery for a target that no longer exists. Unknown, as above."""
    untagged_target_at_update: Literal["ACCEPT", "REFUSE"] = "ACCEPT"
    """UpdateLaunchConfiguration that names an untagged target. The console hides such instances; what the
    API does is unknown. REFUSE answers ValidationException."""
    missing_target_at_update: Literal["ACCEPT", "REFUSE"] = "REFUSE"
    """UpdateLaunchConfiguration that names an instance which does not exist in the account and Region.
    Unknown; REFUSE answers ValidationException."""
    mismatch_error: Literal["ValidationException", "ConflictException"] = "ValidationException"
    """The class of the documented text about conflicting instance settings (architecture, platform, boot
    mode). The text is documented, its class is not."""
    mismatch_at_update: Literal["ACCEPT", "REFUSE"] = "REFUSE"
    """Whether UpdateLaunchConfiguration compares target and source. If not, the launch fails in the job."""
    launch_into_with_copy: Literal["REFUSE", "SWITCH_OFF", "ACCEPT"] = "REFUSE"
    """launchIntoEC2InstanceID together with copyTags or copyPrivateIp. The console switches the two off; the
    API does not promise to. REFUSE: ValidationException. SWITCH_OFF: as the console. ACCEPT: StartRecovery
    refuses."""
    empty_target_clears: bool = True
    """An empty launchIntoEC2InstanceID clears the setting. The shape allows length 0, its pattern does not;
    how to clear it is undocumented. False: ValidationException."""
    uefi_linux_target: Literal["MATCH", "REFUSE"] = "MATCH"
    """A UEFI Linux target. The launch-into page demands BIOS, a release note of August 2026 keeps UEFI.
    MATCH: the boot mode must only equal the source's. REFUSE: BIOS only."""
    shared_target: Literal["CONFLICT", "LAST_WINS"] = "CONFLICT"
    """Two servers that launch into one instance at the same time. Undocumented. CONFLICT: StartRecovery is
    refused."""
    settings_read_at: Literal["START", "LAUNCH"] = "START"
    """When DRS reads the launch settings of a job: when it starts, or anew when the launch phase begins.
    Undocumented; UpdateLaunchConfiguration is not refused while a job runs."""
    fast_with_launch_into: Literal["ALLOW", "REFUSE"] = "ALLOW"
    """recoveryMode FAST together with launch-into. No statement either way. REFUSE: ValidationException at
    UpdateLaunchConfiguration."""
    extra_data_volumes: Literal["DETACH", "KEEP"] = "DETACH"
    """Data volumes of the target that the source has no counterpart for. Unknown whether they stay."""
    ignores_disposition: bool = False
    """DRS starts a launched-into instance even if the launch disposition is STOPPED. The documentation does
    not list the disposition among the settings that launch-into switches off; no test is published."""
    cleanup_of_launched_into: Literal["KEEP", "TERMINATE"] = "KEEP"
    """The next launch cleans up the previous recovery instance. Unknown what that means when it was launched
    into. TERMINATE spares only the instance that is launched into again."""
    deletes_own_old_volumes: bool = False
    """A second launch into the same instance deletes the volumes of the first (they carry the DRS tag).
    Unknown; False leaves them detached, like the customer's own."""

    # --- failback, where the documentation stops ---
    uninitialized_origin: Literal[
        "UninitializedAccountException", "ConflictException", "ValidationException"
    ] = "UninitializedAccountException"
    """ReverseReplication while DRS is not initialized at the origin, or has no replication template there.
    Documented as a prerequisite; the class of the refusal is not."""
    launch_into_source_refusal: Literal["ValidationException", "ConflictException"] = "ValidationException"
    """The class of "Some Recovery instances could not be processed", when launchIntoSourceInstance is on and
    the original cannot be launched into. Only the text is documented."""
    reversed_arn: Literal["STALE", "CURRENT"] = "STALE"
    """reversedDirectionSourceServerArn of a server that is reversed again. STALE: that of the first time (the
    field saw it go stale). The answer of ReverseReplication is always right."""
    terminate_after_reprotect: Literal["ALLOW", "REFUSE"] = "ALLOW"
    """TerminateRecoveryInstances for a failed-back instance after re-protection. Only termination during
    failback is known to be refused; ALLOW lets a mistake show."""
    reprotect_of_extended: Literal["CONFLICT", "NEW_SERVER"] = "CONFLICT"
    """ReverseReplication of an instance that came back from an extended server. Its agent has stopped
    replicating (documented); what the call does is unknown. NEW_SERVER: another source server appears."""
    failback_initiated_by: Literal["START_RECOVERY", "FAILBACK"] = "START_RECOVERY"
    """initiatedBy of StartRecovery for a reversed server. Unknown; FAILBACK is documented for
    StartFailbackLaunch."""
    stalls_when_origin_stops: bool = False
    """A server that an agent protects stalls (AGENT_NOT_SEEN) while its instance does not run. True to life,
    but it would stall every server of a failover; reversed servers always do."""

    # --- errors whose class or text is not known ---
    unknown_id: Literal["ConflictException", "ResourceNotFoundException", "ValidationException"] = (
        "ConflictException"
    )
    """Answer of StartRecovery, TerminateRecoveryInstances and DeleteRecoveryInstance to an unknown id. Their
    models have no ResourceNotFoundException; ConflictException is modelled everywhere."""
    not_launchable: Literal["ConflictException", "ValidationException"] = "ConflictException"
    """StartRecovery for a server without a point in time, stopped or disconnected. Class unknown."""
    busy_after_job_seconds: float = 0.0
    """How long a server stays busy after its job has ended. The field saw refusals right after a job; how
    long is unknown."""

    # --- shape of answers ---
    default_page_size: int = 50
    """Items of a page when maxResults is not given. Unknown for every DRS operation."""
    max_page_size: int = 200
    """Largest page; a larger maxResults is cut down to it. Most operations have no modelled maximum."""
    launch_status_before_launch: Literal["PENDING", "ABSENT"] = "PENDING"
    """participatingServers.launchStatus through clean-up, snapshot and conversion: the field saw both."""
    recovery_instance_id_in_job: bool = False
    """Whether a LAUNCH job's participatingServers carry recoveryInstanceID. Real finished jobs lacked it."""
    recovery_instance_id_in_terminate_job: bool = True
    """The same for TERMINATE jobs. Unknown."""
    snapshot_order: Literal["ASC", "DESC"] = "DESC"
    """Order of DescribeRecoverySnapshots when the request gives none. Unknown."""
    terminated_records_seconds: float = 3600.0
    """How long a terminated recovery instance stays listed with state TERMINATED. The field saw such records;
    the user guide says they disappear."""

    # --- new source servers and templates ---
    default_launch_disposition: Literal["STARTED", "STOPPED"] = "STARTED"
    """launchDisposition of a server added without a launch configuration template."""
    default_right_sizing: Literal["NONE", "BASIC", "IN_AWS"] = "BASIC"
    """targetInstanceTypeRightSizingMethod likewise."""
    default_copy_tags: bool = False
    """copyTags likewise."""
    default_copy_private_ip: bool = False
    """copyPrivateIp likewise."""
    seeded_age_days: float = 8.0
    """How long ago a seeded server was added and in sync: enough for the whole point-in-time schedule."""

    # --- quotas (AWS General Reference: not adjustable) ---
    servers_per_job: int = 100
    """L-B827C881. The request shape allows 200."""
    jobs_in_progress: int = 20
    """L-D88FAC3A."""
    servers_in_all_jobs: int = 500
    """L-05AFA8C6."""
    replicating_servers: int = 300
    """L-C1D14A2B. Reported by Service Quotas; the emulator itself allows more."""
    service_quotas: Literal["APPLIED", "UNKNOWN", "DENIED"] = "APPLIED"
    """What Service Quotas reports of DRS. Public lists have the four quotas above; whether an account without
    applied values gets any is unknown. UNKNOWN: none of them. DENIED: AccessDeniedException."""
    tags_per_resource: int = 50
    """Tags of one resource. The class of the refusal is not documented: ValidationException."""

    # --- time, in simulated seconds ---
    time_factor: float = 1.0
    """Multiplies every phase of a job. 1.0 is calibrated on two real drills of about 535 s."""
    wait_before_conversion: float = 52.0
    """Mean wait between the end of the snapshot and the conversion (observed 52 s), deviation 3 s."""
    conversion_linux: tuple[float, float] = (190.0, 330.0)
    """Median and 95th percentile of the conversion of a Linux server (observed about 175 to 197 s)."""
    conversion_windows: tuple[float, float] = (420.0, 900.0)
    """The same for Windows. No measurement is public."""
    launch_linux: tuple[float, float] = (290.0, 420.0)
    """Launch of a new Linux instance (observed 279 and 310 s)."""
    launch_windows: tuple[float, float] = (600.0, 1500.0)
    """Launch of a new Windows instance. No measurement is public."""
    launch_into_linux: tuple[float, float] = (180.0, 300.0)
    """Launch into an existing Linux instance: swap of volumes and start. No measurement is public."""
    launch_into_windows: tuple[float, float] = (300.0, 600.0)
    """The same for Windows. No measurement is public."""
    contention_from: int = 20
    """From this number of servers on, a job's slow tail grows …"""
    contention_seconds: float = 3.0
    """… by this much per server beyond it (added to each 95th percentile). No measurement is public."""
    terminate_seconds: tuple[float, float] = (90.0, 210.0)
    """Shortest and longest TERMINATE job. Unknown."""
    cleanup_seconds: tuple[float, float] = (60.0, 180.0)
    """Shortest and longest clean-up of a previous recovery instance. Unknown."""
    initial_sync_bytes_per_second: float = 80e6
    """Throughput of an initial sync, per server. Depends on network and disks; 8 GiB took 12 to 20 minutes
    in the field, most of it set-up."""
    scope_sync_bytes_per_second: float = 8e9
    """Throughput of all initial syncs into one account and Region together, shared evenly. A guess."""
    agent_check_in_seconds: tuple[float, float] = (120.0, 420.0)
    """Shortest and longest time from the start of a recovery instance until its agent has checked in."""
    reverse_initiating: tuple[float, float] = (60.0, 170.0)
    """Shortest and longest INITIATING (observed 58 to 164 s to the first byte)."""
    creating_snapshot: tuple[float, float] = (30.0, 120.0)
    """Shortest and longest CREATING_SNAPSHOT at the end of an initial sync. No measurement is public."""
    reprotect_stalled: tuple[float, float] = (60.0, 180.0)
    """Shortest and longest STALLED (AGENT_NOT_SEEN) of a server that was just re-pointed. The field saw that
    it is brief."""
    rescan_bytes_per_second: float = 150e6
    """How fast a re-pointed server's disks are read again. No measurement is public."""
    replication_time_factor: float = 1.0
    """Multiplies every duration of replication and the agent's check-in."""
    agent_heartbeat_seconds: float = 60.0
    """How often, at most, EC2 is asked whether the instance of a reversed server's agent runs."""
    staging_job_seconds: tuple[float, float] = (840.0, 1200.0)
    """Median and 95th percentile of the CREATE_CONVERTED_SNAPSHOT job of an extended server (observed about
    14 minutes)."""
    api_latency: bool = False
    """Answers take their time: StartRecovery 1 + 0.3 s per server, others 0.2 s. Needs a clock that runs."""

    def changed(self, changes: dict[str, Any]) -> Settings:
        """A copy with ``changes``; AdminError names a field that is unknown or a value of the wrong kind."""
        hints = get_type_hints(Settings)
        values: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in hints:
                known = ", ".join(field.name for field in dataclasses.fields(Settings))
                raise AdminError(f"unknown setting {name!r}; known are {known}")
            values[name] = _converted(name, hints[name], value)
        return dataclasses.replace(self, **values)


def _converted(name: str, hint: Any, value: Any) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise AdminError(f"setting {name}: {value!r} is not one of {', '.join(get_args(hint))}")
        return value
    if get_origin(hint) is tuple:
        if not (isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))):
            raise AdminError(f"setting {name}: expected two numbers, got {value!r}")
        return (float(value[0]), float(value[1]))
    if hint is bool:
        if not isinstance(value, bool):
            raise AdminError(f"setting {name}: expected true or false, got {value!r}")
        return value
    if not _is_number(value) or value < 0 or (hint is int and value != int(value)):
        raise AdminError(f"setting {name}: expected a number of at least 0, got {value!r}")
    return hint(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Guesses:
    """Which settings have decided something so far, and how often. Each is logged the first time."""

    _log = logging.getLogger("drs_emulator.guesses")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def note(self, setting: str, value: object) -> None:
        """Record that ``setting``, standing at ``value``, decided an answer."""
        with self._lock:
            self._counts[setting] = self._counts.get(setting, 0) + 1
            first = self._counts[setting] == 1
        if first:
            self._log.info("AWS is silent here: the setting %s = %s decided", setting, value)

    def counts(self) -> dict[str, int]:
        """How often each setting has decided."""
        with self._lock:
            return dict(self._counts)
