"""boto3 clients of virtual clouds."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config


@lru_cache(maxsize=256)
def client(service: str, key: str, region: str) -> Any:
    """Clients are kept for all clouds of the process: making one takes longer than most executions."""
    return _session().client(
        service,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key="virtual",  # noqa: S106  nothing checks it
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
    )


@lru_cache(maxsize=1)
def _session() -> Any:
    return boto3.Session()
