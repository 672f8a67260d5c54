"""Paginators and endpoints that are found once are those that botocore finds each time."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from local.shortcuts import ENABLED
from local.shortcuts.hooks import TABLE
from tests.workflows.stage import stage

FINDS = ("botocore.regions", "EndpointRulesetResolver.construct_endpoint")


@pytest.mark.skipif(not ENABLED, reason="the shortcuts are off")
def test_what_is_found_once_is_what_botocore_finds_each_time() -> None:
    with stage() as here:
        for client, operation in (
            (here.ec2(), "describe_instances"),
            (here.drs(), "describe_source_servers"),
        ):
            assert client.get_paginator(operation) is client.get_paginator(operation)
            assert client.get_paginator(operation).paginate().build_full_result()
            model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
            resolver = client._ruleset_resolver
            asked: tuple[Any, ...] = (resolver, model, {}, {})
            assert resolver.construct_endpoint(*asked[1:]) == TABLE.shipped(*FINDS)(*asked)


@pytest.mark.skipif(not ENABLED, reason="the shortcuts are off")
def test_clients_of_two_regions_have_two_endpoints() -> None:
    with stage():
        clients: list[Any] = [
            boto3.client("ec2", region_name=region) for region in ("us-east-1", "us-east-2")
        ]
        one, other = (client._ruleset_resolver for client in clients)
        model = clients[0].meta.service_model.operation_model("DescribeInstances")
        assert one.construct_endpoint(model, {}, {}).url != other.construct_endpoint(model, {}, {}).url
