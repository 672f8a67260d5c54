"""The report says of each server to which moment it was recovered, as DRS says it."""

from __future__ import annotations

from tests.workflows.failback_stage import QUICK
from tests.workflows.stage import group, stage, wave


def test_the_report_names_the_moment_of_each_server_and_the_oldest_in_its_head() -> None:
    waves = [wave("data"), wave("web", "data")]
    with stage(group("db", "data"), group("web", "web", count=2), waves=waves, jobs=QUICK) as here:
        run = here.run()
        instances = here.drs().describe_recovery_instances()["items"]
        moments = {one["sourceServerID"]: one["pointInTimeSnapshotDateTime"] for one in instances}
        shown = {name: run.server(name)["recoveredTo"] for name in here.servers}
        assert {name: moment[:19] for name, moment in shown.items()} == {
            name: moments[here.source(name)][:19] for name in here.servers
        }
        oldest = min(shown.values())
        assert run.report["recoveredTo"]["oldest"] == oldest
        assert run.wave("web")["recoveredTo"]["oldest"] == min(shown["web-1"], shown["web-2"])
        assert f"data recovered to {oldest} at the oldest" in run.summary.split("\n\n## ")[0]
        assert all(run.server(name)["lagAtLaunchSeconds"] is not None for name in shown)
        dry = here.run("dry", dryRun=True)
        assert dry.report["recoveredTo"] is None
