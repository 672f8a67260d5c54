"""Waves and DRS jobs: one item each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from boto3.dynamodb.conditions import Attr

from shared.model.execution import JobFields, JobRecord, WaveFields, WaveRecord
from shared.model.scope import Scope
from shared.rules.drs.drs_job_monitor import COMPLETED
from shared.serialization import from_item, to_item
from shared.store.execution_items import ExecutionItems, partition_of, shard_of
from shared.store.writes import put_once, set_if, write, write_one


class WaveItems(ExecutionItems):
    """The waves and jobs of executions."""

    def put_waves(self, execution_id: str, waves: Sequence[WaveRecord]) -> None:
        """Record the planned waves. One that is recorded already stays as it is."""
        common = {"pk": partition_of(execution_id), **self.expiry(execution_id)}
        write(
            [
                put_once(self.table_name, {**common, "sk": f"WAVE#{wave.name}", **to_item(wave)})
                for wave in waves
            ]
        )

    def wave(self, execution_id: str, name: str) -> WaveRecord:
        """Raises ExecutionNotFoundError, also where the execution has no such wave."""
        return from_item(self._get(execution_id, f"WAVE#{name}"), WaveRecord)

    def waves(self, execution_id: str) -> list[WaveRecord]:
        return [from_item(item, WaveRecord) for item in self._query(execution_id, "WAVE#")]

    def change_wave(self, execution_id: str, name: str, values: WaveFields) -> bool:
        """Set fields of a wave that has not ended. False if it has: its outcome is final."""
        open_statuses = {":planned": "PLANNED", ":running": "RUNNING"}
        condition = "#status IN (:planned, :running)"
        return self._set(execution_id, f"WAVE#{name}", values, condition, open_statuses)

    def put_job(self, execution_id: str, job: JobRecord) -> None:
        """Record a job of ours. One that is recorded already stays as it is."""
        key = {"pk": partition_of(execution_id), "sk": f"JOB#{job.job_id}"}
        write_one(put_once(self.table_name, {**key, **to_item(job), **self.expiry(execution_id)}))

    def change_jobs(self, execution_id: str, changes: Mapping[str, JobFields]) -> None:
        """Set fields of recorded jobs, by job id.

        ``recorded``: of so many servers of the job the outcome is on their records.
        """
        partition = partition_of(execution_id)
        write(
            [
                set_if(
                    self.table_name,
                    {"pk": partition, "sk": f"JOB#{job_id}"},
                    values,
                    "attribute_exists(pk)",
                    {},
                )
                for job_id, values in changes.items()
                if values
            ]
        )

    def jobs(self, execution_id: str, *, unfinished: bool = False) -> list[JobRecord]:
        """All jobs of the execution, or those whose end is not recorded."""
        filter = Attr("status").ne(COMPLETED) if unfinished else None
        return [from_item(item, JobRecord) for item in self._query(execution_id, "JOB#", filter=filter)]

    def claim_reminder(self, execution_id: str, due: datetime, now: datetime) -> bool:
        """Whether the caller is to send the reminder that was due then: one of all callers is."""
        return write_one(
            set_if(
                self.table_name,
                {"pk": shard_of(execution_id, "REMINDER"), "sk": "REMINDER"},
                {"status": now.isoformat(), "expires_at": self.expiry(execution_id)["expiresAt"]},
                "attribute_not_exists(#status) OR #status < :due",
                {":due": due.isoformat()},
            )
        )

    def claim_poll(self, execution_id: str, scope: Scope, now: datetime, every: timedelta) -> bool:
        """Whether the caller is to poll DRS for the scope's jobs: one caller in ``every`` is."""
        return write_one(
            set_if(
                self.table_name,
                {"pk": partition_of(execution_id), "sk": f"POLL#{scope}"},
                {
                    "status": (now + every).isoformat(),
                    "expires_at": self.expiry(execution_id)["expiresAt"],
                },
                "attribute_not_exists(#status) OR #status <= :now",
                {":now": now.isoformat()},
            )
        )
