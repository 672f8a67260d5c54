"""What the launch and the stop role must be allowed for a launch into an instance, as questions to IAM.

DRS launches with the caller's permissions (managed policy AWSElasticDisasterRecoveryConsoleFullAccess_v2).
A gap shows minutes later, as a failed launch, so it is looked for before.
"""

from __future__ import annotations

from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE
from shared.model.iam import Question
from shared.model.scope import Scope

_VIA_DRS = (("aws:ViaAWSService", "true", "boolean"), ("aws:CalledVia", "drs.amazonaws.com", "stringList"))
_TAGGED = ((f"ec2:ResourceTag/{TARGET_TAG_KEY}", TARGET_TAG_VALUE, "string"),)


def launch_questions(source_server_arn: str, instance_id: str) -> tuple[Question, ...]:
    """To the launch role: one question for each kind of resource that a launch touches."""
    _, partition, _, region, account, _ = source_server_arn.split(":", 5)
    ec2 = f"arn:{partition}:ec2:{region}:{account}"
    return (
        Question(("drs:StartRecovery", "drs:CreateRecoveryInstanceForDrs"), source_server_arn),
        Question(("ec2:StartInstances",), f"{ec2}:instance/{instance_id}", _TAGGED),
        Question(
            ("ec2:AttachVolume", "ec2:DetachVolume", "ec2:StartInstances"),
            f"{ec2}:instance/{instance_id}",
            _TAGGED + _VIA_DRS,
        ),
        Question(
            ("ec2:AttachVolume", "ec2:CreateVolume", "ec2:DetachVolume"),
            f"{ec2}:volume/vol-00000000000000000",
            _VIA_DRS,
        ),
    )


def stop_questions(source_server_arn: str, instance_id: str) -> tuple[Question, ...]:
    """To the stop role: may it stop the instance that is launched into?"""
    _, partition, _, region, account, _ = source_server_arn.split(":", 5)
    return (
        Question(
            ("ec2:StopInstances",), f"arn:{partition}:ec2:{region}:{account}:instance/{instance_id}", _TAGGED
        ),
    )


def reversal_question(partition: str, scope: Scope, recovery_instance_id: str) -> Question:
    """To the launch role: may it reverse the replication of a recovery instance in ``scope``?"""
    arn = f"arn:{partition}:drs:{scope.region}:{scope.account}:recovery-instance/{recovery_instance_id}"
    return Question(("drs:ReverseReplication",), arn)
