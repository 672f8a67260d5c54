"""What a drill advises where its clean-up did not end is followed, and the failover recovers each server."""

from __future__ import annotations

import re
from datetime import timedelta

from tests.workflows.adversaries.outsiders import each_time
from tests.workflows.adversaries.test_decided_pairs import once
from tests.workflows.advice.aws_cli import typed
from tests.workflows.advice.soundness import faults
from tests.workflows.stage import Run, Stage, group, stage, wave

LOST, HANGS, STUCK = "lost", "hangs", "stuck"
POLICIES = {"launchTimeoutSeconds": 600}


def delete_own_volume(here: Stage, server: str) -> None:
    """Someone tidies up the volume that the launch has detached."""
    [(_, now)] = here.instances()[here.target(server)]["volumes"]
    volumes = here.ec2().describe_volumes()["Volumes"]
    attached = {volume["VolumeId"] for volume in volumes if volume["Attachments"]}
    before = {volume["volumeId"] for volume in here.record("drill", server)["volumesBefore"]}
    [own] = before - attached
    assert own != now
    here.ec2().delete_volume(VolumeId=own)


def two_hours_pass(here: Stage) -> None:
    """For the machines alone: a clean-up that polls so long takes seconds to play."""
    here.cloud.workflow_clock.ahead = timedelta(hours=2)


def take_out_of_drs(here: Stage, server: str) -> None:
    """Disconnects and deletes the recovery instance; never terminates it."""
    found = here.drs().describe_recovery_instances(filters={"sourceServerIDs": [here.source(server)]})
    for one in found["items"]:
        here.drs().disconnect_recovery_instance(recoveryInstanceID=one["recoveryInstanceID"])
        here.drs().delete_recovery_instance(recoveryInstanceID=one["recoveryInstanceID"])


def by_hand(here: Stage, server: str, advice: str) -> None:
    """Stops the target, gives it back the volumes that the advice names, and takes it out of DRS."""
    target = here.target(server)
    typed(here, advice)
    here.cloud.advance(60)
    for _, volume in here.instances()[target]["volumes"]:
        here.ec2().detach_volume(VolumeId=volume)
    here.cloud.advance(5)
    named = re.findall(r"(vol-[0-9a-f]+) at (/dev/\w+)", advice)
    assert named, advice
    for volume, device in named:
        here.ec2().attach_volume(VolumeId=volume, InstanceId=target, Device=device)
    take_out_of_drs(here, server)


def issue(run: Run, server: str) -> str:
    found = str(run.server(server)["cleanUpIssue"])
    assert faults(found) == []
    return found


def test_what_a_clean_up_that_did_not_end_advises_leaves_targets_that_fail_over() -> None:
    waves = [wave("all", onFailure="CONTINUE"), wave("slow", onFailure="CONTINUE")]
    groups = (group(LOST), group(HANGS), group(STUCK, "slow"))
    with stage(*groups, waves=waves, policies=POLICIES) as here:
        before = here.instances()
        here.drs_fault("JOB_STUCK", phase="LAUNCH", server=here.source(STUCK), seconds=9000, times=1)
        here.ec2_fault("STOP_HANGS", HANGS)
        once(here, "CleanUpDrill", lambda: delete_own_volume(here, LOST))
        each_time(here, "CleanUpDrill", lambda n: two_hours_pass(here) if n == 5 else None)
        drill = here.run("drill", mode="DRILL")
        assert "Nothing for the next failover" in issue(drill, LOST)

        here.cloud.workflow_clock.ahead = timedelta()
        here.cloud.ec2.clear_faults()
        by_hand(here, HANGS, issue(drill, HANGS))
        assert here.instances()[here.target(HANGS)]["volumes"] == before[here.target(HANGS)]["volumes"]
        assert "When it has ended, stop the target" in issue(drill, STUCK)
        here.cloud.advance(9000)
        here.ec2().stop_instances(InstanceIds=[here.target(STUCK)])
        take_out_of_drs(here, STUCK)

        run = here.run()
        assert set(run.outcomes.values()) == {"RECOVERED"}, run.summary
