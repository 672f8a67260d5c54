"""Each prerequisite that is missing is found, with its code, its severity and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import RecoveryInstance
from shared.model.ec2 import Volume
from shared.model.finding import Severity
from shared.model.iam import Permissions
from shared.model.policies import LaunchOrder, Mode, Policies, RecoveryMode, WhenTargetRuns
from shared.model.prerequisite_facts import ProfileFacts, ScopeFacts, ServerFacts
from shared.rules.checks.check import blocking
from shared.rules.checks.prerequisites import (
    CHECKS,
    SCOPE_CHECKS,
    check_scope,
    check_server,
    severities,
)
from shared.rules.checks.replication import LAUNCHABLE_WITH_COPY, NEVER_LAUNCHABLE
from tests.makers import (
    ELSEWHERE,
    RECOVERY,
    TARGET_TAGS,
    facts,
    instance,
    instance_id,
    launch_settings,
    server_id,
    source_server,
)

C, OVERRIDABLE, W = Severity.CRITICAL, Severity.OVERRIDABLE, Severity.WARNING
DEFAULT = Policies()
FAST = Policies(recovery_mode=RecoveryMode.FAST)
STOP = Policies(when_target_runs=WhenTargetRuns.STOP)
BY_WAVE = Policies(launch_order=LaunchOrder.BY_WAVE)
STATES = (
    "CONTINUOUS",
    "INITIATING",
    "INITIAL_SYNC",
    "BACKLOG",
    "CREATING_SNAPSHOT",
    "RESCAN",
    "STALLED",
    "PAUSED",
    "STOPPED",
    "DISCONNECTED",
    "A_STATE_TO_COME",
)


def server(**changes: Any) -> dict[str, Any]:
    return {"server": source_server(**changes)}


def target(**changes: Any) -> dict[str, Any]:
    return {"target": instance(**changes)}


def launch(**changes: Any) -> dict[str, Any]:
    return {"launch": launch_settings(**changes)}


def recovered(number: int, state: str, is_drill: bool = False) -> dict[str, Any]:
    ec2_id = instance_id(number)
    return {"recovery_instance": RecoveryInstance(ec2_id, ec2_id, state, server_id(1), None, is_drill)}


def codes(given_facts: ServerFacts, policies: Policies = DEFAULT) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in check_server(given_facts, policies)}


def test_a_healthy_pair_has_no_findings() -> None:
    assert check_server(facts(), DEFAULT) == ()


@pytest.mark.parametrize(
    ("changes", "policies", "expected"),
    [
        # replication
        (server(replication_state="INITIAL_SYNC"), DEFAULT, {"REPLICATION_NOT_READY": C}),
        (server(replication_state="DISCONNECTED"), DEFAULT, {"REPLICATION_NOT_READY": C}),
        (server(replication_state="A_STATE_TO_COME"), DEFAULT, {"REPLICATION_NOT_READY": C}),
        (server(replication_state="STALLED"), DEFAULT, {"REPLICATION_DEGRADED": W}),
        (
            {**server(replication_state="STALLED"), "has_recovery_point": None},
            DEFAULT,
            {"REPLICATION_NOT_READY": C},
        ),
        (
            {**server(replication_state="BACKLOG"), "has_recovery_point": None},
            DEFAULT,
            {"REPLICATION_DEGRADED": W},
        ),
        ({"has_recovery_point": False}, DEFAULT, {"RECOVERY_POINT_MISSING": C}),
        ({"has_recovery_point": None}, DEFAULT, {}),
        (server(lag_seconds=3600.0), DEFAULT, {}),
        (server(lag_seconds=3601.0), DEFAULT, {"LAG_TOO_HIGH": OVERRIDABLE}),
        # The origin was lost two hours ago: what it lagged before that counts.
        ({**server(lag_seconds=7260.0), "seen_seconds_ago": 7200.0}, DEFAULT, {"RECOVERY_POINT_OLD": W}),
        ({**server(lag_seconds=11000.0), "seen_seconds_ago": 7200.0}, DEFAULT, {"LAG_TOO_HIGH": OVERRIDABLE}),
        ({**server(lag_seconds=900.0), "rpo_seconds": 600}, DEFAULT, {"RECOVERY_POINT_OLD": W}),
        ({**server(lag_seconds=600.0), "rpo_seconds": 600}, DEFAULT, {}),
        (server(lag_seconds=3601.0), Policies(max_lag_seconds=7200), {}),
        (server(lag_seconds=None), DEFAULT, {"LAG_UNKNOWN": W}),
        (server(replication_direction="FAILBACK"), DEFAULT, {"DIRECTION_REVERSED": C}),
        # who else holds it
        ({"active_job_id": "drsjob-1"}, DEFAULT, {"SERVER_BUSY": C}),
        ({"native_plan_run": "arn:aws:drs:us-east-2:1:run"}, DEFAULT, {"NATIVE_PLAN_RUNS": C}),
        ({"locked_by_execution": "execution-9"}, DEFAULT, {"SERVER_LOCKED": C}),
        # earlier recovery instances
        (recovered(7, "RUNNING"), DEFAULT, {"RECOVERY_INSTANCE_RUNS": C}),
        (recovered(7, "STOPPED"), DEFAULT, {"RECOVERY_INSTANCE_REPLACED": W}),
        (recovered(7, "TERMINATED"), DEFAULT, {}),
        (recovered(1, "STOPPED"), DEFAULT, {}),
        (
            {**recovered(1, "RUNNING"), **target(state="running")},
            STOP,
            {"TARGET_IN_USE": C},
        ),
        (
            {**recovered(1, "RUNNING", is_drill=True), **target(state="running")},
            STOP,
            {"TARGET_WILL_BE_STOPPED": W},
        ),
        # which side runs the workload
        ({"recorded_workload_side": "ORIGIN"}, DEFAULT, {}),
        ({"recorded_workload_side": "RECOVERY"}, DEFAULT, {"WORKLOAD_ON_RECOVERY": OVERRIDABLE}),
        ({"recorded_workload_side": "RECOVERY", "mode": Mode.DRILL}, DEFAULT, {"WORKLOAD_ON_RECOVERY": C}),
        (
            {**recovered(1, "STOPPED"), "recorded_workload_side": "RECOVERY"},
            DEFAULT,
            {"WORKLOAD_ON_RECOVERY": OVERRIDABLE},
        ),
        (
            {**recovered(1, "STOPPED"), "recorded_workload_side": "RECOVERY", "mode": Mode.DRILL},
            DEFAULT,
            {"TARGET_IN_USE": C},
        ),
        ({**recovered(1, "STOPPED"), "mode": Mode.DRILL}, DEFAULT, {}),
        (
            {
                **recovered(1, "RUNNING"),
                **target(state="running"),
                "recorded_workload_side": "RECOVERY",
            },
            STOP,
            {"TARGET_IN_USE": C},
        ),
        # recovery mode
        (server(agent_version="6.42.19"), DEFAULT, {}),
        (server(agent_version="6.42.19"), FAST, {"FAST_NOT_POSSIBLE": C}),
        (server(agent_version=None), FAST, {"FAST_NOT_POSSIBLE": C}),
        (server(agent_version="6.42.20"), FAST, {}),
        (server(agent_version="6.100.1"), FAST, {}),
        (server(original_instance_id=None), FAST, {"FAST_NOT_POSSIBLE": C}),
        # the target
        (target(state="terminated"), DEFAULT, {"TARGET_NOT_FOUND": C}),
        (target(tags={}), DEFAULT, {"TARGET_UNTAGGED": C}),
        (target(tags={"AWSDRS": "allowlaunchingintothisinstance"}), DEFAULT, {"TARGET_UNTAGGED": C}),
        (target(state="running"), DEFAULT, {"TARGET_RUNNING": C}),
        (target(state="stopping"), DEFAULT, {"TARGET_RUNNING": C}),
        (target(state="running"), STOP, {"TARGET_WILL_BE_STOPPED": W}),
        (target(scope=ELSEWHERE), DEFAULT, {"TARGET_OTHER_SCOPE": C}),
        (target(platform="windows"), DEFAULT, {"PLATFORM_DIFFERS": C}),
        (target(architecture="arm64"), DEFAULT, {"ARCHITECTURE_DIFFERS": C}),
        (server(architecture=None), DEFAULT, {"ARCHITECTURE_UNKNOWN": W}),
        (
            {**server(architecture=None), "original": instance(architecture="arm64")},
            DEFAULT,
            {"ARCHITECTURE_DIFFERS": C},
        ),
        (target(boot_mode="uefi"), DEFAULT, {"BOOT_MODE_DIFFERS": C}),
        (server(boot_mode=None), DEFAULT, {"BOOT_MODE_UNKNOWN": W}),
        (target(boot_mode=None), DEFAULT, {"BOOT_MODE_UNKNOWN": W}),
        (
            {**server(boot_mode="uefi"), **target(boot_mode="uefi")},
            DEFAULT,
            {"BOOT_MODE_UEFI_LINUX": W},
        ),
        (
            {**server(architecture="arm64"), **target(architecture="arm64")},
            DEFAULT,
            {"ARCHITECTURE_ARM64": W},
        ),
        (
            {
                **server(boot_mode="uefi", platform="windows"),
                **target(boot_mode="uefi", platform="windows"),
            },
            DEFAULT,
            {},
        ),
        (
            {**server(boot_mode=None), "original": instance(boot_mode="uefi")},
            DEFAULT,
            {"BOOT_MODE_DIFFERS": C},
        ),
        (target(root_device_type="instance-store"), DEFAULT, {"ROOT_NOT_EBS": C}),
        (target(virtualization="paravirtual"), DEFAULT, {"VIRTUALIZATION_NOT_HVM": C}),
        (target(volumes=()), DEFAULT, {"VOLUMES_MISSING": C}),
        (
            target(volumes=(Volume("/dev/xvda", 1), Volume("/dev/xvdb", 1))),
            DEFAULT,
            {"VOLUME_COUNT_DIFFERS": W},
        ),
        (server(disks=()), DEFAULT, {}),
        (target(lifecycle="spot"), DEFAULT, {"TARGET_SPOT": C}),
        (
            target(tags=TARGET_TAGS | {"aws:autoscaling:groupName": "web"}),
            DEFAULT,
            {"TARGET_AUTO_SCALING": C},
        ),
        ({"subnet_exists": False}, DEFAULT, {"SUBNET_MISSING": C}),
        ({"missing_security_groups": ("sg-9",)}, DEFAULT, {"SECURITY_GROUP_MISSING": C}),
        ({**target(instance_profile_arn=None), "profile": None}, DEFAULT, {"PROFILE_MISSING": W}),
        ({"profile": None}, DEFAULT, {"PROFILE_UNREADABLE": W}),
        ({"profile": ProfileFacts(("AmazonSSMManagedInstanceCore",))}, DEFAULT, {"PROFILE_INCOMPLETE": W}),
        ({"recorded_private_ip": "10.1.0.99"}, DEFAULT, {"ADDRESS_CHANGED": W}),
        ({"recorded_private_ip": "10.1.0.10"}, DEFAULT, {}),
        # launch settings
        ({"launch": None}, DEFAULT, {"LAUNCH_SETTINGS_UNREADABLE": C}),
        (launch(copy_private_ip=True), DEFAULT, {"LAUNCH_SETTINGS_CHANGE": W}),
        (launch(copy_tags=True), DEFAULT, {"LAUNCH_SETTINGS_CHANGE": W}),
        (launch(right_sizing="BASIC"), DEFAULT, {"LAUNCH_SETTINGS_CHANGE": W}),
        (launch(launch_disposition="STARTED"), DEFAULT, {"LAUNCH_SETTINGS_CHANGE": W}),
        (launch(launch_disposition="STARTED"), BY_WAVE, {}),
        ({"launches_into": instance(9)}, DEFAULT, {"LAUNCH_INTO_OTHER": OVERRIDABLE}),
        ({"launches_into": instance(9, tags={})}, DEFAULT, {}),
        ({"launches_into": instance(9), "paired_by": "MANUAL"}, DEFAULT, {}),
        (launch(launch_into_instance_id=instance_id(9)), DEFAULT, {}),
        ({"recorded_target": instance_id(9)}, DEFAULT, {"PAIR_CHANGED": OVERRIDABLE}),
        ({"recorded_target": instance_id(1)}, DEFAULT, {}),
        ({"recorded_target": instance_id(9), "paired_by": "MANUAL"}, DEFAULT, {}),
        (launch(launch_into_instance_id=instance_id(1)), DEFAULT, {}),
        (launch(os_byol=True), DEFAULT, {}),
        (
            {**launch(os_byol=True), **server(platform="windows"), **target(platform="windows")},
            DEFAULT,
            {"OS_BYOL_NOT_ALLOWED": C},
        ),
        (
            {
                **launch(os_byol=True),
                **server(platform="windows"),
                **target(platform="windows", tenancy="host"),
            },
            DEFAULT,
            {},
        ),
    ],
)
def test_a_single_fault_is_found_and_nothing_else(
    changes: dict[str, Any], policies: Policies, expected: dict[str, Severity]
) -> None:
    findings = check_server(facts(**changes), policies)
    assert {finding.code: finding.severity for finding in findings} == expected
    assert bool(blocking(findings)) == bool({C, OVERRIDABLE} & set(expected.values()))
    assert {finding.code for finding in blocking(findings)} == {
        code for code, severity in expected.items() if severity is not W
    }
    for finding in findings:
        assert finding.found.endswith(".")
        assert finding.remedy


def test_a_server_with_several_faults_gets_every_one_of_them() -> None:
    broken = facts(
        server=source_server(replication_state="STOPPED"),
        target=instance(state="running", architecture="arm64", tags={}),
    )
    assert set(codes(broken)) == {
        "REPLICATION_NOT_READY",
        "TARGET_RUNNING",
        "ARCHITECTURE_DIFFERS",
        "TARGET_UNTAGGED",
    }


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        (
            target(state="running"),
            f"aws ec2 stop-instances --instance-ids {instance_id(1)} --region us-east-2",
        ),
        (
            target(tags={}),
            f"aws ec2 create-tags --resources {instance_id(1)} "
            "--tags Key=AWSDRS,Value=AllowLaunchingIntoThisInstance --region us-east-2",
        ),
        (
            server(replication_state="STOPPED"),
            f"aws drs start-replication --source-server-id {server_id(1)} --region us-east-2",
        ),
        (
            {"active_job_id": "drsjob-1"},
            "aws drs describe-jobs --filters jobIDs=drsjob-1 --region us-east-2",
        ),
        (
            target(instance_profile_arn=None),
            f"aws ec2 associate-iam-instance-profile --instance-id {instance_id(1)}",
        ),
    ],
)
def test_a_remedy_that_is_one_command_is_that_command_with_the_ids_filled_in(
    changes: dict[str, Any], command: str
) -> None:
    assert any(command in finding.remedy for finding in check_server(facts(**changes), DEFAULT))


def test_no_advice_stops_a_target_that_may_be_production_without_asking() -> None:
    in_use = facts(**recovered(1, "RUNNING"), **target(state="running"))
    [finding] = check_server(in_use, DEFAULT)
    assert finding.remedy.startswith("If it is production, leave this server out. Else stop it")
    [running] = check_server(facts(**target(state="running")), DEFAULT)
    assert running.remedy.startswith("Make sure that nothing there is needed")


def test_a_drill_advises_to_fail_back_what_is_stopped_with_the_newest_data() -> None:
    stopped = facts(**recovered(1, "STOPPED"), recorded_workload_side="RECOVERY", mode=Mode.DRILL)
    [finding] = check_server(stopped, DEFAULT)
    assert "stop-instances" not in finding.remedy
    assert "Fail back first" in finding.remedy


def test_a_lock_is_cancelled_and_an_original_is_stopped_right_before_a_failover_only() -> None:
    [locked] = check_server(facts(locked_by_execution="execution-9"), DEFAULT)
    assert "or cancel it (action CANCEL)" in locked.remedy
    [runs] = check_server(facts(original=instance(state="running")), DEFAULT)
    assert runs.remedy.index("Nothing now") < runs.remedy.index("Right before a failover, stop it")


def test_the_reason_of_a_stall_is_reported() -> None:
    stalled = facts(server=source_server(replication_state="STALLED", stalled_reason="AGENT_NOT_SEEN"))
    assert "AGENT_NOT_SEEN" in check_server(stalled, DEFAULT)[0].found
    unsure = replace(stalled, has_recovery_point=None)
    assert "AGENT_NOT_SEEN" in check_server(unsure, DEFAULT)[0].found


@given(state=st.sampled_from(STATES), point=st.sampled_from([True, False, None]))
def test_a_server_without_a_copy_is_always_blocked_and_one_with_a_copy_launchable(
    state: str, point: bool | None
) -> None:
    findings = check_server(
        facts(server=source_server(replication_state=state), has_recovery_point=point), DEFAULT
    )
    if point is False or state in NEVER_LAUNCHABLE:
        assert blocking(findings)
        assert sum(finding.severity is C for finding in findings) == 1
    if point and (state == "CONTINUOUS" or state in LAUNCHABLE_WITH_COPY):
        assert not blocking(findings)


# --- scopes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"drs_initialized": False}, {"DRS_NOT_INITIALIZED": C}),
        ({"permissions": Permissions(unanswered="IAM is down.")}, {"PERMISSIONS_UNKNOWN": W}),
        ({"permissions": Permissions(("drs:StartRecovery", "ec2:AttachVolume"))}, {"ACTIONS_DENIED": C}),
        ({"jobs_in_progress": 20, "servers_to_launch": 1}, {"QUOTA_JOBS": W}),
        ({"jobs_in_progress": 19, "servers_to_launch": 1}, {}),
        ({"jobs_in_progress": 20, "servers_to_launch": 0}, {}),
        ({"servers_in_jobs": 400, "servers_to_launch": 101}, {"QUOTA_SERVERS": W}),
        ({"servers_in_jobs": 400, "servers_to_launch": 100}, {}),
    ],
)
def test_what_is_found_about_a_scope(changes: dict[str, Any], expected: dict[str, Severity]) -> None:
    values: dict[str, Any] = {"scope": RECOVERY, "permissions": Permissions(), **changes}
    findings = check_scope(ScopeFacts(**values))
    assert {finding.code: finding.severity for finding in findings} == expected
    for finding in findings:
        assert str(RECOVERY) in finding.found


def test_denied_actions_are_named() -> None:
    [finding] = check_scope(
        ScopeFacts(RECOVERY, permissions=Permissions(("drs:StartRecovery", "ec2:AttachVolume")))
    )
    assert "drs:StartRecovery, ec2:AttachVolume" in finding.found


def test_a_drill_may_not_put_older_data_over_newer_ones_whatever_is_said() -> None:
    assert severities(Mode.FAILOVER)["WORKLOAD_ON_RECOVERY"] is OVERRIDABLE
    assert severities(Mode.DRILL)["WORKLOAD_ON_RECOVERY"] is C
    failover, drill = (
        check_server(facts(recorded_workload_side="RECOVERY", mode=mode), DEFAULT)[0].remedy
        for mode in (Mode.FAILOVER, Mode.DRILL)
    )
    assert "mode: FAILBACK" in failover
    assert "override WORKLOAD_ON_RECOVERY" in failover
    assert "override" not in drill


def test_every_check_has_a_code_and_a_title_of_its_own() -> None:
    table = [(check.code, check.title) for check in CHECKS]
    table += [(check.code, check.title) for check in SCOPE_CHECKS]
    assert len({code for code, _ in table}) == len(table)
    assert len({title for _, title in table}) == len(table)
