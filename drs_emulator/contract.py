"""The emulator's interface: requests, responses, and the protocols of its surroundings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request. ``account`` and ``region`` choose the state that the request sees."""

    account: str
    region: str
    access_key_id: str
    arn: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to DRS. Header names are lower-case; ``path`` may be percent-encoded or not."""

    method: str
    path: str
    query: Mapping[str, list[str]] | Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    caller: Caller


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response; always with ``x-amzn-requestid``, on errors also with ``x-amzn-errortype``."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Ec2Access(Protocol):
    """Access to EC2. DRS launches with the caller's credentials (forward access session)."""

    def client(self, account: str, region: str, caller: Caller | None) -> Any:
        """A boto3 EC2 client that acts as ``caller`` through DRS, or as DRS's own service role for None.

        A denied call raises ``botocore.exceptions.ClientError`` with code ``UnauthorizedOperation``.
        """


class EventSink(Protocol):
    """Where ``aws.drs`` events go: the default bus of the account and Region."""

    def put(self, account: str, region: str, event: dict[str, Any]) -> None:
        """Take one event: source, detail-type, resources, detail (a dict), time (ISO 8601)."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of the namespace ``AWS/DRS``. ``unit`` is CloudWatch's: Seconds, Bytes, Count."""

    name: str
    value: float
    unit: str
    dimensions: Mapping[str, str] = field(default_factory=dict)


class MetricSink(Protocol):
    """Where metrics go: CloudWatch of the account and Region."""

    def put(self, account: str, region: str, at: datetime, metrics: Sequence[Metric]) -> None:
        """Take values of the simulated time ``at``."""


Authorize = Callable[[Caller, str, str], bool]
"""``authorize(caller, action, resource)``: may the caller do ``action`` ("drs:…") on the ARN ``resource``?"""

ImageFor = Callable[[str, str, str], str]
"""``image_for(platform, architecture, boot_mode)``: the AMI that a plain launch starts from."""


class NoEvents:
    """An event sink that drops events."""

    def put(self, account: str, region: str, event: dict[str, Any]) -> None:
        """Drop the event."""


class NoMetrics:
    """A metric sink that drops values; they are not even computed."""

    def put(self, account: str, region: str, at: datetime, metrics: Sequence[Metric]) -> None:
        """Drop the values."""


def allow_all(_caller: Caller, _action: str, _resource: str) -> bool:
    """The default without IAM."""
    return True


def default_image(platform: str, architecture: str, boot_mode: str) -> str:
    """An AMI id that encodes the three, for stand-ins without images."""
    code = f"{platform}/{architecture}/{boot_mode}".encode().hex()
    return "ami-" + code[:17].ljust(17, "0")


def run_inline(action: Callable[[], None]) -> None:
    """Run ``action`` in the calling thread, which a manual clock needs to be exact."""
    action()


@dataclass(frozen=True, slots=True)
class Hooks:
    """Optional surroundings: IAM, images, threads and CloudWatch."""

    authorize: Authorize = allow_all
    """Asked for permission-only actions."""
    image_for: ImageFor = default_image
    """Names the AMI of a plain launch."""
    run_aside: Callable[[Callable[[], None]], None] = run_inline
    """Runs the EC2 work of jobs."""
    metrics: MetricSink = field(default_factory=NoMetrics)
    """Takes what DRS puts to CloudWatch."""
