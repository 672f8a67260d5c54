"""The settings as text: name, default, and the text below each field in ``settings.py``."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap

from drs_emulator.settings import Settings


def settings_help() -> str:
    """Every setting with its default and its text, in the order of the source."""
    texts = field_texts()
    return "\n".join(
        f"{field.name} = {_shown(field.default)}\n{_wrapped(texts[field.name])}"
        for field in dataclasses.fields(Settings)
    )


def field_texts() -> dict[str, str]:
    """The text below each field of ``Settings``, on one line; a field without one is left out."""
    (definition,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(definition, ast.ClassDef)
    texts = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match text:
                case ast.Expr(value=ast.Constant(value=str(found))):
                    texts[field.target.id] = " ".join(found.split())
    return texts


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        return f"[{', '.join(f'{item:g}' for item in default)}]"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="    ", subsequent_indent="    ")
