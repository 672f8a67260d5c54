"""``python -m drs_emulator``: the emulator on a port of 127.0.0.1."""

from __future__ import annotations

import argparse
import errno
import logging
import math
import signal
import sys
import threading
from collections.abc import Sequence

from drs_emulator.server import ADMIN, EC2_ADMIN, Standalone
from drs_emulator.settings_help import settings_help

_DESCRIPTION = """\
An emulator of AWS Elastic Disaster Recovery (DRS) on 127.0.0.1. boto3, the AWS CLI and every other SDK reach
it by AWS_ENDPOINT_URL_DRS. It keeps its state in memory until Ctrl-C.
"""
_EPILOG = """\
example:
  python -m drs_emulator --port 4570 --speed 600    (prints exports; paste them into another terminal)
  aws drs initialize-service
  aws drs describe-source-servers

The README beside this package has the admin API, the faults and the limits.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m drs_emulator",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1 (default: a free one)")
    made.add_argument(
        "--speed",
        type=_speed,
        default=60.0,
        help="simulated seconds per real second, greater than 0 (default: 60)",
    )
    made.add_argument("--seed", type=int, default=0, help="seed of ids and durations (default: 0)")
    made.add_argument("--verbose", action="store_true", help="log requests, refusals and guesses to stderr")
    made.add_argument("--settings", action="store_true", help="print every setting and its default, and exit")
    return made


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number greater than 0")
    return speed


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. 0: served; 1: the port cannot be opened; 2: wrong usage."""
    options = parser().parse_args(arguments)
    if options.settings:
        print(settings_help())
        return 0
    if options.verbose:
        logging.basicConfig(format="%(name)s: %(message)s")
        logging.getLogger("drs_emulator").setLevel(logging.DEBUG)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        server = Standalone(options.port, options.speed, seed=options.seed)
    except OSError as error:
        print(f"error: {_reason(options.port, error)}", file=sys.stderr)
        return 1
    with server:
        print(_exports(server.endpoint), flush=True)
        stopped.wait()
    return 0


def _reason(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of 127.0.0.1 is in use; name another one, or omit --port to get a free one"
    return f"port {port} of 127.0.0.1 cannot be opened: {error.strerror}"


def _exports(endpoint: str) -> str:
    return f"""\
export AWS_ENDPOINT_URL_DRS={endpoint}
export AWS_ACCESS_KEY_ID=222222222222 AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=us-east-2
# The access key id is the account. Admin API: {endpoint}{ADMIN}/state {endpoint}{EC2_ADMIN}/instances"""


if __name__ == "__main__":
    sys.exit(main())
