"""EventBridge across accounts: rules that feed a bus of another account or Region, and who may feed a bus.

Permissions of buses are kept and shown, not enforced; nor are those of a rule's role.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import eventbridge

from local.ministack import hooks

_EVENTS = "ministack.services.eventbridge"
_PROVISIONERS = "ministack.services.cloudformation.provisioners"


def install() -> None:
    """Put both in place."""
    hooks.update(
        _PROVISIONERS,
        "_RESOURCE_HANDLERS",
        {
            "AWS::Events::EventBusPolicy": {"create": _allow, "update": _change, "delete": _forbid},
            "AWS::Events::Archive": {"create": _archive, "delete": _forget},
        },
    )

    def forward(spec: Any, event: Any, rule: Any, event_path: Any, target_input_payload: Any = None) -> None:
        with request_scope(spec.account_id, spec.region):
            eventbridge._ensure_default_bus()  # MiniStack makes it at the first request to EventBridge
            original(spec, event, rule, event_path, target_input_payload)

    original = hooks.replace(_EVENTS, "_dispatch_to_event_bus", forward)


def _allow(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
    name, statement = props.get("EventBusName", "default"), props["StatementId"]
    policy = eventbridge._event_bus_policies.setdefault(name, {"Version": "2012-10-17", "Statement": []})
    policy["Statement"] = [one for one in policy["Statement"] if one.get("Sid") != statement]
    policy["Statement"].append({**json.loads(json.dumps(props.get("Statement", {}))), "Sid": statement})
    return f"{stack_name}-{logical_id}", {}


def _archive(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
    name = props.get("ArchiveName", f"{stack_name}-{logical_id}")
    request = {
        "ArchiveName": name,
        "EventSourceArn": props["SourceArn"],
        "EventPattern": json.dumps(props.get("EventPattern", {})),
        "RetentionDays": int(props.get("RetentionDays", 0)),
    }
    status, _, body = eventbridge._create_archive(request)
    if status != 200:
        raise ValueError(f"AWS::Events::Archive: {body!r}")
    return name, {"ArchiveName": name, "Arn": json.loads(body)["ArchiveArn"]}


def _forget(physical_id: str, props: dict[str, Any]) -> None:
    eventbridge._delete_archive({"ArchiveName": physical_id})


def _change(
    physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str | None = None
) -> tuple[str, dict[str, Any]]:
    _forbid(physical_id, old)
    _allow(logical_id or physical_id, new, stack_name)
    return physical_id, {}


def _forbid(physical_id: str, props: dict[str, Any]) -> None:
    policy = eventbridge._event_bus_policies.get(props.get("EventBusName", "default"))
    if policy is not None:
        policy["Statement"] = [one for one in policy["Statement"] if one.get("Sid") != props["StatementId"]]
