"""AWS partitions by the names of their Regions, and those that DRS is in."""

from __future__ import annotations

import re

PATTERNS = {
    "aws": r"(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+",
    "aws-cn": r"cn-\w+-\d+",
    "aws-eusc": r"eusc-(de)-\w+-\d+",
    "aws-iso": r"us-iso-\w+-\d+",
    "aws-iso-b": r"us-isob-\w+-\d+",
    "aws-iso-e": r"eu-isoe-\w+-\d+",
    "aws-iso-f": r"us-isof-\w+-\d+",
    "aws-us-gov": r"us-gov-\w+-\d+",
}
"""Which Regions a partition has: the patterns of botocore's partitions.json (a test compares them)."""

WITH_DRS = frozenset({"aws", "aws-eusc", "aws-us-gov"})
"""Partitions with an endpoint of DRS; in these, DRS is in every Region that botocore knows."""


def partition_of(region: str) -> str | None:
    """``aws-us-gov`` for ``us-gov-west-1``; None for what is no Region's name."""
    return next((name for name, pattern in PATTERNS.items() if re.fullmatch(pattern, region)), None)
