"""From the request of a failback to servers that are replicated to the origin and may be launched there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.configuration import report_stall, request_approval
from shared.model.finding import Finding
from shared.model.status import Protection, ServerStatus
from shared.rules.plan.requests import RequestInvalidError
from tests import makers
from tests.handlers.estate import ORIGIN, RECOVERY, Estate
from tests.handlers.failover import Failover
from tests.handlers.wire import Wire, lost_answer


@pytest.fixture
def away(estate: Estate) -> Failover:
    return Failover(estate, "web-1", "web-2")


# --- opening and identifying


def test_a_failback_of_a_failover_takes_its_plan_and_its_servers(away: Failover) -> None:
    answer = away.open()
    assert (answer["plan"], answer["mode"], answer["sites"]) == ("erp", "FAILBACK", ["main"])
    assert (answer["cutoverApproval"], answer["quiesce"]) == (False, False)
    assert away.identify() == {"site": "main", "servers": 2, "identified": 2, "blocked": 0}
    for name, ids in away.ids.items():
        server = away.servers()[name]
        assert (server.status, server.wave, server.scope) == (ServerStatus.MATCHED, "web", ORIGIN)
        assert server.source_server_id == ids.server
        assert server.pair_instance_id == server.original_instance_id == ids.original
        assert (server.workload_instance_id, server.workload_scope) == (ids.workload, RECOVERY)
        assert server.private_ip_before == away.estate.instance(ids.original, ORIGIN)["PrivateIpAddress"]
    assert away.identify()["servers"] == 2


@pytest.mark.parametrize(
    ("request_", "modes", "field"),
    [
        ({"failover": "nobody"}, ["FAILBACK"], "failover"),
        ({}, ["FAILOVER", "DRILL"], "mode"),
    ],
)
def test_what_cannot_be_brought_home_is_refused_by_name(
    away: Failover, request_: dict[str, Any], modes: list[str], field: str
) -> None:
    with pytest.raises(RequestInvalidError, match=field):
        away.open(modes, **request_)


def test_only_the_recovery_instances_that_the_request_names_come_home(away: Failover) -> None:
    ids = [away.ids["web-2"].workload, "i-00000000000000bad"]
    away.open(plan=away.plan, recoveryInstanceIds=ids)
    away.identify()
    assert set(away.servers()) == {"web-2"}
    away.check()
    findings = away.estate.store.facts("failback-1", Finding)
    assert ["i-00000000000000bad" in f.found for f in findings if f.code == "RECOVERY_INSTANCE_UNKNOWN"]


def test_a_changed_address_is_refused_with_both_values(away: Failover) -> None:
    [pair] = away.estate.pairs.get([away.ids["web-1"].server]).values()
    away.estate.pairs.put([replace(pair, original_private_ip="10.9.9.9")])
    away.open()
    away.identify()
    server = away.servers()["web-1"]
    assert server.status is ServerStatus.BLOCKED
    assert "RECORD_CONTRADICTED_ADDRESS" in away.codes("web-1")
    assert "10.9.9.9" in (server.reason or "")
    assert (server.private_ip_before or "-") in (server.reason or "")
    assert away.servers()["web-2"].status is ServerStatus.MATCHED


# --- checks


def test_servers_that_may_come_home_are_ready(away: Failover) -> None:
    away.open()
    away.identify()
    answer = away.check()
    assert (answer["ready"], answer["blocked"]) == (2, 0), away.servers()
    assert away.reserve()["decision"] == "PROCEED"


def test_a_check_can_be_overridden_with_a_reason(away: Failover) -> None:
    ec2 = away.estate.ec2()
    for group in ec2.describe_security_groups()["SecurityGroups"]:
        if group["IpPermissionsEgress"]:
            ec2.revoke_security_group_egress(
                GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"]
            )
    override = {"check": "EGRESS_443_CLOSED", "reason": "there are endpoints", "servers": ["web-1"]}
    away.open(overrides=[override])
    away.identify()
    assert away.check()["blocked"] == 2
    assert "EGRESS_443_CLOSED" in away.codes("web-2")
    assert any("there are endpoints" in finding.found for finding in away.servers()["web-1"].findings)


def test_an_origin_without_drs_blocks_all_with_the_remedy(estate: Estate) -> None:
    away = Failover(estate, "web-1")
    for item in away.drs.describe_replication_configuration_templates()["items"]:
        away.drs.delete_replication_configuration_template(
            replicationConfigurationTemplateID=item["replicationConfigurationTemplateID"]
        )
    away.open()
    away.identify()
    assert away.check()["blocked"] == 1
    assert "REPLICATION_TEMPLATE_MISSING" in away.codes("web-1")


# --- reversing and watching


def test_the_reversal_waits_for_the_agent_and_is_asked_for_once(away: Failover, wire: Wire) -> None:
    away.reach_reversal()
    away.estate.clock.advance(600)
    assert away.reverse() == {"site": "main", "reversed": 2, "waiting": 0, "failed": 0, "waitSeconds": 30}
    wire.clear()
    assert away.reverse() == {"site": "main", "reversed": 0, "waiting": 0, "failed": 0, "waitSeconds": 30}
    assert not wire.of("ReverseReplication")
    found = {item["sourceServerID"] for item in away.reversed_servers()}
    assert {server.reversed_server_id for server in away.servers().values()} == found
    assert len(found) == 2


def test_a_lost_answer_makes_no_second_reversed_server(away: Failover, wire: Wire) -> None:
    away.reach_reversal()
    away.estate.clock.advance(600)
    wire.on("drs", "ReverseReplication", lost_answer(wire))
    assert away.reverse()["reversed"] == 2
    assert len(wire.of("ReverseReplication")) == len(away.reversed_servers()) == 2


def test_an_agent_that_never_checks_in_fails_alone_with_the_remedy(estate: Estate) -> None:
    away = Failover(estate, "web-1", "web-2")
    away.reach_reversal()
    estate.fault("AGENT_NEVER_CHECKS_IN", server=away.ids["web-1"].server)
    estate.clock.advance(600)
    assert away.reverse() == {"site": "main", "reversed": 1, "waiting": 1, "failed": 0, "waitSeconds": 30}
    estate.clock.advance(1801)
    assert away.reverse() == {"site": "main", "reversed": 0, "waiting": 0, "failed": 1, "waitSeconds": 120}
    server = away.servers()["web-1"]
    assert "did not check in" in (server.reason or "")
    assert "AWSElasticDisasterRecoveryRecoveryInstancePolicy" in (server.remedy or "")


def test_replicated_servers_go_to_their_originals(away: Failover) -> None:
    away.reach_reversal()
    away.replicate()
    answer = away.watch()
    assert (answer["action"], answer["replicating"], answer["replicated"]) == ("GO", 0, 2)
    assert away.watch(drained=True)["action"] == "GO"
    assert away.configure() == {"configured": 2, "unchanged": 0, "failed": 0, "batches": [1]}
    for name, server in away.servers().items():
        assert server.status is ServerStatus.CONFIGURED
        assert server.previous_launch is not None
        into = away.estate.launch_configuration(server.drs_server_id, ORIGIN)["launchIntoInstanceProperties"]
        assert into["launchIntoEC2InstanceID"] == away.ids[name].original


def test_a_second_failback_adopts_what_the_first_reversed(away: Failover, wire: Wire) -> None:
    away.reach_reversal()
    away.replicate()
    before = {server.reversed_server_id for server in away.servers().values()}
    away.estate.store.change_execution("failback-1", {"status": "CANCELLED"})
    away.estate.execution_id = "failback-2"
    wire.clear()
    away.reach_reversal()
    assert away.reverse()["reversed"] == 2
    assert not wire.of("ReverseReplication")
    assert {server.reversed_server_id for server in away.servers().values()} == before
    assert away.watch()["action"] == "GO"


def test_originals_are_tagged_when_the_plan_says_so(estate: Estate) -> None:
    away = Failover(estate, "web-1", failback={"tagOriginals": True})
    original = away.ids["web-1"].original
    estate.ec2(ORIGIN).delete_tags(Resources=[original], Tags=[{"Key": "AWSDRS"}])
    away.reach_reversal()
    assert "ORIGINAL_WILL_BE_TAGGED" in away.codes("web-1")
    estate.clock.advance(600)
    assert away.reverse()["reversed"] == 1
    tags = {tag["Key"]: tag["Value"] for tag in estate.instance(original, ORIGIN)["Tags"]}
    assert tags["AWSDRS"] == "AllowLaunchingIntoThisInstance"


def test_a_stall_is_reported_once_with_its_remedy(away: Failover) -> None:
    away.reach_reversal()
    away.estate.clock.advance(600)
    away.reverse()
    away.estate.ec2().stop_instances(InstanceIds=[away.ids["web-1"].workload])
    for _ in range(20):
        away.estate.clock.advance(60)
        if away.watch()["newlyStalled"]:
            break
    assert away.estate.call(report_stall) == {"reported": 1}
    assert away.estate.call(report_stall) == {"reported": 0}
    subject, text = away.estate.messages()[-1]
    assert "stalled" in subject
    assert "web-1" in text
    assert "systemctl status aws-replication" in text


def test_the_approval_of_a_cutover_says_who_is_ready(away: Failover) -> None:
    away.reach_reversal()
    away.replicate()
    away.estate.call(request_approval, taskToken="t", timeoutSeconds=7200, subject="CUTOVER")
    subject, text = away.estate.messages()[-1]
    assert subject == "erp: approval of the cutover needed"
    assert "2 servers have a copy at the origin that is new enough, 0 are left behind" in text
    assert "Nothing has been changed" not in text


def test_servers_that_are_home_already_need_nothing(estate: Estate) -> None:
    away = Failover(estate, "web-1")
    ids = away.ids["web-1"]
    drs = estate.drs_client()
    drs.disconnect_recovery_instance(recoveryInstanceID=ids.workload)
    drs.delete_recovery_instance(recoveryInstanceID=ids.workload)
    [pair] = estate.pairs.get([ids.server]).values()
    home = replace(pair, workload_side="ORIGIN", last_failback="failback-0")
    estate.pairs.put([home])
    away.open()
    away.identify()
    assert away.check()["blocked"] == 0
    server = away.servers()["web-1"]
    assert (server.status, server.protection) == (ServerStatus.RECOVERED, Protection.RETIRED)
    assert away.reserve()["decision"] == "PROCEED"
    assert away.reverse()["reversed"] == 0
    answer = away.watch()
    assert (answer["action"], answer["replicated"]) == ("GO", 0)


def test_a_server_that_changed_under_its_neighbours_fails_alone(away: Failover) -> None:
    away.reach_reversal()
    drs = away.estate.drs_client()
    drs.disconnect_recovery_instance(recoveryInstanceID=away.ids["web-1"].workload)
    drs.delete_recovery_instance(recoveryInstanceID=away.ids["web-1"].workload)
    away.estate.clock.advance(600)
    assert away.reverse() == {"site": "main", "reversed": 1, "waiting": 0, "failed": 1, "waitSeconds": 30}
    assert "DRS shows no recovery instance" in (away.servers()["web-1"].reason or "")


def test_a_record_that_somebody_settled_is_not_asked_for(away: Failover) -> None:
    away.reach_reversal()
    server = away.servers()["web-1"]
    values = {"status": ServerStatus.SKIPPED}
    away.estate.store.change_servers("failback-1", [makers.changed(server, values)])
    away.estate.clock.advance(600)
    assert away.reverse()["reversed"] == 1
    assert len(away.reversed_servers()) == 1
