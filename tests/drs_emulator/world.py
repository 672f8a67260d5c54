"""A DRS emulator on a manual clock with a small EC2, and boto3 clients that reach it in process."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from drs_emulator import Caller, DrsEmulator, Hooks, Request, Response, Settings
from drs_emulator.clock import ManualClock
from drs_emulator.contract import Authorize, MetricSink, NoMetrics, allow_all
from drs_emulator.small_ec2 import InstanceSpec, SmallEc2

ACCOUNT, REGION = "222222222222", "us-east-2"
TARGET_TAGS = {"AWSDRS": "AllowLaunchingIntoThisInstance"}
GIB = 1024**3


class Recorder:
    """An event sink that keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def put(self, account: str, region: str, event: dict[str, Any]) -> None:
        self.events.append({"account": account, "region": region, **event})


class World:
    """One emulator and everything around it."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        seed: int = 0,
        authorize: Authorize = allow_all,
        metrics: MetricSink | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.ec2 = SmallEc2(self.clock)
        self.events = Recorder()
        hooks = Hooks(authorize, metrics=metrics or NoMetrics())
        self.drs = DrsEmulator(self.clock, self.ec2, self.events, settings, seed, hooks)
        self.responses: list[Response] = []
        self.client = self.make_client()

    def make_client(self, account: str = ACCOUNT, region: str = REGION) -> Any:
        """A boto3 DRS client whose requests end in the emulator instead of on the network."""
        client = boto3.client(
            "drs",
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )

        def send(request: AWSPreparedRequest, **_: Any) -> Any:
            parts = urlsplit(request.url)
            body: Any = request.body or b""
            response = self.drs.handle(
                Request(
                    method=request.method,
                    path=parts.path,
                    query=parse_qs(parts.query),
                    headers={key.lower(): str(value) for key, value in request.headers.items()},
                    body=body.encode() if isinstance(body, str) else body,
                    caller=Caller(account, region, account),
                )
            )
            self.responses.append(response)
            return _aws_response(request.url, response)

        client.meta.events.register("before-send.drs", send)
        return client

    def admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """An admin call that must succeed."""
        status, answer = self.drs.admin(method, path, body)
        assert status == 200, answer
        return answer

    def seed(self, *servers: dict[str, Any]) -> list[str]:
        """Add source servers; returns their ids."""
        answer = self.admin(
            "POST",
            "/source-servers",
            {"account": ACCOUNT, "region": REGION, "servers": list(servers)},
        )
        ids: list[str] = answer["sourceServerIDs"]
        return ids

    def server(self, name: str = "web-1", **more: Any) -> str:
        """Add one source server."""
        return self.seed({"hostname": name, "tags": {"Name": name}, **more})[0]

    def target(self, name: str = "web-1", **more: Any) -> str:
        """Add a stopped, tagged instance."""
        return self.ec2.add_instance(ACCOUNT, REGION, InstanceSpec(name=name, tags=TARGET_TAGS, **more))

    def pair(self, name: str = "web-1", **launch: Any) -> tuple[str, str]:
        """A source server that launches into an instance of its own."""
        server, target = self.server(name), self.target(name)
        self.client.update_launch_configuration(
            sourceServerID=server,
            launchIntoInstanceProperties={"launchIntoEC2InstanceID": target},
            **launch,
        )
        return server, target

    def fault(self, kind: str, **fields: Any) -> None:
        """Put one fault in force."""
        self.admin("POST", "/faults", {"faults": [{"kind": kind, **fields}]})

    def start(self, *servers: str, **more: Any) -> str:
        """StartRecovery; returns the job's id."""
        answer = self.client.start_recovery(
            sourceServers=[{"sourceServerID": item} for item in servers], **more
        )
        return str(answer["job"]["jobID"])

    def job(self, job_id: str) -> dict[str, Any]:
        """A job as DescribeJobs shows it."""
        found: dict[str, Any] = self.client.describe_jobs(filters={"jobIDs": [job_id]})["items"][0]
        return found

    def finish(self, job_id: str) -> dict[str, Any]:
        """Let time pass until a job is completed."""
        for _ in range(400):
            job = self.job(job_id)
            if job["status"] == "COMPLETED":
                return job
            self.clock.advance(30)
        raise AssertionError(f"{job_id} does not end")

    def log(self, job_id: str, server: str | None = None) -> list[dict[str, Any]]:
        """A job's log, of one server if given, all pages."""
        pages = self.client.get_paginator("describe_job_log_items").paginate(jobID=job_id)
        items = [item for page in pages for item in page["items"]]
        return [item for item in items if server in (None, item["eventData"].get("sourceServerID"))]

    def events_of(self, job_id: str, server: str | None = None) -> list[str]:
        """The event names of a job's log."""
        return [item["event"] for item in self.log(job_id, server)]

    def source_server(self, server: str) -> dict[str, Any]:
        """A server as DescribeSourceServers shows it."""
        found = self.client.describe_source_servers(filters={"sourceServerIDs": [server]})["items"]
        return dict(found[0])

    def recovery_instances(self, *servers: str) -> list[dict[str, Any]]:
        """The recovery instances of source servers."""
        answer = self.client.describe_recovery_instances(filters={"sourceServerIDs": list(servers)})
        return list(answer["items"])

    def instance(self, instance_id: str) -> dict[str, Any]:
        """An instance as EC2 shows it."""
        client = self.ec2.client(ACCOUNT, REGION, None)
        found = client.describe_instances(InstanceIds=[instance_id])
        return dict(found["Reservations"][0]["Instances"][0])

    def volumes(self) -> dict[str, dict[str, Any]]:
        """All volumes, by id."""
        client = self.ec2.client(ACCOUNT, REGION, None)
        return {item["VolumeId"]: item for item in client.describe_volumes()["Volumes"]}


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [self._body]


def _aws_response(url: str, response: Response) -> AWSResponse:
    return AWSResponse(url, response.status, HTTPHeaders.from_dict(response.headers), _Raw(response.body))
