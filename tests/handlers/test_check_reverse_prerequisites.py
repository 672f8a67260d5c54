"""CheckReversePrerequisites: what a failback needs on both sides, and what can be overridden."""

from __future__ import annotations

from dataclasses import replace

from shared.model.status import Protection, ServerStatus
from tests.handlers.estate import Estate
from tests.handlers.failover import Failover


def test_servers_that_may_fail_back_are_ready(away: Failover) -> None:
    away.open()
    away.identify()
    answer = away.check()
    assert (answer["ready"], answer["blocked"]) == (2, 0), away.servers()
    away.decide()
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
    away.decide()
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


def test_servers_that_were_failed_back_need_nothing(estate: Estate) -> None:
    away = Failover(estate, "web-1")
    ids = away.ids["web-1"]
    drs = estate.drs_client()
    drs.disconnect_recovery_instance(recoveryInstanceID=ids.workload)
    drs.delete_recovery_instance(recoveryInstanceID=ids.workload)
    [pair] = estate.pairs.get([ids.server]).values()
    origin = replace(pair, workload_side="ORIGIN", last_failback="failback-0")
    estate.pairs.put([origin])
    away.open()
    away.identify()
    assert away.check()["blocked"] == 0
    away.decide()
    server = away.servers()["web-1"]
    assert (server.status, server.failback.protection) == (ServerStatus.RECOVERED, Protection.RETIRED)
    assert away.reserve()["decision"] == "PROCEED"
    assert away.reverse()["reversed"] == 0
    answer = away.watch()
    assert (answer["action"], answer["replicated"]) == ("GO", 0)
