"""Reads a CloudFormation template as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from local.shortcuts.cloudformation_templates import once


class TemplateError(ValueError):
    """The template says something that the virtual cloud cannot make sense of."""


def read_document(path: Path) -> dict[str, Any]:
    """A CloudFormation template as plain values; ``!Ref x`` is ``{"Ref": "x"}``, and so on."""
    return _parsed(path.read_text("utf-8"))


@once
def _parsed(text: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506  a safe loader
    return document


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags."""


def _tagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise TemplateError(f"unexpected node {node!r}")
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)
