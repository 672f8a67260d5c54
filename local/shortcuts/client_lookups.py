"""What a botocore client finds anew for each call is found once: paginators, and where EC2 and DRS are."""

from __future__ import annotations

from typing import Any

from local.shortcuts.hooks import TABLE

_REGIONAL = ("ec2", "drs")
"""Services whose endpoint follows from the client alone."""


def install() -> None:
    """Put both in botocore's way."""
    make = TABLE.shipped("botocore.client", "BaseClient.get_paginator")
    find = TABLE.shipped("botocore.regions", "EndpointRulesetResolver.construct_endpoint")

    def get_paginator(client: Any, operation_name: str) -> Any:
        made = client.__dict__.setdefault("_paginators", {})
        known = made.get(operation_name)
        if known is None or known._method != getattr(client, operation_name):
            known = made[operation_name] = make(client, operation_name)
        return known

    def construct_endpoint(resolver: Any, operation_model: Any, call_args: Any, request_context: Any) -> Any:
        if operation_model.service_model.service_name not in _REGIONAL:
            return find(resolver, operation_model, call_args, request_context)
        if "_endpoint" not in resolver.__dict__:
            resolver._endpoint = find(resolver, operation_model, call_args, request_context)
        return resolver._endpoint

    TABLE.replace("botocore.client", "BaseClient.get_paginator", get_paginator)
    TABLE.replace("botocore.regions", "EndpointRulesetResolver.construct_endpoint", construct_endpoint)
