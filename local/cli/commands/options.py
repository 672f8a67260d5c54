"""Options that several commands have."""

from __future__ import annotations

import argparse
import math

from local.cli.session import CloudOptions

DEFAULT_FLEET = "fleets/default.yaml"


def add_cloud_options(parser: argparse.ArgumentParser) -> None:
    """``--port``, ``--speed``, ``--no-auth``, ``--seed``: how a cloud runs."""
    parser.add_argument("--port", type=_port, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=120.0,
        help="simulated seconds in a real second, while no function runs (default: 120)",
    )
    parser.add_argument("--no-auth", action="store_true", help="do not enforce IAM")
    parser.add_argument("--seed", type=int, default=0, help="decides every random duration (default: 0)")


def cloud_options(args: argparse.Namespace) -> CloudOptions:
    """What ``add_cloud_options`` read."""
    return CloudOptions(port=args.port, speed=args.speed, auth=not args.no_auth, seed=args.seed)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0.1 <= speed <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed; give a number from 0.1 to 10000")
    return speed


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 1 to 65535")
    return int(text)
