"""Tags of source servers, recovery instances, jobs and templates, by ARN."""

from __future__ import annotations

from typing import Any

from drs_emulator.errors import ResourceNotFoundError, ValidationError
from drs_emulator.operations.registry import Call, operation
from drs_emulator.state import Scope


def tags_of(scope: Scope, arn: str) -> dict[str, str] | None:
    """The stored tags of a resource; None if it does not exist. Called under the lock."""
    collections: tuple[dict[str, Any], ...] = (
        scope.servers,
        scope.recovery_instances,
        scope.jobs,
        scope.launch_templates,
        scope.replication_templates,
    )
    for collection in collections:
        resource = collection.get(arn.rpartition("/")[2])
        if resource is not None and resource.arn == arn:
            tags: dict[str, str] = resource.tags
            return tags
    return None


def _tags(call: Call) -> dict[str, str]:
    """The tags of the resource that the request names; ResourceNotFoundError."""
    arn = call.params["resourceArn"]
    tags = tags_of(call.scope, arn)
    if tags is None:
        raise ResourceNotFoundError(f"Resource {arn} not found", resource_id=arn, kind="RESOURCE")
    return tags


@operation("ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """The tags of a resource."""
    return {"tags": dict(_tags(call))}


@operation("TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    """Add or change tags; at most 50 per resource, no key that begins with ``aws:``."""
    tags, wanted = _tags(call), call.params["tags"]
    if reserved := [key for key in wanted if key.lower().startswith("aws:")]:
        raise ValidationError(
            f"Tag keys that begin with aws: are reserved: {', '.join(reserved)}",
            fields=[("tags", "Reserved key")],
        )
    if len({*tags, *wanted}) > call.core.settings.tags_per_resource:
        raise ValidationError(
            f"A resource can have at most {call.core.settings.tags_per_resource} tags",
            fields=[("tags", "Too many tags")],
        )
    tags.update(wanted)
    return {}


@operation("UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    """Remove tags; unknown keys are ignored."""
    tags = _tags(call)
    for key in call.params["tagKeys"]:
        tags.pop(key, None)
    return {}
