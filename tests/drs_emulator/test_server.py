"""The emulator alone behind a port, used by boto3 and by the AWS CLI over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from drs_emulator.server import Standalone, caller_of

ACCOUNT, REGION = "222222222222", "us-east-2"


@pytest.fixture
def server() -> Iterator[Standalone]:
    with Standalone(speed=20_000) as running:
        yield running


def post(url: str, body: dict[str, Any], method: str = "POST") -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def place(**more: Any) -> dict[str, Any]:
    return {"account": ACCOUNT, "region": REGION, **more}


def test_boto3_recovers_a_server_into_an_instance_over_http(server: Standalone) -> None:
    tags = {"AWSDRS": "AllowLaunchingIntoThisInstance"}
    url = server.endpoint + "/_drs_emulator"
    target = post(f"{url}/ec2/instances", place(instances=[{"tags": tags}]))["instanceIDs"][0]
    source = post(f"{url}/source-servers", place(servers=[{"hostname": "web-1"}]))["sourceServerIDs"][0]
    client: Any = boto3.client(
        "drs",
        endpoint_url=server.endpoint,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.update_launch_configuration(
        sourceServerID=source,
        launchDisposition="STOPPED",
        launchIntoInstanceProperties={"launchIntoEC2InstanceID": target},
    )
    job_id = client.start_recovery(sourceServers=[{"sourceServerID": source}])["job"]["jobID"]
    later = threading.Event()
    server.clock.call_later(2000, later.set)
    assert later.wait(30)
    (job,) = client.describe_jobs(filters={"jobIDs": [job_id]})["items"]
    assert (job["status"], job["participatingServers"][0]["launchStatus"]) == ("COMPLETED", "LAUNCHED")
    arn = client.describe_source_servers()["items"][0]["arn"]
    client.tag_resource(resourceArn=arn, tags={"a": "b"})
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {}
    client.delete_job(jobID=job_id)
    (instance,) = json.loads(urllib.request.urlopen(f"{url}/ec2/instances", timeout=10).read())["instances"]
    assert (instance["InstanceId"], instance["State"]["Name"]) == (target, "stopped")
    assert post(f"{url}/settings", {"jobs_in_progress": 3}, "PATCH")["jobs_in_progress"] == 3


def test_the_aws_cli_reads_and_is_refused(server: Standalone) -> None:
    post(f"{server.endpoint}/_drs_emulator/source-servers", place(servers=[{"hostname": "web-1"}]))
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL_DRS": server.endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
    }
    aws = str(Path(sys.executable).parent / "aws")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, aws, "drs", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    shown = run("describe-source-servers", "--query", "items[].sourceProperties.identificationHints.hostname")
    assert json.loads(shown.stdout) == ["web-1"], shown.stderr
    refused = run("delete-job", "--job-id", "drsjob-00000000000000000")
    assert "ResourceNotFoundException" in refused.stderr


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/ec2/instances", place(instances=[{"colour": "blue"}]), 400),
        ("/ec2/instances", {}, 400),
        ("/ec2/coffee", place(), 404),
        ("/ec2/instances/i-00000000000000000/start", place(), 400),
        ("/coffee", {}, 404),
    ],
)
def test_bad_admin_requests_get_what_is_wrong(
    server: Standalone, path: str, body: dict[str, Any], status: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        post(f"{server.endpoint}/_drs_emulator{path}", body)
    assert refusal.value.code == status
    assert json.loads(refusal.value.read())["message"]


def test_account_and_region_come_from_the_signature() -> None:
    header = "AWS4-HMAC-SHA256 Credential={}/20260101/eu-west-1/drs/aws4_request, SignedHeaders=host"
    assert (caller_of(header.format("123456789012")).account, caller_of(header.format("x")).region) == (
        "123456789012",
        "eu-west-1",
    )
    assert caller_of(header.format("AKIAEXAMPLE")).account == "000000000000"
    assert caller_of("").region == "us-east-1"


def test_instances_are_started_and_stopped_by_hand(server: Standalone) -> None:
    url = f"{server.endpoint}/_drs_emulator/ec2/instances"
    (made,) = post(url, place(instances=[{"name": "web-1", "disksGib": [8, 20]}]))["instanceIDs"]
    post(f"{url}/{made}/start", place())
    waited = threading.Event()
    server.clock.call_later(100, waited.set)
    assert waited.wait(10)
    (shown,) = json.loads(urllib.request.urlopen(url, timeout=10).read())["instances"]
    assert (shown["State"]["Name"], len(shown["BlockDeviceMappings"])) == ("running", 2)
    post(f"{url}/{made}/stop", place())


def test_an_admin_body_that_is_no_json_is_refused(server: Standalone) -> None:
    request = urllib.request.Request(f"{server.endpoint}/_drs_emulator/faults", b"{", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=10)
    assert refusal.value.code == 400


def test_a_bug_behind_the_admin_api_is_a_500_and_the_server_goes_on(server: Standalone) -> None:
    url = f"{server.endpoint}/_drs_emulator/source-servers"
    with pytest.raises(urllib.error.HTTPError) as refusal:
        post(url, place(servers=[{"hostname": "web-1", "tags": "none"}]))
    assert refusal.value.code == 500
    assert json.loads(refusal.value.read())["message"]
    assert post(url, place(servers=[{"hostname": "web-1"}]))["sourceServerIDs"]
