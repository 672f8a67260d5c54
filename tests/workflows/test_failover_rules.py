"""Whatever goes wrong, some things never happen: tried with issues sampled at random.

``Stage.wait`` holds every run to the rules of any execution (one job at a time for a server, nothing
terminated, one final status each, locks released, a report that conforms); here are those that need the draw.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.workflows.stage import Run, Stage, group, issue, stage, wave

SERVER_ISSUES: dict[str, dict[str, Any]] = {
    "none": {},
    "noTarget": issue("noTarget"),
    "twoTargets": issue("twoTargets"),
    "targetRunning": issue("targetRunning"),
    "conversionFails": issue("conversionFails"),
    "conversionFailsOnce": issue("conversionFails", times=1),
    "targetDoesNotStart": issue("targetDoesNotStart"),
}
FAULTS: dict[str, dict[str, Any]] = {
    "lost answer": {"kind": "ACCEPTED_BUT_TIMES_OUT", "operation": "StartRecovery", "times": 1},
    "throttling": {"kind": "THROTTLED", "operation": "StartRecovery", "times": 2},
    "ignored disposition": {"kind": "IGNORES_DISPOSITION"},
    "launch fails": {"kind": "PHASE_FAILS", "phase": "LAUNCH", "probability": 0.5},
    "refusal": {"kind": "ERROR", "operation": "StartRecovery", "code": "ConflictException", "times": 1},
}
FUNCTIONS = ("StartRecovery", "WatchJobs", "VerifyLaunches", "StartInstances", "CloseWave", "ConfigureLaunch")
DEATHS = st.tuples(
    st.sampled_from(FUNCTIONS), st.sampled_from(["Lambda.Unknown", "MadeToFailError"]), st.booleans()
)
WAVES = ("one", "two", "three")


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    issues=st.lists(st.sampled_from(sorted(SERVER_ISSUES)), min_size=3, max_size=4),
    faults=st.sets(st.sampled_from(sorted(FAULTS)), max_size=2),
    deaths=st.lists(DEATHS, max_size=2),
    policies=st.fixed_dictionaries(
        {
            "onBlocked": st.sampled_from(["CONTINUE", "CONTINUE", "STOP"]),
            "launchOrder": st.sampled_from(["TOGETHER", "BY_WAVE"]),
            "whenTargetRuns": st.sampled_from(["BLOCK", "STOP"]),
            "retries": st.integers(0, 2),
        }
    ),
    on_failure=st.sampled_from(["STOP", "CONTINUE", {"tolerate": 1}]),
    seed=st.integers(0, 1000),
)
def test_rules_stand_whatever_goes_wrong(
    issues: list[str],
    faults: set[str],
    deaths: list[tuple[str, str, bool]],
    policies: dict[str, Any],
    on_failure: Any,
    seed: int,
) -> None:
    groups = [
        group(f"app-{number}", WAVES[number % 3], **SERVER_ISSUES[kind]) for number, kind in enumerate(issues)
    ]
    waves = [
        wave("one", onFailure=on_failure),
        wave("two", "one", onFailure=on_failure),
        wave("three", "one", onFailure=on_failure),
    ]
    with stage(*groups, waves=waves, policies=policies, seed=seed) as here:
        for name in sorted(faults):
            here.drs_fault(**FAULTS[name])
        for function, error, after in deaths:
            here.cloud.fail_function(f"{function}Function", error=error, after=after)
        before = here.world()
        run = here.run()
        check_outcomes(here, run, policies)
        check_launches(here, run, policies)
        check_settings(here, run, before)


def check_outcomes(here: Stage, run: Run, policies: dict[str, Any]) -> None:
    """The execution's status follows from those of its waves and servers."""
    assert run.outcomes.keys() == here.servers.keys()
    statuses = set(run.outcomes.values())
    waves = {part["status"] for part in run.report["waves"]}
    if run.status == "COMPLETED":
        assert statuses == {"RECOVERED"}
        assert waves == {"COMPLETED"}
    elif run.status == "COMPLETED_WITH_FAILURES":
        assert "RECOVERED" in statuses
        assert not waves & {"FAILED", "SKIPPED"}
    elif run.status == "BLOCKED":
        assert statuses <= {"BLOCKED", "SKIPPED"}
        assert policies["onBlocked"] == "STOP" or statuses == {"BLOCKED"}
    else:
        assert run.status == "FAILED"
        assert waves & {"FAILED", "SKIPPED"} or "RECOVERED" not in statuses


def check_launches(here: Stage, run: Run, policies: dict[str, Any]) -> None:
    """Who was launched, how often, into what, and who runs."""
    instances = here.instances()
    into: dict[str, str] = {}
    for recovery in here.drs_state()["recoveryInstances"]:
        assert recovery["launchedInto"]
        assert into.setdefault(recovery["recoveryInstanceID"], recovery["sourceServerID"])
    known = {target for server in here.servers.values() for target in server.target_instance_ids}
    assert instances.keys() == known
    for name in here.servers:
        reported = run.server(name)
        jobs = here.jobs_of(name)
        ours = [job for job in jobs if job["tags"].get("drs-orchestrator:execution") == run.name]
        assert len(ours) == len(jobs) <= policies["retries"] + 1
        if reported["status"] == "BLOCKED":
            assert jobs == []
        if reported["status"] == "RECOVERED":
            assert instances[here.target(name)]["state"] == "running"
            assert here.pairs()[here.source(name)]["pairInstanceId"] == here.target(name)
        else:
            assert here.source(name) not in here.pairs()


def check_settings(here: Stage, run: Run, before: dict[str, Any]) -> None:
    """Who was not launched has the launch settings of before, or the report says how to put them back."""
    after = here.world()["launch"]
    reported = {f["remedy"] for f in run.report["findings"] if f["code"] == "LAUNCH_SETTINGS_NOT_RESTORED"}
    for name in here.servers:
        source = here.source(name)
        if not run.server(name)["launchedAt"] and not any(source in remedy for remedy in reported):
            assert after[source] == before["launch"][source], run.server(name)
    seen_to_end = {job["jobId"] for job in run.jobs if job["status"] == "COMPLETED"}
    for server in run.report["servers"]:
        if server["jobId"] is None or server["jobId"] in seen_to_end:
            assert not any(server["sourceServerId"] in remedy for remedy in reported)
