"""What is so in a virtual cloud: instances, jobs, launch settings, and what the tables hold."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from local.fleet import BuiltServer
from local.simulation import VirtualCloud

ORIGIN = {"account": "111122223333", "region": "us-east-1"}
RECOVERY = {"account": "444455556666", "region": "us-east-2"}


class World:
    """Looks at a built fleet and its cloud; changes nothing."""

    def __init__(self, cloud: VirtualCloud, servers: Sequence[BuiltServer]) -> None:
        self.cloud = cloud
        self.servers = {server.name: server for server in servers}

    def target(self, server: str) -> str:
        """The instance id of a server's target."""
        return self.servers[server].target_instance_ids[0]

    def source(self, server: str) -> str:
        """A server's source server id."""
        return self.servers[server].source_server_id

    def drs(self) -> Any:
        """A DRS client of the recovery scope."""
        return self.cloud.client("drs", RECOVERY["account"], RECOVERY["region"])

    def ec2(self, scope: dict[str, str] | None = None) -> Any:
        """An EC2 client, of the recovery scope by default."""
        scope = scope or RECOVERY
        return self.cloud.client("ec2", scope["account"], scope["region"])

    def drs_state(self, place: dict[str, str] | None = None) -> dict[str, Any]:
        """Everything the emulator knows of a scope, the recovery scope by default."""
        place = place or RECOVERY
        _, state = self.cloud.drs.admin("GET", "/state", None)
        return dict(next(s for s in state["scopes"] if s["account"] == place["account"]))

    def launch_settings(self, server: str) -> dict[str, Any]:
        """What GetLaunchConfiguration says, the response's metadata left out."""
        answer = self.drs().get_launch_configuration(sourceServerID=self.source(server))
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}

    def instances(self, scope: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
        """Instances by id: state, address, tags, volumes."""
        pages = self.ec2(scope).get_paginator("describe_instances").paginate()
        return {
            instance["InstanceId"]: {
                "state": instance["State"]["Name"],
                "address": instance.get("PrivateIpAddress"),
                "tags": sorted((tag["Key"], tag["Value"]) for tag in instance.get("Tags", [])),
                "volumes": sorted(
                    (disk["DeviceName"], disk["Ebs"]["VolumeId"]) for disk in instance["BlockDeviceMappings"]
                ),
            }
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }

    def world(self) -> dict[str, Any]:
        """All that a recovery could change, to compare before and after."""
        state, origin = self.drs_state(), self.drs_state(ORIGIN)
        return {
            "reversed": {s["sourceServerID"]: s["launchConfiguration"] for s in origin["sourceServers"]},
            "originJobs": {job["jobID"]: job["status"] for job in origin["jobs"]},
            "originInstances": origin["recoveryInstances"],
            "launch": {s["sourceServerID"]: s["launchConfiguration"] for s in state["sourceServers"]},
            "jobs": {job["jobID"]: job["status"] for job in state["jobs"]},
            "recoveryInstances": state["recoveryInstances"],
            "recovery": self.instances(),
            "origin": self.instances(ORIGIN),
            "pairs": self.pairs(),
        }

    def terminated(self) -> set[str]:
        """Instances that are terminated or will be."""
        return {
            instance_id
            for scope in (ORIGIN, RECOVERY)
            for instance_id, instance in self.instances(scope).items()
            if instance["state"] in ("terminated", "shutting-down")
        }

    def jobs_of(self, server: str) -> list[dict[str, Any]]:
        """The emulator's jobs that hold a server, oldest first."""
        source = self.source(server)
        found = [
            job
            for job in self.drs_state()["jobs"]
            if source in (member["sourceServerID"] for member in job["participatingServers"])
        ]
        return sorted(found, key=lambda job: str(job["creationDateTime"]))

    def overlapping_jobs(self) -> list[tuple[str, str, str]]:
        """Servers with two jobs at once, which must never be."""
        jobs: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for place in (ORIGIN, RECOVERY):
            for job in sorted(self.drs_state(place)["jobs"], key=lambda job: str(job["creationDateTime"])):
                for member in job["participatingServers"]:
                    jobs[member["sourceServerID"]].append(job)
        return [
            (server, earlier["jobID"], later["jobID"])
            for server, times in jobs.items()
            for earlier, later in pairwise(times)
            if earlier.get("endDateTime") is None or earlier["endDateTime"] > later["creationDateTime"]
        ]

    def locks(self) -> dict[str, str]:
        """Locks that are taken, with their owners."""
        items = self.items()
        return {
            item["pk"].removeprefix("LOCK#"): item["holder"]
            for item in items
            if item["pk"].startswith("LOCK#")
        }

    def record(self, execution: str, server: str) -> dict[str, Any]:
        """A server's item in the table Executions."""
        source = self.source(server)
        return next(
            item
            for item in self.items()
            if item["pk"].startswith(f"EXECUTION#{execution}#")
            and item["sk"].endswith(f"#{source}")
            and item["sk"].startswith("SERVER#")
        )

    def execution_item(self, execution: str) -> dict[str, Any]:
        """An execution's own item in the table Executions."""
        return next(
            item
            for item in self.items()
            if (item["pk"], item["sk"]) == (f"EXECUTION#{execution}", "EXECUTION")
        )

    def pairs(self) -> dict[str, dict[str, Any]]:
        """The table InstancePairs by source server id."""
        items = self._scan("INSTANCE_PAIRS_TABLE")
        return {item["sourceServerId"]: item for item in items if "pairInstanceId" in item}

    def subjects(self) -> list[str]:
        """The subjects of all notifications, in order."""
        return [message["subject"] for message in self.cloud.notifications]

    def items(self) -> list[dict[str, Any]]:
        """Everything in the table Executions."""
        return self._scan("EXECUTIONS_TABLE")

    def _scan(self, variable: str) -> list[dict[str, Any]]:
        plain = TypeDeserializer()
        pages = self.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=os.environ[variable])
        return [
            {key: plain.deserialize(value) for key, value in item.items()}
            for page in pages
            for item in page["Items"]
        ]
