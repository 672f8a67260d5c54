"""An original is who it claims to be: what agents report of it is checked against EC2 and our records."""

from __future__ import annotations

from typing import Any

from local.fleet.disaster import end
from tests.local.simulation.world import ORIGIN, RECOVERY
from tests.workflows.failback_stage import QUICK, fail_back, original
from tests.workflows.stage import Stage, group, stage

CLAIMS = {"ORIGINAL_AMBIGUOUS", "ORIGINAL_CONTRADICTED", "ORIGINAL_CHANGED"}


def forge(here: Stage, server: str, instance_id: str) -> None:
    """The agent of a server reports another EC2 instance from now on."""
    scope = here.cloud.drs._core.scope(RECOVERY["account"], RECOVERY["region"])
    scope.servers[here.source(server)].instance_id = instance_id


def volumes(here: Stage, instance_id: str) -> Any:
    return here.instances(ORIGIN)[instance_id]["volumes"]


def test_of_two_servers_that_claim_one_original_neither_fails_back_into_it() -> None:
    with stage(group("app"), group("victim"), jobs=QUICK) as here:
        production = original(here, "victim")
        before = volumes(here, production)
        forge(here, "app", production)
        out = here.run("out")
        assert out.outcomes == {"app": "RECOVERED", "victim": "RECOVERED"}, "a failover goes on"
        assert {"ORIGINAL_AMBIGUOUS", "ORIGINAL_CONTRADICTED"} <= out.codes("app")
        assert "ORIGINAL_AMBIGUOUS" in out.codes("victim")
        assert "ORIGINAL_CONTRADICTED" not in out.codes("victim")

        alone = fail_back(here, "alone", recoveryInstanceIds=[here.target("app")], onBlocked="CONTINUE")
        assert alone.outcomes == {"app": "BLOCKED"}
        assert {"ORIGINAL_AMBIGUOUS", "ORIGINAL_CONTRADICTED"} <= alone.codes("app")
        both = fail_back(here, "both", onBlocked="CONTINUE")
        assert both.outcomes == {"app": "BLOCKED", "victim": "BLOCKED"}
        assert volumes(here, production) == before
        assert here.instances(ORIGIN)[production]["state"] == "running"


def test_an_original_that_changed_since_quiet_times_is_reported_and_not_failed_back_into() -> None:
    with stage(group("app"), group("spare", target=False), jobs=QUICK) as here:
        true, spare = original(here, "app"), original(here, "spare")
        here.drs().disconnect_source_server(sourceServerID=here.source("spare"))
        here.drs().delete_source_server(sourceServerID=here.source("spare"))
        assert not here.run("quiet", dryRun=True).codes("app") & CLAIMS
        forge(here, "app", spare)
        for name in ("dry", "dry-again"):
            findings = here.run(name, dryRun=True).server("app")["findings"]
            found = {finding["code"]: finding["found"] for finding in findings}
            assert {"ORIGINAL_CHANGED", "ORIGINAL_CONTRADICTED"} <= set(found), "not recorded anew"
            assert true in found["ORIGINAL_CHANGED"]
        assert here.run("out").outcomes == {"app": "RECOVERED"}
        before = volumes(here, spare)
        back = fail_back(here)
        assert back.outcomes == {"app": "BLOCKED"}
        assert {"ORIGINAL_CHANGED", "ORIGINAL_CONTRADICTED"} <= back.codes("app")
        assert volumes(here, spare) == before


def test_an_original_that_was_started_after_the_failover_blocks_unless_the_plan_stops_it() -> None:
    with stage(group("app"), jobs=QUICK) as here:
        here.run("out")
        ec2, instance = here.ec2(ORIGIN), original(here, "app")
        ec2.stop_instances(InstanceIds=[instance])
        here.cloud.advance(60)
        ec2.start_instances(InstanceIds=[instance])
        here.cloud.advance(60)
        back = fail_back(here)
        assert back.outcomes == {"app": "BLOCKED"}
        assert "ORIGINAL_RESTARTED" in back.codes("app")
        here.plan["policies"] = {"failback": {"whenOriginalRuns": "STOP"}}
        assert fail_back(here, "stops").outcomes == {"app": "RECOVERED"}


def test_a_forgotten_re_protection_blocks_the_next_failover() -> None:
    with stage(group("app"), jobs=QUICK) as here:
        here.run("out")
        here.drs_fault("AGENT_NEVER_CHECKS_IN", direction="FAILBACK")
        assert fail_back(here).server("app")["protection"] == "UNPROTECTED"
        dry = here.run("dry", dryRun=True)
        assert "NOT_REPROTECTED" in dry.codes("app")
        assert here.run("again").outcomes == {"app": "BLOCKED"}
        allowed = {"check": "NOT_REPROTECTED", "servers": ["app"], "reason": "the older copy will do"}
        assert here.run("older", overrides=[allowed]).outcomes == {"app": "RECOVERED"}


def test_a_failover_goes_on_when_the_origin_is_silent() -> None:
    with stage(group("app", count=2), jobs=QUICK, originals="UNREACHABLE") as here:
        here.strike()
        arn = here.start("out")
        here.cloud.wait(arn)
        end(here.fleet, here.cloud.ec2.admin)
        run = here.wait(arn)
        assert set(run.outcomes.values()) == {"RECOVERED"}
        assert [f["code"] for f in run.report["findings"]].count("ORIGINAL_UNKNOWN") == 1, "one for the site"
        assert "ORIGINAL_UNKNOWN" in run.summary
        assert not any(code.startswith("ORIGINAL_") for name in here.servers for code in run.codes(name))
