"""CheckPrerequisites: every check blocks its own server only, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from functions.query import check_prerequisites
from shared.aws.errors import ThrottledError
from shared.model.drs import SourceServer
from shared.model.finding import Finding
from shared.model.pair import PairRecord
from shared.model.scope import Scope
from shared.model.status import ExecutionStatus, ServerStatus
from shared.store import server_lock
from tests import makers
from tests.handlers.estate import ORIGIN, RECOVERY, Estate, plan_document
from tests.handlers.wire import Wire, no_answer, refused, refused_json, simulation


def check(estate: Estate) -> dict[str, Any]:
    answer: dict[str, Any] = estate.call(check_prerequisites, site="main", executionArn=estate.arn())
    return answer


def codes(estate: Estate, name: str) -> set[str]:
    return {finding.code for finding in estate.servers()[name].findings}


def test_healthy_pairs_are_ready(estate: Estate) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("MATCHED")
    first = check(estate)
    assert (first["site"], first["ready"], first["blocked"]) == ("main", 2, 0)
    assert check(estate) == first


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"dataReplicationState": "DISCONNECTED"}, "REPLICATION_NOT_READY"),
        ({"lagSeconds": 90_000}, "LAG_TOO_HIGH"),
        ({"platform": "windows"}, "PLATFORM_DIFFERS"),
        ({"architecture": "arm64"}, "ARCHITECTURE_DIFFERS"),
    ],
)
def test_an_unfit_server_is_blocked_and_its_neighbour_is_not(
    estate: Estate, fields: dict[str, Any], code: str
) -> None:
    estate.add_pairs("db-1")
    estate.add_pairs("web-1", **fields)
    estate.reach("DECIDED")
    servers = estate.servers()
    assert servers["db-1"].status is ServerStatus.READY
    assert servers["web-1"].status is ServerStatus.BLOCKED
    assert code in codes(estate, "web-1")
    assert servers["web-1"].reason
    assert servers["web-1"].remedy


def test_a_target_that_runs_blocks_unless_the_plan_stops_it(estate: Estate) -> None:
    estate.add_servers("db-1")
    estate.add_target("db-1", state="running")
    estate.reach("DECIDED")
    assert "TARGET_RUNNING" in codes(estate, "db-1")


def test_a_server_in_another_job_or_execution_is_blocked(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1", "web-2")
    estate.fault("SERVER_BUSY", server="db-1")
    other = makers.execution(execution_id="other", status=ExecutionStatus.RUNNING, ended_at=None)
    estate.store.open(other, plan_document(name="other"), estate.clock.now())
    estate.locks.take([server_lock(pairs["web-1"][0])], "other", lambda _: False)
    estate.wire.on("sfn", "DescribeExecution", refused_json("AccessDeniedException"))
    estate.reach("DECIDED")
    assert "SERVER_BUSY" in codes(estate, "db-1")
    assert "SERVER_LOCKED" in codes(estate, "web-1")
    assert estate.servers()["web-2"].status is ServerStatus.READY


def test_rights_that_lack_block_every_server_of_the_scope(estate: Estate, wire: Wire) -> None:
    estate.add_pairs("db-1", "web-1")
    wire.on("iam", "SimulatePrincipalPolicy", simulation("ec2:AttachVolume"))
    estate.reach("DECIDED")
    assert {server.status for server in estate.servers().values()} == {ServerStatus.BLOCKED}
    assert all("ACTIONS_DENIED" in codes(estate, name) for name in ("db-1", "web-1"))
    assert "ACTIONS_DENIED" in {finding.code for finding in estate.findings.facts("execution-1", Finding)}


def test_rights_that_cannot_be_simulated_are_a_warning(estate: Estate, wire: Wire) -> None:
    estate.add_pairs("db-1")
    wire.on("iam", "SimulatePrincipalPolicy", refused("AccessDenied", status=403))
    estate.reach("DECIDED")
    assert estate.servers()["db-1"].status is ServerStatus.READY
    assert "PERMISSIONS_UNKNOWN" in {
        finding.code for finding in estate.findings.facts("execution-1", Finding)
    }


def test_originals_are_read_where_the_origin_answers(estate: Estate) -> None:
    original = estate.add_target("db-1", state="running", tags={}, scope=ORIGIN)
    estate.add_pairs("db-1", awsInstanceID=original)
    estate.reach("DECIDED")
    assert (
        estate.servers()["db-1"].original_private_ip
        == (estate.instance(original, ORIGIN)["PrivateIpAddress"])
    )


def test_an_origin_that_is_down_blocks_no_server(estate: Estate, wire: Wire) -> None:
    def only_recovery(call: Any) -> None:
        if f"ec2.{ORIGIN.region}." in call.request.url:
            no_answer(call)

    estate.add_pairs("db-1", awsInstanceID="i-00000000000000001")
    wire.on("ec2", "DescribeInstances", only_recovery)
    estate.reach("DECIDED")
    assert estate.servers()["db-1"].status is ServerStatus.READY
    assert estate.servers()["db-1"].original_private_ip is None


def test_an_address_that_changed_since_the_last_failover_is_reported(estate: Estate) -> None:
    server, target = estate.add_pairs("db-1")["db-1"]
    known = PairRecord(server, "db-1", RECOVERY, target, None, "192.0.2.1", None, None, "ORIGIN")
    estate.pairs.put([known])
    estate.reach("DECIDED")
    assert "ADDRESS_CHANGED" in codes(estate, "db-1")
    assert estate.servers()["db-1"].status is ServerStatus.READY


def test_a_server_that_runs_on_the_recovery_side_is_launched_again_only_with_a_reason(
    estate: Estate,
) -> None:
    server, target = estate.add_pairs("db-1")["db-1"]
    estate.pairs.put([PairRecord(server, "db-1", RECOVERY, target, None, None, None, None, "RECOVERY")])
    estate.reach("DECIDED")
    blocked = estate.servers()["db-1"]
    assert blocked.status is ServerStatus.BLOCKED
    assert "Fail back first" in (blocked.remedy or "")


def test_an_overridden_check_is_recorded_with_its_reason_and_blocks_no_more(estate: Estate) -> None:
    server, target = estate.add_pairs("db-1")["db-1"]
    estate.pairs.put([PairRecord(server, "db-1", RECOVERY, target, None, None, None, None, "RECOVERY")])
    override = {"check": "WORKLOAD_ON_RECOVERY", "reason": "the newer data are test data"}
    estate.reach("DECIDED", overrides=[override])
    ready = estate.servers()["db-1"]
    assert ready.status is ServerStatus.READY
    assert any("Overridden: the newer data are test data" in finding.found for finding in ready.findings)


def test_a_server_that_went_away_blocks_itself_only(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    estate.reach("MATCHED")
    drs = estate.drs_client()
    drs.disconnect_source_server(sourceServerID=pairs["web-1"][0])
    drs.delete_source_server(sourceServerID=pairs["web-1"][0])
    assert check(estate)["ready"] == 1
    assert "LAUNCH_SETTINGS_UNREADABLE" in codes(estate, "web-1")


def test_what_was_discovered_of_instances_is_asked_for_only_when_a_target_is_not_found(
    estate: Estate, wire: Wire
) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("MATCHED")

    def asked() -> bool:
        return any("FACT#INSTANCE" in call.body for call in wire.calls if call.service == "dynamodb")

    wire.clear()
    assert check(estate)["ready"] == 2
    assert not asked()
    # EC2 forgets an instance an hour after it was terminated.
    nothing = b"<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"
    wire.on("ec2", "DescribeInstances", lambda call: call.answer(200, nothing))
    assert check(estate)["ready"] == 0
    assert asked()
    assert "TARGET_NOT_FOUND" in codes(estate, "db-1") & codes(estate, "web-1")


def test_a_throttled_check_is_not_taken_for_a_finding(estate: Estate) -> None:
    estate.add_pairs("db-1")
    estate.reach("MATCHED")
    estate.fault("THROTTLED", operation="GetLaunchConfiguration")
    with pytest.raises(ThrottledError):
        check(estate)
    assert estate.servers()["db-1"].status is ServerStatus.MATCHED


def test_a_site_without_servers_is_no_call_about_them(estate: Estate) -> None:
    estate.add_target("db-1")
    estate.add_servers("other")
    estate.reach("MATCHED")
    assert check(estate) == {"site": "main", "ready": 0, "blocked": 0, "warnings": 0}


def test_two_sites_that_share_a_recovery_scope_keep_their_servers(estate: Estate) -> None:
    second = Scope("111122223333", "eu-west-1")
    recovery = {"account": RECOVERY.account, "region": RECOVERY.region}
    sites = [
        {
            "name": "main",
            "origin": {"account": ORIGIN.account, "region": ORIGIN.region},
            "recovery": recovery,
        },
        {
            "name": "west",
            "origin": {"account": second.account, "region": second.region},
            "recovery": recovery,
        },
    ]
    estate.add_pairs("db-1")
    estate.add_pairs("web-1", originRegion=second.region)
    estate.reach("DECIDED", plan_document(sites=sites))
    assert {name: server.site for name, server in estate.servers().items()} == {
        "db-1": "main",
        "web-1": "west",
    }
    assert {server.status for server in estate.servers().values()} == {ServerStatus.READY}
    assert len(estate.findings.facts("execution-1", SourceServer)) == 2
