"""What DRS puts to CloudWatch in the local cloud, read by an ordinary client."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.ministack import LocalCloud
from tests.local_cloud import engine
from tests.local_cloud.engine import HUB, REGION


def test_drs_metrics_are_in_cloudwatch(tmp_path_factory: pytest.TempPathFactory) -> None:
    log: Path = tmp_path_factory.mktemp("cloud") / "cloud.log"
    with LocalCloud.start(log=log, speed=600) as cloud:
        body = {"account": HUB, "region": REGION, "servers": [{"hostname": "web-1"}]}
        (server,) = cloud.admin("POST", "/drs/source-servers", body)["sourceServerIDs"]
        engine.client(cloud, "drs").stop_replication(sourceServerID=server)
        cloudwatch = engine.client(cloud, "cloudwatch")
        engine.until(lambda: bool(cloudwatch.list_metrics(Namespace="AWS/DRS")["Metrics"]))
        found = cloudwatch.list_metrics(Namespace="AWS/DRS")["Metrics"]
        names = {(item["MetricName"], *(one["Value"] for one in item["Dimensions"])) for item in found}
        assert ("Backlog", server) in names
        assert ("TotalSourceServerCount",) in names
