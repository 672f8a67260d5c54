"""What a server takes over: a job or launch of an execution that is over, and what was before any launch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.model.drs import RecoveryInstance
from shared.model.ec2 import Volume
from shared.model.finding import Finding, Severity
from shared.model.policies import Mode
from shared.model.server import ServerRecord
from shared.model.status import Adoption, ServerStatus
from shared.rules.resumption.adoption import Earlier
from shared.rules.resumption.carry_over import Past, carry_over
from tests.makers import execution, facts, instance, instance_id, job, launch_settings, record, server_id

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUNNING = replace(job("STARTED"), created_at=(NOW - timedelta(minutes=5)).isoformat())
ENDED = replace(RUNNING, status="COMPLETED")
BEFORE = launch_settings(launch_disposition="STARTED")
VOLUMES = (Volume("/dev/xvda", 1, "vol-before"),)
LAUNCHED = RecoveryInstance(instance_id(1), instance_id(1), "STOPPED", server_id(1), ENDED.job_id, False)


def earlier(name: str, mode: Mode = Mode.FAILOVER, *, over: bool = True, **changes: Any) -> Earlier:
    server: ServerRecord = record(1, status=ServerStatus.LAUNCHED, **changes)
    return Earlier(execution(execution_id=name, mode=mode), server, over, same_plan_and_mode=True)


STARTER = earlier("starter")
LATER = "2026-01-01T11:00:00Z"
KEPT: dict[str, Any] = {"previous_launch": BEFORE, "launch_changed": True, "launched_at": LATER}


@pytest.mark.parametrize(
    ("past", "adopted", "adopted_from"),
    [
        (Past(None, None, None), None, None),
        (Past(RUNNING, None, None), None, None),
        (Past(RUNNING, STARTER, None), Adoption.JOB, "starter"),
        (Past(ENDED, STARTER, None), Adoption.LAUNCH, "starter"),
        (Past(ENDED, earlier("starter", over=False), None), None, None),
        (Past(ENDED, STARTER, earlier("holder", over=False)), None, None),
        (Past(ENDED, STARTER, earlier("holder")), Adoption.LAUNCH, "starter"),
        (Past(ENDED, STARTER, earlier("holder", cleaned_up_at="2026-01-01T11:00:00Z")), None, None),
    ],
)
def test_only_what_no_execution_works_on_any_more_is_adopted(
    past: Past, adopted: Adoption | None, adopted_from: str | None
) -> None:
    carried = carry_over(record(), facts(recovery_instance=LAUNCHED), past, NOW)
    assert (carried.server.adoption, carried.server.adopted_from) == (adopted, adopted_from)
    assert carried.server.job_id == (past.job.job_id if past.job and adopted else None)
    assert (carried.finding is not None) == (adopted is not None)


@pytest.mark.parametrize(
    ("past", "settings", "changed"),
    [
        (Past(None, None, None), None, False),
        (Past(ENDED, earlier("starter", previous_launch=BEFORE), None), BEFORE, True),
        (Past(None, None, earlier("holder", previous_launch=BEFORE)), None, False),
        (Past(None, None, earlier("holder", previous_launch=BEFORE, launch_changed=True)), BEFORE, True),
        # Launched by a failover: its settings go with what may run there, and nothing is to be put back.
        (Past(None, None, earlier("holder", **KEPT)), BEFORE, False),
        (Past(None, None, earlier("holder", Mode.DRILL, **KEPT)), BEFORE, True),
        (Past(None, None, earlier("holder", **KEPT, cleaned_up_at=LATER)), BEFORE, True),
    ],
)
def test_what_is_to_be_put_back_is_what_an_earlier_execution_found(
    past: Past, settings: object, changed: bool
) -> None:
    server = carry_over(record(), facts(recovery_instance=LAUNCHED), past, NOW).server
    assert (server.previous_launch, server.launch_changed) == (settings, changed)


@pytest.mark.parametrize(
    ("past", "volumes"),
    [
        (Past(None, None, None), instance().volumes),
        (Past(ENDED, earlier("starter", volumes_before=VOLUMES), None), VOLUMES),
        (Past(None, None, earlier("drill", Mode.DRILL, volumes_before=VOLUMES)), VOLUMES),
        (Past(None, None, earlier("failover", volumes_before=VOLUMES)), instance().volumes),
    ],
)
def test_the_volumes_are_those_before_an_adopted_launch_or_a_drill(
    past: Past, volumes: tuple[Volume, ...]
) -> None:
    carried = carry_over(record(), facts(recovery_instance=LAUNCHED), past, NOW)
    assert carried.server.volumes_before == volumes


def test_a_drill_that_began_to_swap_volumes_back_leaves_no_launch_to_adopt() -> None:
    target = instance(volumes=VOLUMES)
    drill = earlier("drill", Mode.DRILL, volumes_before=VOLUMES)
    carried = carry_over(
        record(), facts(target=target, recovery_instance=LAUNCHED), Past(ENDED, drill, None), NOW
    )
    assert carried.server.adoption is None


def test_findings_about_a_launch_do_not_count_once_it_is_adopted() -> None:
    findings = [Finding(code, Severity.CRITICAL, "x.", "y.") for code in ("SERVER_BUSY", "TARGET_UNTAGGED")]
    adopted = carry_over(record(), facts(), Past(RUNNING, STARTER, None), NOW)
    anew = carry_over(record(), facts(), Past(None, None, None), NOW)
    assert [finding.code for finding in adopted.settle(findings)] == ["TARGET_UNTAGGED", "ADOPTED"]
    assert anew.settle(findings) == tuple(findings)
