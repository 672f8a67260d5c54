"""Policies of AWS that MiniStack does not know and a disaster recovery leans on.

Version 4 of AWSElasticDisasterRecoveryRecoveryInstancePolicy (AWS managed policy reference): what an agent
may do on a recovery instance, and as a source server elsewhere, so that its replication can be reversed.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import iam

from local.ministack import hooks

RECOVERY_INSTANCE = "service-role/AWSElasticDisasterRecoveryRecoveryInstancePolicy"

_AGENT = (
    "GetAgentCommandForDrs",
    "GetAgentConfirmedResumeInfoForDrs",
    "GetAgentReplicationInfoForDrs",
    "GetAgentRuntimeConfigurationForDrs",
    "SendAgentLogsForDrs",
    "SendAgentMetricsForDrs",
    "UpdateAgentBacklogForDrs",
    "UpdateAgentConversionInfoForDrs",
    "UpdateAgentReplicationInfoForDrs",
    "UpdateAgentSourcePropertiesForDrs",
)
_REPLICATION = ("NotifyReplicationServerAuthenticationForDrs", "UpdateReplicationCertificateForDrs")
_INSTALLATION = ("CreateSourceServerForDrs", "GetAgentInstallationAssetsForDrs", "SendClientLogsForDrs")
_THIS_INSTANCE = "${ec2:SourceInstanceARN}"
_installed = False


def install() -> None:
    """Once per process; again is harmless. What MiniStack forgets at a reset it gets again."""
    global _installed
    if _installed:
        return
    _installed = True
    _add()

    def seed() -> None:
        original()
        _add()

    original = hooks.replace("ministack.services.iam", "_seed_aws_managed_policies", seed)


def _add() -> None:
    document = {"Version": "2012-10-17", "Statement": _statements()}
    record = iam._make_aws_managed_record(RECOVERY_INSTANCE, json.dumps(document))
    hooks.update("ministack.services.iam", "_aws_managed_policies", {record["Arn"]: record})


def _statements() -> list[dict[str, Any]]:
    role = "arn:aws:iam::*:role/service-role/DRSCrossAccountAgentAuthorizedRole_*"
    return [
        _allow(
            (*_drs(*_AGENT), *_drs(*_REPLICATION)),
            "arn:aws:drs:*:*:recovery-instance/*",
            StringEquals={"drs:EC2InstanceARN": _THIS_INSTANCE},
        ),
        _allow((*_drs("DescribeRecoveryInstances", *_INSTALLATION), "ec2:DescribeInstanceTypes"), "*"),
        _allow(
            _drs("TagResource"),
            "arn:aws:drs:*:*:source-server/*",
            StringEquals={"drs:CreateAction": "CreateSourceServerForDrs"},
        ),
        _allow(_drs(*_AGENT), "arn:aws:drs:*:*:source-server/*"),
        _allow(
            ("sts:AssumeRole", "sts:TagSession"),
            role,
            StringLike={"aws:RequestTag/SourceInstanceARN": _THIS_INSTANCE},
            **{"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": "SourceInstanceARN"}},
        ),
    ]


def _drs(*actions: str) -> tuple[str, ...]:
    return tuple(f"drs:{action}" for action in actions)


def _allow(actions: tuple[str, ...], resource: str, **condition: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement
