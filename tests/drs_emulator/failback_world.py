"""A world with two sides, origin and recovery Region, with DRS in both, seen by boto3."""

from __future__ import annotations

from typing import Any

from drs_emulator import Settings
from drs_emulator.contract import MetricSink
from drs_emulator.small_ec2 import InstanceSpec
from tests.drs_emulator.world import ACCOUNT, GIB, REGION, TARGET_TAGS, World

ORIGIN_ACCOUNT, ORIGIN_REGION = "111111111111", "us-east-1"
QUICK = Settings(initial_sync_bytes_per_second=float(GIB), rescan_bytes_per_second=float(GIB))
TEMPLATE: dict[str, Any] = {
    "stagingAreaSubnetId": "subnet-00000000000000000",
    "associateDefaultSecurityGroup": True,
    "replicationServersSecurityGroupsIDs": [],
    "replicationServerInstanceType": "t3.small",
    "useDedicatedReplicationServer": False,
    "defaultLargeStagingDiskType": "GP3",
    "ebsEncryption": "DEFAULT",
    "bandwidthThrottling": 0,
    "dataPlaneRouting": "PRIVATE_IP",
    "createPublicIP": False,
    "stagingAreaTags": {},
    "pitPolicy": [
        {"ruleID": 1, "units": "MINUTE", "interval": 10, "retentionDuration": 60, "enabled": True},
        {"ruleID": 2, "units": "HOUR", "interval": 1, "retentionDuration": 24, "enabled": True},
        {"ruleID": 3, "units": "DAY", "interval": 1, "retentionDuration": 7, "enabled": True},
    ],
}


class FailbackWorld(World):
    """``client`` is the recovery side, ``origin`` the other, where DRS is ready unless ``ready`` is False."""

    def __init__(
        self, settings: Settings | None = None, *, ready: bool = True, metrics: MetricSink | None = None
    ) -> None:
        super().__init__(settings or QUICK, metrics=metrics)
        self.origin = self.make_client(ORIGIN_ACCOUNT, ORIGIN_REGION)
        if ready:
            self.origin.initialize_service()
            self.origin.create_replication_configuration_template(**TEMPLATE)

    def original(self, name: str = "web-1", **more: Any) -> str:
        """A running, tagged instance at the origin: A1."""
        spec = InstanceSpec(**{"name": name, "state": "running", "tags": TARGET_TAGS, **more})
        return self.ec2.add_instance(ORIGIN_ACCOUNT, ORIGIN_REGION, spec)

    def protected(self, name: str = "web-1", **more: Any) -> tuple[str, str, str]:
        """A1, B1 that protects it, and the stopped instance B1 launches into (B3)."""
        original = self.original(name)
        server = self.server(
            name,
            awsInstanceID=original,
            originAccountID=ORIGIN_ACCOUNT,
            originRegion=ORIGIN_REGION,
            originAvailabilityZone=f"{ORIGIN_REGION}a",
            **more,
        )
        target = self.target(name)
        self.client.update_launch_configuration(
            sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}
        )
        return original, server, target

    def failed_over(self, name: str = "web-1", **more: Any) -> tuple[str, str, str]:
        """The same after a failover: A1 is stopped, B3 runs."""
        original, server, target = self.protected(name, **more)
        self.fail_over(original, server)
        return original, server, target

    def fail_over(self, original: str, server: str) -> None:
        """Stop A1 and launch B1."""
        self.ec2.change(ORIGIN_ACCOUNT, ORIGIN_REGION, original, state="stopped")
        self.finish(self.start(server))

    def reverse(self, target: str) -> str:
        """Reverse B3, once its agent has checked in; returns the id of A2."""
        self.clock.advance(420)
        return _id(self.client.reverse_replication(recoveryInstanceID=target))

    def reversed_pair(self, name: str = "web-1", **more: Any) -> tuple[str, str, str, str]:
        """A1, B1, B3 and A2, in sync."""
        original, server, target = self.failed_over(name, **more)
        reversed_server = self.reverse(target)
        self.clock.advance(3600)
        return original, server, target, reversed_server

    def fail_back(self, original: str, reversed_server: str) -> None:
        """Launch A2 into A1."""
        self.origin.update_launch_configuration(
            sourceServerID=reversed_server,
            copyTags=False,
            copyPrivateIp=False,
            launchIntoInstanceProperties={"launchIntoEC2InstanceID": original},
        )
        answer = self.origin.start_recovery(sourceServers=[{"sourceServerID": reversed_server}])
        self.finish_failback(answer["job"]["jobID"])

    def finish_failback(self, job_id: str) -> None:
        """Let time pass until a job at the origin is completed."""
        for _ in range(400):
            job = self.origin.describe_jobs(filters={"jobIDs": [job_id]})["items"][0]
            if job["status"] == "COMPLETED":
                assert {part["launchStatus"] for part in job["participatingServers"]} == {"LAUNCHED"}
                return
            self.clock.advance(30)
        raise AssertionError(f"{job_id} does not end")

    def reprotect(self, original: str) -> str:
        """Reverse A3, once its agent has checked in; returns the id of B1."""
        self.clock.advance(420)
        return _id(self.origin.reverse_replication(recoveryInstanceID=original))

    def retire(self, target: str, reversed_server: str, original: str) -> None:
        """Leave nothing of the failback but the protected original."""
        self.origin.stop_replication(sourceServerID=reversed_server)
        self.client.delete_recovery_instance(recoveryInstanceID=target)
        self.origin.delete_recovery_instance(recoveryInstanceID=original)
        self.origin.disconnect_source_server(sourceServerID=reversed_server)
        self.origin.delete_source_server(sourceServerID=reversed_server)

    def at_origin(self, server: str) -> dict[str, Any]:
        """A source server of the origin side."""
        found = self.origin.describe_source_servers(filters={"sourceServerIDs": [server]})["items"]
        return dict(found[0])

    def info(self, server: str) -> dict[str, Any]:
        """The dataReplicationInfo of a server of either side."""
        both = (self.client, self.origin)
        items = [
            item
            for side in both
            for item in side.describe_source_servers(filters={"sourceServerIDs": [server]})["items"]
        ]
        return dict(items[0]["dataReplicationInfo"])

    def state(self, server: str) -> str:
        """The dataReplicationState of a server of either side."""
        return str(self.info(server)["dataReplicationState"])

    def states(self, server: str, seconds: float, step: float = 10) -> list[str]:
        """The states a server is seen in while ``seconds`` pass."""
        seen = [self.state(server)]
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            if (now := self.state(server)) != seen[-1]:
                seen.append(now)
        return seen

    def recovery_instance(self, instance_id: str, side: Any = None) -> dict[str, Any]:
        """A recovery instance as DescribeRecoveryInstances shows it."""
        answer = (side or self.client).describe_recovery_instances(
            filters={"recoveryInstanceIDs": [instance_id]}
        )
        return dict(answer["items"][0])

    def reported(self, detail_type: str) -> list[tuple[str, str]]:
        """(resource, state) of the events of a kind, in order."""
        return [
            (event["resources"][0].rpartition("/")[2], event["detail"]["state"])
            for event in self.events.events
            if event["detail-type"] == detail_type
        ]

    def state_of(self, account: str, region: str, instance_id: str) -> str:
        """The EC2 state of an instance."""
        client = self.ec2.client(account, region, None)
        found = client.describe_instances(InstanceIds=[instance_id])["Reservations"]
        return str(found[0]["Instances"][0]["State"]["Name"])

    def here(self, instance_id: str) -> str:
        """The EC2 state of an instance of the recovery side."""
        return self.state_of(ACCOUNT, REGION, instance_id)


def _id(answer: dict[str, Any]) -> str:
    return str(answer["reversedDirectionSourceServerArn"]).rpartition("/")[2]
