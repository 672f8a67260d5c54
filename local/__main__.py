"""``python -m local``: the cloud on a laptop, from the command line."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from local.errors import CommandError
from local.paths import BYTECODE

COMMANDS = {
    "up": ("local.cli.commands.up", "start a local cloud and keep it up until Ctrl-C"),
    "deploy": ("local.cli.commands.deploy", "build and deploy the templates to the cloud that is up"),
    "fleet": ("local.cli.commands.fleet", "make a fleet file's servers real, and store its plan"),
    "start": ("local.cli.commands.start", "start an execution of a plan"),
    "watch": ("local.cli.commands.watch", "follow an execution until it ends"),
    "down": ("local.cli.commands.down", "end the cloud that is up"),
    "demo": ("local.demo", "all of it: fail a fleet over and back, and check every server"),
}
"""Name, module with ``add_arguments(parser)`` and ``run(args) -> int | None``, and what it does."""

_EPILOG = """\
a first try:
  python -m local up --deploy --fleet fleets/three.yaml   (stays up; then in another terminal)
  python -m local start three --dry-run
  python -m local start three --watch
  python -m local down
"""


def parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser; only the ``chosen`` command's module is imported, so that help comes at once."""
    top = argparse.ArgumentParser(
        prog="python -m local",
        description="A cloud on this machine: AWS services, a DRS emulator, and the workflows.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, what) in COMMANDS.items():
        sub = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        if name == chosen:
            loaded = importlib.import_module(module)
            loaded.add_arguments(sub)
            sub.set_defaults(run=loaded.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0: it did; 1: it failed and said why; 2: wrong usage; 130: interrupted."""
    sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(BYTECODE))
    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in words if not word.startswith("-")), None)
    options = parser(chosen).parse_args(words)
    # A script's background job starts with SIGINT off.
    before = {one: signal.signal(one, _interrupt) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        return int(options.run(options) or 0)
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        if __name__ != "__main__":  # a caller that goes on has its own handlers back
            for interruption, handler in before.items():
                signal.signal(interruption, handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
