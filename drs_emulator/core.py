"""What all parts of one emulator share: state and its lock, clock, EC2, events, settings, faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from drs_emulator.clock import Clock
from drs_emulator.contract import Caller, Ec2Access, EventSink, Hooks, Metric
from drs_emulator.faults import Faults
from drs_emulator.settings import Guesses, Settings
from drs_emulator.state import (
    Job,
    LogItem,
    Participant,
    RecoveryInstance,
    Ref,
    Scope,
    SourceServer,
    StateLock,
)
from drs_emulator.state.sync_bandwidth import SharedBandwidth
from drs_emulator.wire.timestamps import to_wire


class Core:
    """The shared parts. Scopes, settings and faults are read and changed under ``lock``.

    EC2 and the event sink are called without the lock, because the same process may serve them.
    """

    def __init__(
        self,
        clock: Clock,
        ec2: Ec2Access,
        events: EventSink,
        settings: Settings,
        seed: int,
        hooks: Hooks,
    ) -> None:
        self.clock = clock
        self.settings = settings
        self.seed = seed
        self.hooks = hooks
        self.lock = StateLock()
        self.guesses = Guesses()
        self.faults = Faults(seed)
        self.scopes: dict[tuple[str, str], Scope] = {}
        self.bandwidths: dict[tuple[str, str], SharedBandwidth] = {}
        """Per account and Region, shared by its initial syncs."""
        self.epoch = 0
        """Counts resets: actions planned before the last one do nothing."""
        self.stalled_seen: set[str] = set()
        """Servers whose stall has been reported by an event."""
        self._ec2 = ec2
        self._events = events

    def now(self) -> datetime:
        """The simulated time."""
        return self.clock.now()

    def scope(self, account: str, region: str) -> Scope:
        """The state of an account in a Region, empty at first."""
        with self.lock:
            return self.scopes.setdefault((account, region), Scope(account, region))

    def bandwidth(self, account: str, region: str) -> SharedBandwidth:
        """The bandwidth that initial syncs into an account and Region share. Called under the lock."""
        found = self.bandwidths.get((account, region))
        if found is None:
            found = self.bandwidths[account, region] = SharedBandwidth(
                self.now, self.later, self._bandwidth_share, self.lock
            )
        return found

    def _bandwidth_share(self, syncing: int) -> float:
        """Bytes per second of each of ``syncing`` servers."""
        settings = self.settings
        rate = min(
            settings.initial_sync_bytes_per_second, settings.scope_sync_bytes_per_second / max(1, syncing)
        )
        return max(1.0, rate) / max(1e-9, settings.replication_time_factor)

    def guess(self, setting: str) -> Any:
        """The value of ``setting``, counted as a guess that decides an answer."""
        value = getattr(self.settings, setting)
        self.guesses.note(setting, value)
        return value

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run ``action`` in ``seconds`` unless the emulator is reset before."""
        epoch = self.epoch

        def unless_reset() -> None:
            if epoch == self.epoch:
                action()

        self.clock.call_later(seconds, unless_reset)

    def ec2(self, scope: Scope, caller: Caller | None) -> Any:
        """EC2 of ``scope`` as ``caller`` through DRS, or as DRS itself for None."""
        self.lock.check_free("EC2 was about to be called")
        return self._ec2.client(scope.account, scope.region, caller)

    def emit(self, scope: Scope, detail_type: str, resource: str, detail: dict[str, Any]) -> None:
        """Send one event to the default bus of ``scope``. Best effort on AWS, reliable here."""
        self.lock.check_free("an event was about to be put")
        event = {
            "source": "aws.drs",
            "detail-type": detail_type,
            "resources": [resource],
            "detail": detail,
            "time": to_wire(self.now()),
        }
        self._events.put(scope.account, scope.region, event)

    def put_metrics(self, scope: Scope, points: Sequence[Metric]) -> None:
        """Put values to CloudWatch of ``scope``."""
        self.lock.check_free("a metric was about to be put")
        self.hooks.metrics.put(scope.account, scope.region, self.now(), points)

    def log(self, job: Job, event: str, **data: Any) -> None:
        """Append to a job's log. Members that are None are left out."""
        with self.lock:
            kept = {key: value for key, value in data.items() if value is not None}
            job.log.append(LogItem(self.now(), event, kept))

    def replication_of(self, server: SourceServer) -> tuple[str, float, str | None]:
        """State, lag in seconds and error of a server's replication, faults included."""
        now, real = self.now(), server.replication
        state, lag, error = real.state, real.lag(now), real.error
        if real.pauses:
            state, error = "STALLED", next(iter(real.pauses.values()))
        elif state == "CONTINUOUS" and (slow := self.faults.standing("NOT_CONVERGING", now, server)):
            state, lag = "BACKLOG", lag + (now - slow.since).total_seconds()
        fault = self.faults.standing("REPLICATION", now, server)
        if fault is None:
            return state, lag, error
        values = fault.values
        state = values.get("state", state)
        error = values.get("error", "AGENT_NOT_SEEN" if state == "STALLED" else None) or error
        return state, float(values.get("lagSeconds", lag)), error

    def server_at(self, ref: Ref | None) -> SourceServer | None:
        """The source server that ``ref`` points at, if it still exists. Called under the lock."""
        scope = self.scopes.get((ref.account, ref.region)) if ref else None
        return scope.servers.get(ref.name) if scope and ref else None

    def instance_at(self, ref: Ref | None) -> RecoveryInstance | None:
        """The recovery instance that ``ref`` points at, likewise."""
        scope = self.scopes.get((ref.account, ref.region)) if ref else None
        return scope.recovery_instances.get(ref.name) if scope and ref else None

    def is_busy(self, scope: Scope, server: SourceServer) -> bool:
        """Whether a job, the time after one, or a fault keeps the server busy."""
        now = self.now()
        if server.busy_until and now < server.busy_until:
            self.guess("busy_after_job_seconds")
            return True
        staging = server.extends
        if staging and staging.name in self.scope(staging.account, staging.region).busy_servers():
            return True
        return server.server_id in scope.busy_servers() or bool(
            self.faults.standing("SERVER_BUSY", now, server)
        )


def new_job(
    core: Core,
    scope: Scope,
    job_type: str,
    initiated_by: str,
    caller: Caller,
    participants: list[Participant],
    tags: dict[str, str],
) -> Job:
    """Create a PENDING job in ``scope``. Called under the lock."""
    job_id = scope.new_id("drsjob", core.seed)
    job = Job(
        job_id,
        scope.arn("job", job_id),
        scope.counters["drsjob"],
        job_type,
        initiated_by,
        core.now(),
        caller,
        participants,
        dict(tags),
    )
    scope.jobs[job_id] = job
    return job
