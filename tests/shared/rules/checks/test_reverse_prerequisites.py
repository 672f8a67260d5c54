"""Each check before a reverse replication finds its own fault and nothing else, with a remedy."""

from __future__ import annotations

from typing import Any

import pytest

from shared.model.ec2 import Volume
from shared.model.finding import Severity
from shared.model.iam import Permissions
from shared.model.policies import FailbackPolicies, Policies, RecoveryInstanceDisposition, WhenTargetRuns
from shared.model.prerequisite_facts import ProfileFacts, ScopeFacts
from shared.rules.checks.check import blocking
from shared.rules.checks.reverse_facts import (
    AclEntry,
    EgressRule,
    MetadataFacts,
    NetworkFacts,
    OriginScopeFacts,
    ReverseServerFacts,
    Route,
)
from shared.rules.checks.reverse_prerequisites import (
    CHECKS,
    SCOPE_CHECKS,
    check_origin_scope,
    check_reverse_server,
    reverse_severities,
)
from shared.rules.failback.identity import Stage
from tests.makers import ORIGIN, TARGET_TAGS, instance, instance_id, source_server

C, V, W = Severity.CRITICAL, Severity.OVERRIDABLE, Severity.WARNING
A1, B3 = instance_id(1001), instance_id(1)
DEFAULT = Policies()
PROFILE = ProfileFacts(("AWSElasticDisasterRecoveryRecoveryInstancePolicy", "AmazonSSMManagedInstanceCore"))
OPEN = EgressRule("-1", None, None, "0.0.0.0/0")
NAT = Route("0.0.0.0/0", "nat-1")
LOCAL = Route("10.1.0.0/16", "local")


def policies(**failback: Any) -> Policies:
    return Policies(failback=FailbackPolicies(**failback))


def facts(**changes: Any) -> ReverseServerFacts:
    values: dict[str, Any] = {
        "server": source_server(),
        "workload": instance(1, state="running"),
        "workload_status_ok": True,
        "original": instance(1001, scope=ORIGIN),
        "network": NetworkFacts((OPEN,), (LOCAL, NAT)),
        "metadata": MetadataFacts(endpoint_enabled=True),
        "workload_profile": PROFILE,
        "original_profile": PROFILE,
        "denied_agent_actions": (),
    }
    return ReverseServerFacts(**(values | changes))


def workload(**changes: Any) -> dict[str, Any]:
    return {"workload": instance(1, **({"state": "running"} | changes))}


def original(**changes: Any) -> dict[str, Any]:
    return {"original": instance(1001, **({"scope": ORIGIN} | changes))}


def network(
    *egress: EgressRule, routes: tuple[Route, ...] = (LOCAL, NAT), **changes: Any
) -> dict[str, NetworkFacts]:
    return {"network": NetworkFacts(egress or (OPEN,), routes, **changes)}


def tcp(port: int, destination: str = "0.0.0.0/0", to: int | None = None) -> EgressRule:
    return EgressRule("tcp", port, to or port, destination)


@pytest.mark.parametrize(
    ("changes", "said", "expected"),
    [
        ({}, DEFAULT, {}),
        # the recovery side
        ({"active_job_id": "drsjob-1"}, DEFAULT, {"SERVER_BUSY": C}),
        ({"locked_by_execution": "other"}, DEFAULT, {"SERVER_LOCKED": C}),
        (workload(state="stopped"), DEFAULT, {"RECOVERY_INSTANCE_STOPPED": C}),
        ({**workload(state="stopped"), "stage": Stage.LAUNCHED}, DEFAULT, {}),
        ({"workload_status_ok": False}, DEFAULT, {"RECOVERY_INSTANCE_UNHEALTHY": V}),
        ({"stop_protected": (A1,)}, DEFAULT, {"STOP_PROTECTED": C}),
        ({"workload_status_ok": None}, DEFAULT, {}),
        (
            {
                "reversed_server": source_server(scope=ORIGIN, staging_account="999999999999"),
                "stage": Stage.REPLICATING,
            },
            DEFAULT,
            {"REVERSED_ELSEWHERE": C},
        ),
        ({**workload(instance_profile_arn=None), "workload_profile": None}, DEFAULT, {"PROFILE_MISSING": C}),
        ({"workload_profile": ProfileFacts(())}, DEFAULT, {"PROFILE_INCOMPLETE": V}),
        ({"workload_profile": None}, DEFAULT, {"PROFILE_UNREADABLE": W}),
        ({"denied_agent_actions": ("drs:CreateSourceServerForDrs",)}, DEFAULT, {"AGENT_DENIED": V}),
        ({"metadata": MetadataFacts(endpoint_enabled=False)}, DEFAULT, {"IMDS_DISABLED": C}),
        ({"metadata": None}, DEFAULT, {"IMDS_UNKNOWN": W}),
        # the failover
        (network(tcp(443), tcp(1500)), DEFAULT, {}),
        (network(tcp(0, to=65535)), DEFAULT, {}),
        (network(tcp(1500)), DEFAULT, {"EGRESS_443_CLOSED": V}),
        (network(tcp(443)), DEFAULT, {"EGRESS_1500_CLOSED": V}),
        (network(tcp(443), tcp(1500, "10.0.0.0/8")), DEFAULT, {"EGRESS_1500_CLOSED": V}),
        (
            network(
                tcp(443, "pl-63a5400a"),
                tcp(1500, "10.0.0.0/8"),
                routes=(NAT, Route("10.0.0.0/8", "tgw-1")),
                staging_destination="10.0.4.0/24",
            ),
            DEFAULT,
            {},
        ),
        (network(routes=(LOCAL,)), DEFAULT, {"ROUTE_MISSING": V}),
        (network(routes=(Route("0.0.0.0/0", "nat-1", active=False),)), DEFAULT, {"ROUTE_MISSING": V}),
        (network(routes=(Route("0.0.0.0/0", "igw-1"),)), DEFAULT, {"ROUTE_MISSING": V}),
        (network(routes=(Route("0.0.0.0/0", "igw-1"),), public_ip=True), DEFAULT, {}),
        (
            network(
                routes=(NAT, Route("10.0.0.0/16", "pcx-1", active=False)),
                staging_destination="10.0.4.0/24",
            ),
            DEFAULT,
            {"ROUTE_MISSING": V},
        ),
        (network(acl=(AclEntry(100, True, "-1", None, None, "0.0.0.0/0"),)), DEFAULT, {}),
        (
            network(
                acl=(
                    AclEntry(200, True, "-1", None, None, "0.0.0.0/0"),
                    AclEntry(100, False, "6", 1500, 1500, "0.0.0.0/0"),
                )
            ),
            DEFAULT,
            {"NETWORK_ACL_CLOSED": V},
        ),
        ({"network": None}, DEFAULT, {"NETWORK_UNKNOWN": W}),
        ({"network": None, "metadata": None, "stage": Stage.REPLICATING}, DEFAULT, {}),
        # the origin
        ({"original": None}, DEFAULT, {"ORIGINAL_NOT_FOUND": C}),
        (original(state="terminated"), DEFAULT, {"ORIGINAL_NOT_FOUND": C}),
        (original(tags={}), DEFAULT, {"ORIGINAL_UNTAGGED": C}),
        (original(tags={"AWSDRS": "yes"}), policies(tag_originals=True), {"ORIGINAL_WILL_BE_TAGGED": W}),
        (
            original(state="running"),
            policies(when_original_runs=WhenTargetRuns.BLOCK),
            {"ORIGINAL_RUNNING": C},
        ),
        (
            {
                **original(state="running", launched_at="2026-01-01T08:00:00Z"),
                "moved_off_original_at": "2026-01-01T09:00:00Z",
            },
            DEFAULT,
            {"ORIGINAL_WILL_BE_STOPPED": W},
        ),
        (original(state="running"), DEFAULT, {"ORIGINAL_RESTARTED": C}),
        (
            original(state="running"),
            policies(when_original_runs=WhenTargetRuns.STOP),
            {"ORIGINAL_WILL_BE_STOPPED": W},
        ),
        ({**original(state="running"), "stage": Stage.TO_REPROTECT}, DEFAULT, {}),
        (original(platform="windows"), DEFAULT, {"PLATFORM_DIFFERS": C}),
        (original(architecture="arm64"), DEFAULT, {"ARCHITECTURE_DIFFERS": C}),
        (original(boot_mode="uefi"), DEFAULT, {"BOOT_MODE_DIFFERS": C}),
        (original(boot_mode=None), DEFAULT, {"BOOT_MODE_UNKNOWN": W}),
        (original(root_device_type="instance-store"), DEFAULT, {"ROOT_NOT_EBS": C}),
        (original(virtualization="paravirtual"), DEFAULT, {"VIRTUALIZATION_NOT_HVM": C}),
        (original(volumes=()), DEFAULT, {"VOLUMES_MISSING": C}),
        (
            original(volumes=(Volume("/dev/xvda", 1, "vol-1"), Volume("/dev/xvdb", 1, "vol-2"))),
            DEFAULT,
            {"VOLUME_COUNT_DIFFERS": W},
        ),
        (original(lifecycle="spot"), DEFAULT, {"ORIGINAL_SPOT": C}),
        (
            original(tags=TARGET_TAGS | {"aws:autoscaling:groupName": "web"}),
            DEFAULT,
            {"ORIGINAL_AUTO_SCALING": C},
        ),
        (
            {**original(instance_profile_arn=None), "original_profile": None},
            DEFAULT,
            {"ORIGINAL_PROFILE_MISSING": V},
        ),
        ({"original_profile": ProfileFacts(())}, DEFAULT, {"ORIGINAL_PROFILE_INCOMPLETE": V}),
        ({"original_profile": None}, DEFAULT, {"ORIGINAL_PROFILE_UNREADABLE": W}),
        (
            {},
            policies(recovery_instance_disposition=RecoveryInstanceDisposition.TERMINATE),
            {"NOT_TERMINATED": W},
        ),
        (
            workload(tags={}),
            policies(recovery_instance_disposition=RecoveryInstanceDisposition.TERMINATE),
            {},
        ),
    ],
)
def test_a_single_fault_is_found_and_nothing_else(
    changes: dict[str, Any], said: Policies, expected: dict[str, Severity]
) -> None:
    findings = check_reverse_server(facts(**changes), said)
    assert {finding.code: finding.severity for finding in findings} == expected
    assert bool(blocking(findings)) == bool({C, V} & set(expected.values()))
    for finding in findings:
        assert finding.found.endswith(".")
        assert finding.remedy


def test_a_server_that_is_failed_back_is_not_checked() -> None:
    assert check_reverse_server(facts(stage=Stage.AT_ORIGIN, original=None, network=None), DEFAULT) == ()


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        (workload(state="stopped"), f"aws ec2 start-instances --instance-ids {B3} --region us-east-2"),
        (original(tags={}), f"aws ec2 create-tags --resources {A1} "),
        (
            network(tcp(443)),
            "aws ec2 authorize-security-group-egress --group-id sg-1 --protocol tcp --port 1500",
        ),
        (
            {"metadata": MetadataFacts(endpoint_enabled=False)},
            f"aws ec2 modify-instance-metadata-options --http-endpoint enabled --instance-id {B3}",
        ),
    ],
)
def test_a_remedy_that_is_one_command_has_the_ids_filled_in(changes: dict[str, Any], command: str) -> None:
    assert any(command in finding.remedy for finding in check_reverse_server(facts(**changes), DEFAULT))


def launch(**changes: Any) -> ScopeFacts:
    values: dict[str, Any] = {"scope": ORIGIN, "permissions": Permissions()}
    return ScopeFacts(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"launch": launch(drs_initialized=False), "staging_subnet": None}, {"DRS_NOT_INITIALIZED": C}),
        ({"replication_template": False}, {"REPLICATION_TEMPLATE_MISSING": C}),
        ({"staging_subnet": None}, {"STAGING_SUBNET_MISSING": C}),
        ({"staging_subnet_exists": False}, {"STAGING_SUBNET_MISSING": C}),
        ({"launch_into_source": True}, {}),
        ({"launch_into_source": True, "launch_copies": True}, {"LAUNCH_TEMPLATE_CONTRADICTS": C}),
        ({"launch": launch(permissions=Permissions(("drs:StartRecovery",)))}, {"ACTIONS_DENIED": C}),
        ({"launch": launch(permissions=Permissions(unanswered="IAM is down."))}, {"PERMISSIONS_UNKNOWN": W}),
        ({"replicating_servers": 200, "servers_to_reverse": 100}, {}),
        ({"replicating_servers": 201, "servers_to_reverse": 100}, {"QUOTA_REPLICATING": V}),
        ({"replicating_servers": 301}, {}),
        ({"launch": launch(jobs_in_progress=20, servers_to_launch=1)}, {"QUOTA_JOBS": W}),
        ({"launch": launch(servers_in_jobs=500, servers_to_launch=1)}, {"QUOTA_SERVERS": W}),
    ],
)
def test_what_is_found_about_an_origin(changes: dict[str, Any], expected: dict[str, Severity]) -> None:
    values: dict[str, Any] = {"launch": launch(), "staging_subnet": "subnet-1", **changes}
    findings = check_origin_scope(OriginScopeFacts(**values))
    assert {finding.code: finding.severity for finding in findings} == expected
    for finding in findings:
        assert str(ORIGIN) in finding.found
        assert finding.remedy


def test_every_check_has_a_code_and_a_title_of_its_own() -> None:
    table = [(check.code, check.title) for check in CHECKS]
    table += [(check.code, check.title) for check in SCOPE_CHECKS]
    assert len({code for code, _ in table}) == len(table)
    assert len({title for _, title in table}) == len(table)
    assert set(reverse_severities()) >= {code for code, _ in table}
