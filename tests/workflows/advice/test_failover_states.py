"""Advice about servers that were failed over, are locked, or whose site lacks something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drs_emulator import Settings
from local.simulation.call_faults import CallFault, CallFaultKind
from tests.local.simulation.world import ORIGIN
from tests.workflows.advice.aws_cli import typed
from tests.workflows.advice.failover_situations import agent
from tests.workflows.advice.soundness import is_sound
from tests.workflows.control_messages import send
from tests.workflows.failback_stage import QUICK, fail_back, original
from tests.workflows.stage import Run, Stage, fill_with_foreign_jobs, group, issue, stage, wave

PLAYED = frozenset(
    {
        "TARGET_IN_USE",
        "WORKLOAD_ON_RECOVERY",
        "NOT_REPROTECTED",
        "SERVER_LOCKED",
        "FAST_NOT_POSSIBLE",
        "TARGET_WILL_BE_STOPPED",
        "ORIGINAL_CHANGED",
        "ACTIONS_DENIED",
        "PERMISSIONS_UNKNOWN",
        "ORIGINAL_UNKNOWN",
        "QUOTA_JOBS",
        "QUOTA_SERVERS",
    }
)
AGAIN = ("in-use", "not-needed", "stopped", "not-reprotected")


def remedy(run: Run, server: str, code: str) -> str:
    found = {one["code"]: one["remedy"] for one in run.server(server)["findings"]}
    assert code in found, (server, code, sorted(found))
    return str(found[code])


def of_site(run: Run, code: str) -> str:
    [found] = [one["remedy"] for one in run.report["findings"] if one["code"] == code]
    return str(found)


def rival(here: Stage, name: str, **request: Any) -> Run:
    """The same servers by another plan, which adopts nothing of the first."""
    return here.wait(start_rival(here, name, **request))


def start_rival(here: Stage, name: str, **request: Any) -> str:
    return here.cloud.start("failover", {"plan": {**here.plan, "name": "rival"}, **request}, name=name)


def state(here: Stage, server: str) -> str:
    return str(here.instances()[here.target(server)]["state"])


def test_what_is_advised_of_servers_that_were_failed_over_harms_no_workload() -> None:
    with stage(*(group(name) for name in AGAIN), jobs=QUICK) as here:
        assert set(here.run("out").outcomes.values()) == {"RECOVERED"}
        here.drs_fault("AGENT_NEVER_CHECKS_IN", server=here.source("not-reprotected"), direction="FAILBACK")
        assert fail_back(here, servers=["not-reprotected"]).server("not-reprotected")["protection"]
        here.ec2().stop_instances(InstanceIds=[here.target("stopped")])
        here.cloud.advance(60)

        dry = rival(here, "dry", dryRun=True)
        is_sound(dry)
        assert "update-launch-configuration" not in str(dry.report), "nothing to restore of what runs"
        in_use = remedy(dry, "in-use", "TARGET_IN_USE")
        assert in_use.startswith("If it is production, leave this server out. Else stop it")
        assert "TARGET_RUNNING" not in dry.codes("in-use"), "no second advice to stop production"
        assert "NOT_REPROTECTED" in dry.codes("not-reprotected")
        drill = rival(here, "drill", mode="DRILL", dryRun=True)
        is_sound(drill)
        assert "stop-instances" not in remedy(drill, "stopped", "TARGET_IN_USE"), "it is stopped already"

        # It is production: left out. It is not: stopped, and its older data accepted.
        typed(here, remedy(dry, "not-needed", "TARGET_IN_USE"))
        here.cloud.drs.admin("DELETE", "/faults", None)
        assert remedy(dry, "not-reprotected", "NOT_REPROTECTED").startswith("Protect it: run the failback")
        assert remedy(dry, "stopped", "WORKLOAD_ON_RECOVERY").startswith("Fail back first")
        here.ec2().start_instances(InstanceIds=[here.target("stopped")])
        here.cloud.advance(60)
        back = fail_back(here, "back-2", servers=["stopped", "not-reprotected"])
        assert {back.server(name)["protection"] for name in back.outcomes} == {"RETIRED"}, back.summary

        over = rival(here, "second", dryRun=True)
        assert "override WORKLOAD_ON_RECOVERY" in remedy(over, "not-needed", "WORKLOAD_ON_RECOVERY")
        accept = {"check": "WORKLOAD_ON_RECOVERY", "reason": "not needed", "servers": ["not-needed"]}
        run = rival(here, "real", servers=list(AGAIN[1:]), overrides=[accept])
        is_sound(run)
        assert set(run.outcomes.values()) == {"RECOVERED"}, run.summary
        assert state(here, "in-use") == "running"


def test_a_lock_is_waited_for_or_its_execution_cancelled_and_fast_and_running_targets_are_settled() -> None:
    policies = {"recoveryMode": "FAST", "whenTargetRuns": "STOP", "onBlocked": "CONTINUE"}
    groups = (
        group("locked", "first"),
        group("old-agent"),
        group("warm", **issue("targetRunning")),
        group("moved"),
    )
    with stage(*groups, waves=[wave("first"), wave("all")], policies=policies, jobs=QUICK) as here:
        here.run("quiet", dryRun=True)
        replace_original(here, "moved")
        agent(here, "old-agent").agent_version = "6.42.19"
        here.drs_fault("JOB_STUCK", phase="SNAPSHOT", server=here.source("locked"), seconds=1200)
        holder = start_rival(here, "holder", servers=["locked"])
        here.cloud.advance(60)
        dry = here.run("dry", dryRun=True)
        is_sound(dry)
        assert "cancel it (action CANCEL), if it is not needed" in remedy(dry, "locked", "SERVER_LOCKED")
        assert remedy(dry, "warm", "TARGET_WILL_BE_STOPPED").startswith("Nothing, unless")
        assert remedy(dry, "old-agent", "FAST_NOT_POSSIBLE").startswith("Update the DRS agent on the server.")

        assert "make a dry run of a failover: it records" in remedy(dry, "moved", "ORIGINAL_CHANGED")
        send(here, "CANCEL", "holder")
        assert here.wait(holder).status == "CANCELLED"
        busy = here.run("busy", dryRun=True)
        assert remedy(busy, "locked", "SERVER_BUSY").startswith("Wait until it is COMPLETED")
        assert "ORIGINAL_CHANGED" not in busy.codes("moved"), "the dry run has recorded it"
        here.cloud.advance(60)
        agent(here, "old-agent").agent_version = "6.42.20"
        run = here.run()
        is_sound(run)
        assert set(run.outcomes.values()) == {"RECOVERED"}, run.summary


def replace_original(here: Stage, server: str) -> None:
    """The machine is restored into another instance; its agent reports that one."""
    ec2 = here.ec2(ORIGIN)
    [old] = ec2.describe_instances(InstanceIds=[original(here, server)])["Reservations"][0]["Instances"]
    made = ec2.run_instances(
        ImageId=old["ImageId"], InstanceType="m6i.large", SubnetId=old["SubnetId"], MinCount=1, MaxCount=1
    )
    [new] = made["Instances"]
    [interface] = new["NetworkInterfaces"]
    mine = agent(here, server)
    mine.instance_id, mine.private_ip = new["InstanceId"], interface["PrivateIpAddress"]
    mine.mac_address = interface["MacAddress"]


def denied(here: Stage) -> Callable[[], None]:
    """Updating the member stack ends it."""
    here.cloud.denied_actions.add("drs:StartRecovery")
    return here.cloud.denied_actions.clear


def iam_is_down(here: Stage) -> Callable[[], None]:
    here.cloud.fault(CallFault(CallFaultKind.DOWN, ("iam",)))
    return lambda: None


def origin_is_down(here: Stage) -> Callable[[], None]:
    here.cloud.fault(
        CallFault(CallFaultKind.DOWN, ("ec2",), region=ORIGIN["region"], account=ORIGIN["account"])
    )
    return here.cloud.heal


def jobs_run(here: Stage) -> Callable[[], None]:
    fill_with_foreign_jobs(here, 2, seconds=300)
    return lambda: None


SITES = {
    "ACTIONS_DENIED": (denied, "Update the member-account stack in account 444455556666"),
    "PERMISSIONS_UNKNOWN": (iam_is_down, "If IAM is down, go on"),
    "ORIGINAL_UNKNOWN": (origin_is_down, "Nothing if the origin is lost"),
    "QUOTA_JOBS": (jobs_run, "Nothing: it waits until one is over."),
    "QUOTA_SERVERS": (jobs_run, "Nothing: what does not fit waits until others are done."),
}
"""What comes about, and what ends it where the advice is to end it; how the advice begins."""


@pytest.mark.parametrize(
    "codes", [("ACTIONS_DENIED", "ORIGINAL_UNKNOWN"), ("PERMISSIONS_UNKNOWN", "QUOTA_JOBS", "QUOTA_SERVERS")]
)
def test_what_is_advised_of_a_site_lets_its_servers_be_recovered(codes: tuple[str, ...]) -> None:
    few = Settings(time_factor=0.1, jobs_in_progress=2, servers_in_all_jobs=2)
    with stage(group("app"), jobs=few) as here:
        ends = [SITES[code][0](here) for code in codes if code != "QUOTA_SERVERS"]
        dry = here.run("dry", dryRun=True)
        is_sound(dry)
        for code in codes:
            assert SITES[code][1] in of_site(dry, code)
        for end in ends:
            end()
        run = here.run()
        assert run.outcomes == {"app": "RECOVERED"}, run.summary
