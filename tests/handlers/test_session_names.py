"""CloudTrail of a member account shows which function called: each has a session name of its own."""

from __future__ import annotations

from shared.aws.cross_account import session_name
from tests.handlers.estate import Estate


def test_each_function_has_a_session_of_its_own_name(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("CONFIGURED")
    names = {call.form["RoleSessionName"][0] for call in estate.wire.of("AssumeRole")}
    expected = {"DiscoverServers", "CheckPrerequisites", "DecidePairs", "ConfigureLaunch"}
    assert {f"drs-orchestrator-{name}" for name in expected} <= names
    assert "drs-orchestrator" not in names


def test_a_session_name_is_what_sts_accepts() -> None:
    assert session_name("stop_targets") == "drs-orchestrator-StopTargets"
    assert session_name("") == "drs-orchestrator"
    assert len(session_name("a_very_long_name_" * 9)) == 64
