"""What a failback that was killed late leaves does not block the next round trip."""

from __future__ import annotations

import pytest

from tests.workflows.failback_stage import away, fail_back, reversed_server, sides
from tests.workflows.killing import reach
from tests.workflows.stage import group


@pytest.mark.parametrize("closed", [True, False])
def test_a_reversed_server_that_a_killed_failback_left_serves_the_next_one(closed: bool) -> None:
    with away(group("app")) as (here, _):
        first = here.start("first", mode="FAILBACK")
        reach(here, "reprotect", "WatchReprotection", "first")
        here.cloud.stop(first, "Operator", "killed")
        if closed:
            here.close_aborted(first)
        here.cloud.advance(600)  # DRS goes on
        assert reversed_server(here, "app"), "killed before the recovery side was retired"
        assert here.run("out-2").outcomes == {"app": "RECOVERED"}
        assert reversed_server(here, "app"), "a failover does not wait for it"
        back = fail_back(here, "second")
        assert back.status == "COMPLETED"
        assert "REVERSED_LEFT_OVER" in back.codes("app")
        assert back.server("app")["protection"] == "RETIRED"
        assert sides(here, "app") == ("running", "stopped")
        assert reversed_server(here, "app") is None
        [server] = here.drs_state()["sourceServers"]
        assert server["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
