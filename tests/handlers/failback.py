"""Servers in a failback: failed over, reversed, launched at the origin, as far as a test needs it.

What the first half of a failback does (reversal, launch) is done here by DRS's own calls; the records are
put as its functions leave them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

from shared.model.decided_pair import decided_pair
from shared.model.ec2 import Volume
from shared.model.execution import ExecutionRecord, WaveRecord
from shared.model.policies import LaunchOrder, Mode
from shared.model.server import FailbackProgress, ServerRecord
from shared.model.status import ExecutionStatus, Protection, ServerStatus, WaveStatus
from tests import makers
from tests.drs_emulator.failback_world import TEMPLATE
from tests.handlers.estate import ORIGIN, RECOVERY, Estate, plan_document


@dataclass(frozen=True, slots=True)
class Ids:
    """A1, B1, B3 and A2 of the reference; ``address`` and ``workload_address`` are those of A1 and B3."""

    original: str
    server: str
    workload: str
    reversed: str
    address: str
    workload_address: str
    volumes: tuple[Volume, ...]


class Failback:
    """A failback of servers named ``web-…``, in the wave *web*, opened in the estate's store."""

    def __init__(
        self,
        estate: Estate,
        *names: str,
        failback: dict[str, Any] | None = None,
        drs_created: tuple[str, ...] = (),
        **request: Any,
    ) -> None:
        self.estate = estate
        # moto starts instances by the machine's clock, and an agent checks in some time after that.
        estate.clock.advance(max(0.0, (datetime.now(UTC) - estate.clock.now()).total_seconds()))
        self._origin = estate.drs_client(ORIGIN)
        self._origin.initialize_service()
        self._origin.create_replication_configuration_template(**TEMPLATE)
        plan = plan_document(policies={"failback": failback or {}})
        estate.store.open(
            ExecutionRecord(
                execution_id=estate.execution_id,
                plan_name="erp",
                mode=Mode.FAILBACK,
                status=ExecutionStatus.RUNNING,
                started_at=estate.now,
                dry_run=False,
                launch_order=LaunchOrder.TOGETHER,
                request={"plan": plan, "mode": "FAILBACK", **request},
            ),
            plan,
            estate.clock.now() + timedelta(days=1),
        )
        estate.store.put_waves(estate.execution_id, [WaveRecord("web", (), WaveStatus.RUNNING)])
        self.ids = {name: self._reversed(name, drs_created=name in drs_created) for name in names}

    def call(self, function: ModuleType, **fields: Any) -> dict[str, Any]:
        """Run a function of the wave *web*."""
        answer: dict[str, Any] = self.estate.call(function, wave="web", **fields)
        return answer

    # --- stations

    def record(self, status: ServerStatus, **values: Any) -> None:
        """Put every server's record, as the first half of the failback leaves it."""
        self.estate.store.put_servers(
            self.estate.execution_id,
            [
                ServerRecord(
                    source_server_id=ids.server,
                    name=name,
                    scope=ORIGIN,
                    site="main",
                    status=ServerStatus.READY,
                    wave="web",
                    original_instance_id=ids.original,
                    pair_instance_id=ids.original,
                    private_ip_before=ids.address,
                    volumes_before=ids.volumes,
                    failback=FailbackProgress(
                        workload_instance_id=ids.workload,
                        workload_scope=RECOVERY,
                        workload_private_ip=ids.workload_address,
                        reversed_server_id=ids.reversed,
                        reverse_requested_at=self.estate.now,
                    ),
                )
                for name, ids in self.ids.items()
            ],
        )
        servers = self.estate.store.servers(self.estate.execution_id)
        self.estate.store.put_decisions(self.estate.execution_id, [decided_pair(s) for s in servers])
        self.change(status=status, **values)

    def change(self, *names: str, **values: Any) -> None:
        """Change the records of some servers, or of all, whatever their status."""
        changes = [
            makers.changed(server, values)
            for server in self.estate.servers().values()
            if not names or server.name in names
        ]
        write = self.estate.store.change_servers if "status" in values else self.estate.store.change_settled
        assert len(write(self.estate.execution_id, changes)) == len(changes)

    def launched(self, *names: str) -> None:
        """Launched into the originals, which stay stopped; the workloads rest."""
        chosen = [ids for name, ids in self.ids.items() if not names or name in names]
        for ids in chosen:
            self.estate.ec2().stop_instances(InstanceIds=[ids.workload])
            self._origin.update_launch_configuration(
                sourceServerID=ids.reversed,
                copyTags=False,
                copyPrivateIp=False,
                launchDisposition="STOPPED",
                launchIntoInstanceProperties={"launchIntoEC2InstanceID": ids.original},
            )
        servers = [{"sourceServerID": ids.reversed} for ids in chosen]
        self._finish(ORIGIN, self._origin.start_recovery(sourceServers=servers)["job"]["jobID"])

    def failed_back(self, **values: Any) -> None:
        """The originals run the workload, recorded as recovered."""
        self.launched()
        for ids in self.ids.values():
            self.estate.ec2(ORIGIN).start_instances(InstanceIds=[ids.original])
        self.record(ServerStatus.RECOVERED, verified_at=self.estate.now, **values)

    def protected(self) -> None:
        """Failed back, and DRS protects the originals again; recorded so."""
        self.failed_back()
        self.estate.clock.advance(600)
        for ids in self.ids.values():
            self._origin.reverse_replication(recoveryInstanceID=ids.original)
        self.estate.clock.advance(3600)
        self.change(protection=Protection.PROTECTED, protected_at=self.estate.now)

    # --- what is there

    def state(self, name: str) -> tuple[str, str]:
        """The EC2 states of the original and of the workload instance."""
        ids = self.ids[name]
        original = self.estate.instance(ids.original, ORIGIN)["State"]["Name"]
        return original, self.estate.instance(ids.workload)["State"]["Name"]

    def reversed_servers(self) -> list[str]:
        items = self._origin.describe_source_servers(filters={})["items"]
        return [item["sourceServerID"] for item in items]

    def recovery_instances(self) -> dict[str, list[str]]:
        """What DRS lists on either side."""
        return {
            side: [item["recoveryInstanceID"] for item in client.describe_recovery_instances()["items"]]
            for side, client in (("origin", self._origin), ("recovery", self.estate.drs_client()))
        }

    # --- making it

    def _reversed(self, name: str, *, drs_created: bool) -> Ids:
        estate = self.estate
        original = estate.add_target(name, state="running", scope=ORIGIN)
        [server] = estate.add_servers(
            name, awsInstanceID=original, originAvailabilityZone=f"{ORIGIN.region}a"
        )
        workload = estate.add_target(name)
        drs = estate.drs_client()
        drs.update_launch_configuration(
            sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": workload}
        )
        estate.ec2(ORIGIN).stop_instances(InstanceIds=[original])
        self._finish(RECOVERY, drs.start_recovery(sourceServers=[{"sourceServerID": server}])["job"]["jobID"])
        if drs_created:  # as after a failover by hand, without a target
            estate.ec2().delete_tags(Resources=[workload], Tags=[{"Key": "AWSDRS"}])
            tag = {"Key": "AWSElasticDisasterRecoveryManaged", "Value": "drs.amazonaws.com"}
            estate.ec2().create_tags(Resources=[workload], Tags=[tag])
        estate.clock.advance(600)
        arn = drs.reverse_replication(recoveryInstanceID=workload)["reversedDirectionSourceServerArn"]
        estate.clock.advance(3600)
        at_origin, away = estate.instance(original, ORIGIN), estate.instance(workload)
        return Ids(
            original=original,
            server=server,
            workload=workload,
            reversed=arn.rsplit("/", 1)[-1],
            address=at_origin["PrivateIpAddress"],
            workload_address=away["PrivateIpAddress"],
            volumes=tuple(
                Volume(device=mapping["DeviceName"], size=0, volume_id=mapping["Ebs"]["VolumeId"])
                for mapping in at_origin["BlockDeviceMappings"]
            ),
        )

    def _finish(self, scope: Any, job_id: str) -> None:
        drs = self.estate.drs_client(scope)
        for _ in range(400):
            [job] = drs.describe_jobs(filters={"jobIDs": [job_id]})["items"]
            if job["status"] == "COMPLETED":
                assert {part["launchStatus"] for part in job["participatingServers"]} == {"LAUNCHED"}, job
                return
            self.estate.clock.advance(30)
        raise AssertionError(f"{job_id} does not end")
