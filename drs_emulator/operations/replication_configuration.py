"""Replication settings of a server, and their templates."""

from __future__ import annotations

from typing import Any

from drs_emulator import views
from drs_emulator.configurations import (
    REPLICATION_FIELDS,
    REPLICATION_TEMPLATE_FIELDS,
    chosen,
    replication_template_defaults,
)
from drs_emulator.errors import ResourceNotFoundError, ValidationError
from drs_emulator.operations.registry import Call, operation
from drs_emulator.state import Template
from drs_emulator.wire.omit_absent import present
from drs_emulator.wire.paging import page


@operation("GetReplicationConfiguration")
def get_replication_configuration(call: Call) -> dict[str, Any]:
    """The replication configuration of a server."""
    return dict(call.server().replication_settings)


@operation("UpdateReplicationConfiguration")
def update_replication_configuration(call: Call) -> dict[str, Any]:
    """Set what the request names and keep the rest."""
    server = call.server()
    call.refuse_extended(server)
    wanted = {**server.replication_settings, **chosen(call.params, REPLICATION_FIELDS)}
    _check_encryption(wanted)
    server.replication_settings = wanted
    return dict(wanted)


@operation("CreateReplicationConfigurationTemplate")
def create_replication_configuration_template(call: Call) -> dict[str, Any]:
    """Create a template; new servers take their settings from the first."""
    settings = {**replication_template_defaults(), **chosen(call.params, REPLICATION_TEMPLATE_FIELDS)}
    _check_encryption(settings)
    template = new_template(call, settings, dict(call.params.get("tags", {})))
    return views.replication_template(template)


def new_template(call: Call, settings: dict[str, Any], tags: dict[str, str]) -> Template:
    """Add a replication configuration template to the scope."""
    template_id = call.scope.new_id("rct", call.core.seed)
    arn = call.scope.arn("replication-configuration-template", template_id)
    template = Template(template_id, arn, settings, tags)
    call.scope.replication_templates[template_id] = template
    return template


@operation("DescribeReplicationConfigurationTemplates")
def describe_replication_configuration_templates(call: Call) -> dict[str, Any]:
    """Templates by id; ResourceNotFoundError for one that does not exist."""
    wanted = call.params.get("replicationConfigurationTemplateIDs")
    known = call.scope.replication_templates.values()
    templates = [_template(call, item) for item in wanted] if wanted else list(known)
    items, token = page(
        "DescribeReplicationConfigurationTemplates",
        call.params,
        call.core.settings,
        templates,
        lambda item: item.template_id,
    )
    return present({"items": [views.replication_template(item) for item in items], "nextToken": token})


@operation("UpdateReplicationConfigurationTemplate")
def update_replication_configuration_template(call: Call) -> dict[str, Any]:
    """Set what the request names; servers that exist keep their own settings."""
    template = _template(call, call.params["replicationConfigurationTemplateID"])
    wanted = {**template.settings, **chosen(call.params, REPLICATION_TEMPLATE_FIELDS)}
    _check_encryption(wanted)
    template.settings = wanted
    return views.replication_template(template)


@operation("DeleteReplicationConfigurationTemplate")
def delete_replication_configuration_template(call: Call) -> dict[str, Any]:
    """Delete a template."""
    template = _template(call, call.params["replicationConfigurationTemplateID"])
    del call.scope.replication_templates[template.template_id]
    return {}


def _check_encryption(settings: dict[str, Any]) -> None:
    if settings.get("ebsEncryption") == "CUSTOM" and not settings.get("ebsEncryptionKeyArn"):
        raise ValidationError(
            "ebsEncryption CUSTOM needs ebsEncryptionKeyArn",
            fields=[("ebsEncryptionKeyArn", "Must be set when ebsEncryption is CUSTOM")],
        )


def _template(call: Call, template_id: str) -> Template:
    template = call.scope.replication_templates.get(template_id)
    if template is None:
        raise ResourceNotFoundError(
            f"Replication configuration template {template_id} not found",
            resource_id=template_id,
            kind="REPLICATION_CONFIGURATION_TEMPLATE",
        )
    return template
