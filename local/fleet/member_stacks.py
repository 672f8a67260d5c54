"""The member stacks of a fleet: their parameters, and CreateStack for a cloud that SAM cannot reach."""

from __future__ import annotations

from local.fleet.cloud import ClientFactory
from local.fleet.model import Fleet
from local.paths import ROOT

MEMBER_STACK = "drs-orchestrator-member"
MEMBER_TEMPLATE = ROOT / "member-account.yaml"


def create_member_stacks(fleet: Fleet, clients: ClientFactory) -> None:
    """Create them in every member account."""
    parameters = [
        {"ParameterKey": name, "ParameterValue": value} for name, value in member_parameters(fleet).items()
    ]
    for account, region in fleet.member_accounts.items():
        clients("cloudformation", account, region).create_stack(
            StackName=MEMBER_STACK,
            TemplateBody=MEMBER_TEMPLATE.read_text("utf-8"),
            Parameters=parameters,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )


EVENT_BUS = "drs-orchestrator-events"
"""As template.yaml calls its bus in a stack called drs-orchestrator."""


def member_parameters(fleet: Fleet) -> dict[str, str]:
    """The parameters of member-account.yaml."""
    orchestration = fleet.orchestration
    return {
        "OrchestrationAccountId": orchestration.account,
        "ExternalId": fleet.external_id,
        "AllowTagging": "true",
        "AllowRemovingVolumes": "true",
        "SharedSsmDocuments": "AWS-RunShellScript",
        "EventBusArn": f"arn:aws:events:{orchestration.region}:{orchestration.account}:event-bus/{EVENT_BUS}",
    }
