"""Every name of moto that is replaced, and why. The only module that changes moto."""

from __future__ import annotations

import logging

from local.hooks import Table
from local.states import hooks_language, hooks_runtime

TABLE = Table((*hooks_runtime.ROWS, *hooks_language.ROWS))


def apply_hooks() -> None:
    """Changes moto, once per process. Raises HookError before changing anything."""
    TABLE.apply()
    # An execution that fails is in its history; as an error in the log it would bury those of the engine.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
