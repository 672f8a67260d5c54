"""Nested stacks of a template as if their resources stood in it: one document, without a nested stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PLACES = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}
"""Types of nested stacks, with the property that names the template: here a file beside the parent's."""


class NestedStackError(ValueError):
    """A nested stack has a resource that another stack has, too."""


def flattened(path: Path, read: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """The template at ``path`` with the resources of its nested stacks, under their own logical ids.

    Raises NestedStackError for an id that two of the stacks have: names here are made of these.
    """
    document = read(path)
    resources: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for name, resource in (document.get("Resources") or {}).items():
        place = PLACES.get(resource.get("Type", ""))
        if place is None:
            _add(resources, {name: resource})
            continue
        properties = resource.get("Properties") or {}
        child = flattened(path.parent / properties[place], read)
        values = _values(child, properties.get("Parameters") or {})
        _add(resources, _filled(child.get("Resources") or {}, values))
        for output, made in (child.get("Outputs") or {}).items():
            outputs[f"{name}.Outputs.{output}"] = _filled(made["Value"], values)
    whole = {**document, "Resources": resources}
    return {key: _with_outputs(value, outputs) for key, value in whole.items()} if outputs else whole


def _add(resources: dict[str, Any], more: Mapping[str, Any]) -> None:
    twice = sorted(resources.keys() & more.keys())
    if twice:
        raise NestedStackError(f"Two stacks have {', '.join(twice)}. Give each resource an id of its own.")
    resources.update(more)


def _values(child: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    declared = child.get("Parameters") or {}
    return {name: given.get(name, parameter.get("Default", "")) for name, parameter in declared.items()}


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """``value`` of a nested template with its parameters replaced by what the parent gives for them."""
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Ref"} and value["Ref"] in values:
        return values[value["Ref"]]
    if value.keys() == {"Fn::Sub"}:
        argument = value["Fn::Sub"]
        text, extra = (argument, {}) if isinstance(argument, str) else argument
        used = {name: given for name, given in values.items() if "${" + name + "}" in text}
        return {"Fn::Sub": [text, {**used, **_filled(extra, values)}]} if used or extra else value
    return {key: _filled(item, values) for key, item in value.items()}


def _with_outputs(value: Any, outputs: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_with_outputs(item, outputs) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Fn::GetAtt"}:
        asked = value["Fn::GetAtt"]
        return outputs.get(asked if isinstance(asked, str) else ".".join(asked), value)
    return {key: _with_outputs(item, outputs) for key, item in value.items()}
