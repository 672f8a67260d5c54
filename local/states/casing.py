"""Parameters, results and error names of SDK tasks, as Step Functions writes them.

In ASL the parameters of ``aws-sdk:`` tasks are PascalCase whatever the service's own casing is, results are
PascalCase, times are ISO 8601 strings, and errors are ``Service.ErrorName`` (Step Functions guide, "Learning
to use AWS service SDK integrations"). moto's two methods that did this were emptied when it took the
interpreter over.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel

from local.states.times import iso

# boto3's names for services that Step Functions spells differently.
BOTO_NAMES = {
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "elasticloadbalancingv2": "elbv2",
}

# How Step Functions writes a service in an error name: the names of the Java SDK's clients.
ERROR_NAMES = {
    "cloudwatch": "CloudWatch",
    "dynamodb": "DynamoDb",
    "eventbridge": "EventBridge",
    "secretsmanager": "SecretsManager",
}


def service_error_name(service_name: str) -> str:
    """``Drs`` for ``drs``."""
    return ERROR_NAMES.get(service_name.lower(), service_name[:1].upper() + service_name[1:])


def normalise_parameters(
    self: Any, parameters: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    """Renames the members of ``parameters`` in place to those of the service's model."""
    operation = _operation_of(self, boto_service_name, service_action_name)
    if operation is not None and operation.input_shape is not None:
        renamed = to_wire(parameters, operation.input_shape)
        parameters.clear()
        parameters.update(renamed)


def normalise_response(
    self: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    """Makes every member of ``response`` PascalCase in place, and every value JSON."""
    if not isinstance(response, dict):
        return
    operation = _operation_of(self, boto_service_name, service_action_name)
    shape = operation.output_shape if operation is not None else None
    renamed = to_asl(response, shape)
    response.clear()
    response.update(renamed)


def to_wire(value: Any, shape: Any) -> Any:
    """``value`` with the member names of ``shape``, matched without regard to case."""
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {name.lower(): name for name in shape.members}
        renamed = {}
        for key, member in value.items():
            name = names.get(key.lower())
            renamed[name or key] = to_wire(member, shape.members[name] if name else None)
        return renamed
    if shape.type_name == "list" and isinstance(value, list):
        return [to_wire(member, shape.member) for member in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: to_wire(member, shape.value) for key, member in value.items()}
    if shape.type_name == "string" and isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"))
    return value


def to_asl(value: Any, shape: Any = None) -> Any:
    """``value`` of a response as a state sees it: PascalCase members, ISO 8601 times, text for bytes."""
    kind = shape.type_name if shape is not None else None
    if isinstance(value, dict):
        if kind == "structure" and shape is not None:
            return {
                _pascal(key) if key in shape.members else key: to_asl(member, shape.members.get(key))
                for key, member in value.items()
            }
        member_shape = shape.value if kind == "map" and shape is not None else None
        return {key: to_asl(member, member_shape) for key, member in value.items()}
    if isinstance(value, list):
        item_shape = shape.member if kind == "list" and shape is not None else None
        return [to_asl(member, item_shape) for member in value]
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _operation_of(task: Any, service: str | None, action: str | None) -> OperationModel | None:
    return _operation(task._get_boto_service_name(service), task._get_boto_service_action(action))


@lru_cache(maxsize=512)
def _operation(service: str, action: str) -> OperationModel | None:
    return _operations(service).get(action.replace("_", "").lower())


@lru_cache(maxsize=64)
def _operations(service: str) -> dict[str, OperationModel]:
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name).replace("_", ""): model.operation_model(name) for name in model.operation_names}
