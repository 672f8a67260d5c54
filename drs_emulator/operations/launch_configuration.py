"""Launch settings of a server, with the rules of launch-into, and the scope's one template."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from drs_emulator import views
from drs_emulator.configurations import (
    LAUNCH_FIELDS,
    LAUNCH_TEMPLATE_FIELDS,
    chosen,
    launch_template_defaults,
)
from drs_emulator.core import Core
from drs_emulator.ec2 import instances
from drs_emulator.errors import (
    AccessDeniedError,
    ResourceNotFoundError,
    ServiceQuotaExceededError,
    ValidationError,
    error_of,
)
from drs_emulator.operations.registry import Call, operation
from drs_emulator.state import SourceServer, Template
from drs_emulator.wire.omit_absent import present
from drs_emulator.wire.paging import page

FAST_AGENT = (6, 42, 20)
"""Oldest agent that recoveryMode FAST works with (DRS user guide, release notes)."""


@operation("GetLaunchConfiguration")
def get_launch_configuration(call: Call) -> dict[str, Any]:
    """The launch configuration of a server."""
    return dict(call.server().launch)


@operation("UpdateLaunchConfiguration", calls_ec2=True)
def update_launch_configuration(call: Call) -> dict[str, Any]:
    """Set what the request names and keep the rest; a launch target is checked in EC2."""
    with call.core.lock:
        server = call.server()
        wanted = _merged(call.core, server, call.params)
    target_id = (wanted.get("launchIntoInstanceProperties") or {}).get("launchIntoEC2InstanceID")
    if target_id and (target_id != server.target_id or "licensing" in call.params):
        _check_target(call.core, server, wanted, target_id, _seen_by_the_caller(call, target_id))
    with call.core.lock:
        server.launch = _merged(call.core, call.server(), call.params)
        return dict(server.launch)


def _seen_by_the_caller(call: Call, instance_id: str) -> dict[str, Any] | None:
    """DescribeInstances is a dependent action of UpdateLaunchConfiguration (Service Authorization Reference).

    AccessDeniedException if the caller lacks it.
    """
    try:
        return instances.describe(call.core.ec2(call.scope, call.caller), [instance_id]).get(instance_id)
    except ClientError as error:
        if error.response["Error"]["Code"] == "UnauthorizedOperation":
            raise AccessDeniedError(error.response["Error"]["Message"]) from error
        raise


def _merged(core: Core, server: SourceServer, params: dict[str, Any]) -> dict[str, Any]:
    wanted = {**server.launch, **chosen(params, LAUNCH_FIELDS)}
    target_id = (wanted.get("launchIntoInstanceProperties") or {}).get("launchIntoEC2InstanceID")
    if not target_id:
        wanted.pop("launchIntoInstanceProperties", None)
    elif wanted.get("copyTags") or wanted.get("copyPrivateIp"):
        _resolve_copy_flags(core, wanted)
    if wanted.get("recoveryMode") == "FAST":
        _check_fast(core, server, target_id)
    return wanted


def _resolve_copy_flags(core: Core, wanted: dict[str, Any]) -> None:
    choice = core.guess("launch_into_with_copy")
    if choice == "SWITCH_OFF":
        wanted["copyTags"] = wanted["copyPrivateIp"] = False
    elif choice == "REFUSE":
        fields = [name for name in ("copyTags", "copyPrivateIp") if wanted.get(name)]
        raise ValidationError(
            f"{' and '.join(fields)} cannot be set together with launchIntoEC2InstanceID",
            fields=[(name, "Must be false to launch into an instance") for name in fields],
        )


def _check_fast(core: Core, server: SourceServer, target_id: str | None) -> None:
    version = tuple(int(part) for part in (server.agent_version or "0").split(".")[:3])
    if version < FAST_AGENT:
        raise ValidationError(
            f"recoveryMode FAST needs agent version {'.'.join(map(str, FAST_AGENT))} or newer, the source "
            f"server {server.server_id} has {server.agent_version}",
            fields=[("recoveryMode", "Agent version too old")],
        )
    if target_id and core.guess("fast_with_launch_into") == "REFUSE":
        raise ValidationError(
            "recoveryMode FAST is not supported when launching into an instance",
            fields=[("recoveryMode", "Not supported with launchIntoEC2InstanceID")],
        )


def _check_target(
    core: Core,
    server: SourceServer,
    wanted: dict[str, Any],
    target_id: str,
    instance: dict[str, Any] | None,
) -> None:
    path = "launchIntoInstanceProperties.launchIntoEC2InstanceID"
    if instance is None:
        if core.guess("missing_target_at_update") == "REFUSE":
            raise ValidationError(
                f"The instance ID '{target_id}' does not exist", fields=[(path, "No such instance")]
            )
        return
    if not instances.is_tagged(instance) and core.guess("untagged_target_at_update") == "REFUSE":
        key, value = instances.TARGET_TAG
        raise ValidationError(
            f"The instance {target_id} has no tag {key}={value}", fields=[(path, "Instance is not tagged")]
        )
    different = instances.mismatches(core.settings, server, instance)
    if different and core.guess("mismatch_at_update") == "REFUSE":
        text = instances.mismatch_text(target_id, server.server_id, different)
        raise error_of(core.guess("mismatch_error"), text)
    byol = (wanted.get("licensing") or {}).get("osByol", False)
    on_host = instance.get("Placement", {}).get("Tenancy") == "host"
    if byol and server.platform != "linux" and not on_host:
        raise ValidationError(
            "OS BYOL can only be used with EC2 Dedicated Hosts",
            fields=[("licensing.osByol", "The instance is not on a Dedicated Host")],
        )


@operation("CreateLaunchConfigurationTemplate")
def create_launch_configuration_template(call: Call) -> dict[str, Any]:
    """Create the template; there is one per account and Region (quota L-1F3FAE4D)."""
    if call.scope.launch_templates:
        raise ServiceQuotaExceededError(
            "Launch configuration templates per AWS account exceeded", quota_code="L-1F3FAE4D"
        )
    template_id = call.scope.new_id("lct", call.core.seed)
    settings = {
        **launch_template_defaults(call.core.settings),
        **chosen(call.params, LAUNCH_TEMPLATE_FIELDS),
    }
    template = Template(
        template_id,
        call.scope.arn("launch-configuration-template", template_id),
        settings,
        dict(call.params.get("tags", {})),
    )
    call.scope.launch_templates[template_id] = template
    return {"launchConfigurationTemplate": views.launch_template(template)}


@operation("DescribeLaunchConfigurationTemplates")
def describe_launch_configuration_templates(call: Call) -> dict[str, Any]:
    """Templates by id; ResourceNotFoundError for one that does not exist."""
    wanted = call.params.get("launchConfigurationTemplateIDs")
    templates = [_template(call, item) for item in wanted] if wanted else call.scope.launch_templates.values()
    items, token = page(
        "DescribeLaunchConfigurationTemplates",
        call.params,
        call.core.settings,
        list(templates),
        lambda item: item.template_id,
    )
    return present({"items": [views.launch_template(item) for item in items], "nextToken": token})


@operation("UpdateLaunchConfigurationTemplate")
def update_launch_configuration_template(call: Call) -> dict[str, Any]:
    """Set what the request names; servers that exist keep their own settings."""
    template = _template(call, call.params["launchConfigurationTemplateID"])
    template.settings.update(chosen(call.params, LAUNCH_TEMPLATE_FIELDS))
    return {"launchConfigurationTemplate": views.launch_template(template)}


@operation("DeleteLaunchConfigurationTemplate")
def delete_launch_configuration_template(call: Call) -> dict[str, Any]:
    """Delete the template."""
    template = _template(call, call.params["launchConfigurationTemplateID"])
    del call.scope.launch_templates[template.template_id]
    return {}


def _template(call: Call, template_id: str) -> Template:
    template = call.scope.launch_templates.get(template_id)
    if template is None:
        raise ResourceNotFoundError(
            f"Launch configuration template {template_id} not found",
            resource_id=template_id,
            kind="LAUNCH_CONFIGURATION_TEMPLATE",
        )
    return template
