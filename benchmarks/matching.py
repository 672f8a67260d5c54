"""How long it takes to match many names."""

from __future__ import annotations

import time

from shared.model.drs import SourceServer
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE, Instance
from shared.model.plan import Matching
from shared.model.scope import Scope
from shared.rules.matching.instance_matcher import match_instances

NAMES = 10_000
GOAL_SECONDS = 1.0
_SCOPE = Scope("444455556666", "us-east-2")
_MISSPELT = 100
"""Every so many-th target has a name that is one letter off: a proposal, and no pair."""


def matching_seconds() -> float:
    """Matches ``NAMES`` servers with as many targets, whose names have other capitals and a domain."""
    matching = Matching(domain_suffixes=("example.com",), max_edit_distance=1)
    servers = [_server(number) for number in range(NAMES)]
    targets = [_target(number) for number in range(NAMES)]
    began = time.perf_counter()
    result = match_instances(servers, targets, matching)
    seconds = time.perf_counter() - began
    if len(result.pairs) != NAMES - NAMES // _MISSPELT:
        raise AssertionError(f"{len(result.pairs)} of {NAMES} names were matched")
    return seconds


def _name(number: int) -> str:
    return f"shop-{number % 97:02}-application-{number:05}"


def _server(number: int) -> SourceServer:
    server_id = f"s-{number:017x}"
    return SourceServer(
        source_server_id=server_id,
        arn=f"arn:aws:drs:us-east-2:444455556666:source-server/{server_id}",
        name=_name(number),
        scope=_SCOPE,
        site="site",
        hostname=None,
        original_instance_id=None,
        origin_account=None,
        origin_region=None,
        platform="linux",
        replication_state="CONTINUOUS",
        lag_seconds=0.0,
        agent_version=None,
    )


def _target(number: int) -> Instance:
    name = _name(number).upper() + ".example.com"
    return Instance(
        instance_id=f"i-{number:017x}",
        name=name.replace("APPLICATION", "APPLICATON") if number % _MISSPELT == 0 else name,
        scope=_SCOPE,
        state="stopped",
        private_ip=None,
        instance_type="m6i.large",
        platform="linux",
        architecture="x86_64",
        boot_mode="legacy-bios",
        root_device_type="ebs",
        virtualization="hvm",
        availability_zone="us-east-2a",
        subnet_id=None,
        vpc_id=None,
        security_group_ids=(),
        instance_profile_arn=None,
        tags={TARGET_TAG_KEY: TARGET_TAG_VALUE},
    )
