"""Whatever goes wrong on the failback, some things never happen: tried with issues sampled at random.

No pre-provisioned and no original instance is ever terminated, none is in two pairs, and every server ends
on exactly one side: it runs there, or rests there with its newest data. ``ROUND_TRIPS`` in the environment
draws more of them than the few by default.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.local.simulation.world import ORIGIN
from tests.workflows.failback_stage import QUICK, back, fail_back, original, sides
from tests.workflows.stage import Run, Stage, group, issue, stage, wave

SERVER_ISSUES: dict[str, dict[str, Any]] = {
    "none": {},
    "egressClosed": issue("egressClosed"),
    "originalUntagged": issue("originalUntagged"),
    "agentNeverChecksIn": issue("agentNeverChecksIn"),
    "conversionFailsOnce": issue("conversionFails", times=1),
}
FAULTS: dict[str, dict[str, Any]] = {
    "lost launch": {"kind": "ACCEPTED_BUT_TIMES_OUT", "operation": "StartRecovery", "times": 1},
    "lost reversal": {"kind": "ACCEPTED_BUT_TIMES_OUT", "operation": "ReverseReplication", "times": 1},
    "launch fails": {"kind": "PHASE_FAILS", "phase": "LAUNCH", "direction": "FAILBACK", "probability": 0.6},
    "ignored disposition": {"kind": "IGNORES_DISPOSITION"},
    "stall": {"kind": "STALLS", "error": "AGENT_NOT_SEEN", "direction": "FAILBACK", "seconds": 200},
    "unprotected": {"kind": "AGENT_NEVER_CHECKS_IN", "direction": "FAILBACK"},
    "not retired": {"kind": "ERROR", "operation": "DeleteRecoveryInstance", "code": "ConflictException"},
}
INSTANCE_FAULTS = ("START_FAILS", "STATUS_CHECK_FAILS")
FUNCTIONS = (
    "ReverseReplication",
    "WatchReplication",
    "StopWorkloads",
    "StopTargets",
    "StartRecovery",
    "WatchJobs",
    "VerifyLaunches",
    "StartInstances",
    "VerifyInstances",
    "RestartWorkloads",
    "CloseWave",
    "Reprotect",
    "RetireRecovery",
)
DEATHS = st.tuples(
    st.sampled_from(FUNCTIONS), st.sampled_from(["Lambda.Unknown", "MadeToFailError"]), st.booleans()
)


@settings(
    max_examples=int(os.environ.get("ROUND_TRIPS", "3")),
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    issues=st.lists(st.sampled_from(sorted(SERVER_ISSUES)), min_size=2, max_size=3),
    faults=st.sets(st.sampled_from(sorted(FAULTS)), max_size=2),
    broken=st.one_of(st.none(), st.sampled_from(INSTANCE_FAULTS)),
    deaths=st.lists(DEATHS, max_size=2),
    failback=st.fixed_dictionaries(
        {
            "stopWorkload": st.sampled_from(["BEFORE_LAUNCH", "BEFORE_START"]),
            "launchOrder": st.sampled_from(["TOGETHER", "BY_WAVE"]),
            "tagOriginals": st.booleans(),
            "onReplicationTimeout": st.sampled_from(["WAIT", "SKIP"]),
        }
    ),
    on_failure=st.sampled_from(["STOP", "CONTINUE"]),
    seed=st.integers(0, 1000),
)
def test_rules_stand_whatever_goes_wrong(
    issues: list[str],
    faults: set[str],
    broken: str | None,
    deaths: list[tuple[str, str, bool]],
    failback: dict[str, Any],
    on_failure: str,
    seed: int,
) -> None:
    groups = [
        group(f"app-{number}", ("one", "two")[number % 2], **SERVER_ISSUES[kind])
        for number, kind in enumerate(issues)
    ]
    waves = [wave("one", onFailure=on_failure), wave("two", "one", onFailure=on_failure)]
    policies = {"onBlocked": "CONTINUE", "verifyTimeoutSeconds": 180, "failback": failback}
    with stage(*groups, waves=waves, policies=policies, jobs=QUICK, seed=seed) as here:
        before = here.world()
        here.run("out")
        for name in sorted(faults):
            here.drs_fault(**FAULTS[name])
        if broken:
            here.cloud.ec2.add_faults([{"kind": broken, "instance": original(here, "app-0")}])
        for function, error, after in deaths:
            here.cloud.fail_function(f"{function}Function", error=error, after=after)
        run = fail_back(here, "back")
        check_sides(here, before, run)
        mend(here)
        again = fail_back(here, "again")
        check_sides(here, before, again)
        well = {
            name
            for name, kind in zip(sorted(here.servers), issues, strict=True)
            if kind in ("none", "conversionFailsOnce")
        }
        if well and on_failure == "CONTINUE":
            back(here, before, again, only=well)


def mend(here: Stage) -> None:
    """Everything that was broken on the way works again, but what is wrong with a server itself."""
    here.cloud.drs.admin("DELETE", "/faults", None)
    here.cloud.ec2.clear_faults()
    here.cloud.advance(1800)  # whatever was under way has ended
    here.cloud.functions.heal()


def check_sides(here: Stage, before: dict[str, Any], run: Run) -> None:
    """The instances are those of the start, each in one pair; one side of every server has the last word."""
    at_origin, there = here.instances(ORIGIN), here.instances()
    assert at_origin.keys() == before["origin"].keys()
    assert there.keys() == before["recovery"].keys()
    assert here.terminated() == set()
    pairs = here.pairs().values()
    for field in ("pairInstanceId", "originalInstanceId"):
        named = [pair[field] for pair in pairs]
        assert len(set(named)) == len(named)
    reported = {server["name"]: server for server in run.report["servers"]}
    for name in here.servers:
        check_one_side(here, name, reported.get(name))


def check_one_side(here: Stage, name: str, reported: dict[str, Any] | None) -> None:
    """An original that was launched into and runs has the workload for itself; else the other side has it."""
    at_origin, there = sides(here, name)
    pair = here.pairs()[here.source(name)]
    launched = {i["recoveryInstanceID"] for i in here.drs_state(ORIGIN)["recoveryInstances"]}
    if pair["workloadSide"] == "ORIGIN":
        assert (at_origin, there) == ("running", "stopped")
        return
    if reported is not None and reported["status"] == "RECOVERED":
        raise AssertionError(f"{name} is RECOVERED, and its pair says that it is not failed back")
    if original(here, name) in launched:
        assert (at_origin, there) != ("running", "running"), "both sides run the workload"
    if there != "running":
        # It rests where its newest data are; the report says how to go on, and how to go back.
        assert reported is not None
        assert here.target(name) in str(reported["reason"]) + str(reported["remedy"]), reported
