"""Failures of a server during a failover: what brings each about, and how its remedy is followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.rules.drs.drs_error_handler import explain
from shared.rules.drs.drs_error_table import RAW_ERRORS
from tests.workflows.adversaries.outsiders import each_time, point
from tests.workflows.adversaries.test_decided_pairs import forge, once, tamper, untag
from tests.workflows.advice.aws_cli import typed
from tests.workflows.advice.failover_situations import PLAIN
from tests.workflows.stage import Stage

Follow = Callable[[Stage, str, str], Any]


def cause_removed(here: Stage, server: str, remedy: str) -> None:
    """What no call of the emulated AWS shows is put right: all faults end after the first run."""


@dataclass(frozen=True, slots=True)
class Failure:
    """``says``: words of the remedy. ``outcome``: of the first run; the second recovers what did not."""

    name: str
    arises: Callable[[Stage, str], Any]
    says: str
    follow: Follow = cause_removed
    outcome: str = "FAILED"
    code: str | None = None
    wave: str = "all"


# --- what goes wrong


def refused(message: str) -> Callable[[Stage, str], None]:
    return lambda here, server: here.ec2_fault("START_REFUSED", server, message=message)


def falls_back(message: str) -> Callable[[Stage, str], None]:
    return lambda here, server: here.ec2_fault("START_FAILS", server, message=message)


def job_fails(message: str) -> Callable[[Stage, str], None]:
    def arise(here: Stage, server: str) -> None:
        here.drs_fault("PHASE_FAILS", phase="CONVERSION", server=here.source(server), message=message)

    return arise


def hijacked(times: int) -> Callable[[Stage, str], None]:
    """Others set the launch settings before each start, so many times."""

    def arise(here: Stage, server: str) -> None:
        def act(n: int) -> None:
            if n <= times and here.outsiders != "stopped":
                point(here, server, here.target(PLAIN))

        each_time(here, "StartRecovery", act)

    return arise


def at(function: str, act: Callable[[Stage, str], Any]) -> Callable[[Stage, str], Any]:
    """It happens right before the first call of a function."""
    return lambda here, server: once(here, function, lambda: act(here, server))


def started(here: Stage, server: str) -> None:
    here.ec2().start_instances(InstanceIds=[here.target(server)])


def stuck(here: Stage, server: str) -> None:
    here.drs_fault("JOB_STUCK", phase="LAUNCH", server=here.source(server), seconds=1500)


# --- what operators do


def type_it(here: Stage, server: str, remedy: str) -> None:
    typed(here, remedy)
    here.cloud.advance(5)


def change_type(here: Stage, server: str, remedy: str) -> None:
    here.ec2().modify_instance_attribute(InstanceId=here.target(server), InstanceType={"Value": "m6i.xlarge"})


def stop(here: Stage, server: str, remedy: str) -> None:
    here.ec2().stop_instances(InstanceIds=[here.target(server)])
    here.cloud.advance(5)


def stop_the_changer(here: Stage, server: str, remedy: str) -> None:
    assert "Find what changes the launch settings" in remedy, remedy
    here.outsiders = "stopped"


def wait(here: Stage, server: str, remedy: str) -> None:
    here.cloud.advance(1500)


def _each_text() -> list[Failure]:
    """A launch that fails with an error of each remedy that a job log can lead to."""
    firsts = {remedy: texts[0] for texts, remedy in reversed(RAW_ERRORS)}
    return [
        Failure(f"job-{n}", job_fails(f"It {text} somehow"), remedy)
        for n, (remedy, text) in enumerate(firsts.items())
    ]


REFUSALS = (
    "OptInRequired",
    "InvalidKMSKey.InvalidState",
    "VcpuLimitExceeded",
    "AttachmentLimitExceeded",
    "OperationNotPermitted",
    "Unsupported",
    "UnsupportedOperation",
    "UnauthorizedOperation",
    "InvalidInstanceID.NotFound",
)
"""What EC2 may answer to StartInstances, one for each remedy that it leads to."""


def _each_code() -> list[Failure]:
    return [
        Failure(f"code-{n}", refused(f"{code}: refused"), explain(code, "", "StartInstances").remedy)
        for n, code in enumerate(REFUSALS)
    ]


AGAIN = "run the plan again"

FAILURES = (
    *_each_text(),
    *_each_code(),
    Failure("capacity", refused("InsufficientInstanceCapacity: none"), "Change the type", change_type),
    Failure("falls-back-key", falls_back("Client.InternalError: Client error on launch"), "KMS key"),
    Failure("falls-back-quota", falls_back("Client.VolumeLimitExceeded: too many"), "quota"),
    Failure("falls-back", falls_back("Server.Odd: it fell back"), "it starts"),
    Failure("impaired", lambda here, s: here.ec2_fault("STATUS_CHECK_FAILS", s), "stop the instance", stop),
    Failure("stuck", stuck, "When it is COMPLETED", wait, wave="slow"),
    Failure("hijacked", hijacked(99), AGAIN, stop_the_changer, code="LAUNCH_INTO_CHANGED"),
    Failure("hijacked-once", hijacked(1), AGAIN, outcome="RECOVERED", code="LAUNCH_SETTINGS_OVERWRITTEN"),
    Failure(
        "disposition",
        lambda here, s: here.drs_fault("IGNORES_DISPOSITION", server=here.source(s)),
        "launchOrder BY_WAVE",
        outcome="RECOVERED",
        code="STARTED_BY_DRS",
    ),
    Failure(
        "tampered",
        at("StopTargets", lambda here, s: tamper(here, s, pairInstanceId=here.target(PLAIN))),
        AGAIN,
        code="DECIDED_PAIR_CHANGED",
    ),
    Failure("untagged-before", at("StopTargets", untag), "create-tags", type_it),
    Failure("untagged-at-start", at("StartRecovery", untag), "create-tags", type_it),
    Failure("untagged-after", at("StartInstances", untag), "create-tags", type_it),
    Failure("started-after-checks", at("StopTargets", started), "stop-instances", type_it),
    Failure("started-at-start", at("StartRecovery", started), "stop-instances", type_it),
    Failure(
        "forged-pair",
        at("DecidePairs", lambda here, s: forge(here, s, pairInstanceId=here.target(PLAIN))),
        AGAIN,
        outcome="BLOCKED",
        code="PAIR_CONTRADICTED",
    ),
    Failure(
        "forged-verdict",
        at("DecidePairs", lambda here, s: forge(here, s, status="MATCHED")),
        AGAIN,
        outcome="BLOCKED",
        code="NOT_CHECKED",
    ),
    Failure(
        "forged-site",
        at("DecidePairs", lambda here, s: forge(here, s, site="elsewhere")),
        "whether the plan still selects it",
        outcome="BLOCKED",
        code="SOURCE_SERVER_NOT_FOUND",
    ),
)
