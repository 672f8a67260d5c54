"""ReportStall: each stall is reported once, with its remedy."""

from __future__ import annotations

from functions.configuration import report_stall
from tests.handlers.failover import Failover


def test_a_stall_is_reported_once_with_its_remedy(away: Failover) -> None:
    away.reach_reversal()
    away.estate.clock.advance(600)
    away.reverse()
    away.estate.ec2().stop_instances(InstanceIds=[away.ids["web-1"].workload])
    for _ in range(20):
        away.estate.clock.advance(60)
        if away.watch()["newlyStalled"]:
            break
    assert away.estate.call(report_stall) == {"reported": 1}
    assert away.estate.call(report_stall) == {"reported": 0}
    subject, text = away.estate.messages()[-1]
    assert "stalled" in subject
    assert "web-1" in text
    assert "systemctl status aws-replication" in text
