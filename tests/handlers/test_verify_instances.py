"""VerifyInstances: started instances pass their checks within the plan's limit."""

from __future__ import annotations

from functions.configuration import verify_instances
from functions.execution.launch import start_instances
from shared.model.status import ServerStatus
from tests.handlers.closure import move
from tests.handlers.estate import Estate, plan_document


def verify(estate: Estate) -> dict[str, int]:
    """VerifyInstances, and the next poll of which is 5 to 60 seconds later."""
    answer: dict[str, int] = estate.call(verify_instances, wave="web")
    assert 5 <= answer.pop("waitSeconds") <= 60
    assert answer.pop("toStart") == 0
    return answer


def test_launched_targets_are_started_and_verified(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("RESERVED")
    move(estate, ServerStatus.LAUNCHED, "web-1", "web-2")
    assert estate.call(start_instances, wave="web") == {"starting": 2, "failed": 0}
    assert estate.call(start_instances, wave="web") == {"starting": 0, "failed": 0}
    assert estate.instance(pairs["web-1"][1])["State"]["Name"] == "running"
    assert estate.servers()["web-1"].start_requested_at == estate.now
    assert verify(estate) == {"pending": 0, "recovered": 2, "failed": 0}
    assert verify(estate) == {"pending": 0, "recovered": 0, "failed": 0}
    server = estate.servers()["web-1"]
    assert (server.verified_at, server.private_ip_after) == (estate.now, server.private_ip_before)


def test_what_may_still_come_up_is_waited_for_until_the_policy_ends(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2", "web-3")
    checks = [{"type": "TCP", "port": 1, "host": "127.0.0.1", "timeoutSeconds": 1}]
    waves = [{"name": "web", "servers": {"names": ["web-*"]}, "healthChecks": checks}]
    estate.reach("RESERVED", plan_document(waves=waves, policies={"verifyTimeoutSeconds": 600}))
    move(estate, ServerStatus.STARTING, "web-1", "web-2", "web-3", start_requested_at=estate.now)
    estate.ec2().start_instances(InstanceIds=[pairs["web-1"][1]])
    estate.ec2().terminate_instances(InstanceIds=[pairs["web-3"][1]])
    assert verify(estate) == {"pending": 2, "recovered": 0, "failed": 1}
    assert "does not run" in (estate.servers()["web-3"].reason or "")
    estate.clock.advance(120)
    assert verify(estate) == {"pending": 1, "recovered": 0, "failed": 1}
    assert "did not start" in (estate.servers()["web-2"].reason or "")
    estate.clock.advance(600)
    assert verify(estate) == {"pending": 0, "recovered": 0, "failed": 1}
    failed = estate.servers()["web-1"]
    assert "Not verified in time: TCP 127.0.0.1:1 does not answer" in (failed.reason or "")
    assert [(one.check, one.passed) for one in failed.health_results] == [("TCP 127.0.0.1:1", False)]
    assert "refused" in failed.health_results[0].found
