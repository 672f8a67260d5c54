"""What DRS puts to CloudWatch in the local cloud, read by an ordinary client."""

from __future__ import annotations

from local.ministack import LocalCloud
from tests.local_cloud import engine
from tests.local_cloud.engine import HUB, REGION


def test_drs_metrics_are_in_cloudwatch(cloud: LocalCloud) -> None:
    body = {"account": HUB, "region": REGION, "servers": [{"hostname": "web-1"}]}
    (server,) = cloud.admin("POST", "/drs/source-servers", body)["sourceServerIDs"]
    engine.client(cloud, "drs").stop_replication(sourceServerID=server)
    cloudwatch = engine.client(cloud, "cloudwatch")

    def names() -> set[tuple[str, ...]]:
        found = cloudwatch.list_metrics(Namespace="AWS/DRS")["Metrics"]
        return {(item["MetricName"], *(one["Value"] for one in item["Dimensions"])) for item in found}

    engine.until(lambda: ("Backlog", server) in names())
    assert ("TotalSourceServerCount",) in names()
