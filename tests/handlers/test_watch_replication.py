"""WatchReplication: it waits for copies that are new enough, and counts each stall once."""

from __future__ import annotations

from shared.model.status import ServerStatus
from tests.handlers.failover import Failover


def test_the_copies_are_awaited_until_all_are_new_enough(away: Failover) -> None:
    away.reach_reversal()
    away.estate.clock.advance(600)
    assert away.reverse()["waiting"] == 0
    first = away.watch()
    assert (first["action"], first["replicated"]) == ("WAIT", 0)
    away.replicate()
    assert away.watch()["replicated"] == 2
    assert {server.status for server in away.servers().values()} == {ServerStatus.REPLICATED}


def test_a_stall_is_counted_when_it_begins(away: Failover) -> None:
    away.reach_reversal()
    away.estate.clock.advance(600)
    away.reverse()
    away.estate.ec2().stop_instances(InstanceIds=[away.ids["web-1"].workload])
    stalls = []
    for _ in range(20):
        away.estate.clock.advance(60)
        stalls.append(away.watch()["newlyStalled"])
    assert sum(stalls) == 1
    assert away.servers()["web-1"].failback.stalled_since
