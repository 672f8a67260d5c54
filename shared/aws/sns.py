"""Messages to the operators' SNS topic. Best effort: a recovery never fails for want of a message."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.version import USER_AGENT

SUBJECT_LIMIT = 100
"""SNS refuses subjects that are longer, not ASCII, or of several lines (SNS API reference, Publish)."""
MESSAGE_LIMIT = 256 * 1024
"""SNS refuses messages of more than 256 KiB, in bytes (SNS API reference, Publish)."""
CUT = "\n…"

logger = Logger(child=True)


def notify(topic_arn: str, subject: str, text: str) -> None:
    """Publish to the topic; a failure is logged, not raised."""
    try:
        _sns().publish(TopicArn=topic_arn, Subject=_as_subject(subject), Message=_fitting(text))
    except (ClientError, BotoCoreError):
        logger.exception("notification not sent", extra={"subject": subject})


def _as_subject(text: str) -> str:
    """Names in a subject are written by others: accents go, other letters become question marks."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    printable = "".join(one if one.isprintable() else " " for one in plain)
    return " ".join(printable.encode("ascii", "replace").decode().split())[:SUBJECT_LIMIT]


def _fitting(text: str) -> str:
    if len(text.encode()) <= MESSAGE_LIMIT:
        return text
    return text.encode()[: MESSAGE_LIMIT - len(CUT.encode())].decode(errors="ignore") + CUT


BRIEF = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=2,
    read_timeout=3,
    user_agent_extra=USER_AGENT,
)
"""A message is not worth a recovery's time: 12 s at most, also before the first wave."""


@cache
def _sns() -> Any:
    return boto3.client("sns", config=BRIEF)
