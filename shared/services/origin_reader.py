"""Reads the originals of a site with brief timeouts: the origin may be what is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from shared.aws.cross_account import BRIEF, MemberAccounts
from shared.aws.drs_client import chunks
from shared.aws.ec2_client import FILTER_VALUES, Ec2Client
from shared.aws.errors import AwsCallError
from shared.aws.rate_limits import in_parallel
from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.original import OriginalName
from shared.model.scope import Scope
from shared.rules.matching.original_names import has_no_name_tag

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class OriginalsSeen:
    """``instances`` by id. ``silence``: why some are not known; None if EC2 answered for all of them."""

    instances: Mapping[str, Instance]
    silence: str | None = None


def original_names(
    accounts: MemberAccounts, origin: Scope, servers: Iterable[SourceServer]
) -> list[OriginalName]:
    """What EC2 calls the originals of those that have no Name tag in DRS. Never raises."""
    nameless = {s.original_instance_id: s for s in servers if s.original_instance_id and has_no_name_tag(s)}
    seen = read_originals(accounts, origin, nameless) if nameless else OriginalsSeen({})
    return [
        OriginalName(nameless[key].source_server_id, key, instance.name)
        for key, instance in seen.instances.items()
        if instance.name
    ]


def read_originals(
    accounts: MemberAccounts, origin: Scope, instance_ids: Iterable[str | None]
) -> OriginalsSeen:
    """Those of ``instance_ids`` that exist. Never raises: a failover and a recovery need no origin.

    All calls are made at once, and each gives up within ``BRIEF``: some 15 s in all.
    """
    wanted = sorted({instance_id for instance_id in instance_ids if instance_id})
    ec2 = Ec2Client(accounts, origin, BRIEF)

    def ask(ids: list[str]) -> list[Instance] | str:
        try:
            return ec2.instances(ids)
        except AwsCallError as error:
            logger.warning("origin not readable", extra={"scope": str(origin), "error": str(error)})
            return str(error)

    answers = in_parallel(
        ask, list(chunks(wanted, FILTER_VALUES)), api="DescribeInstances", scope=lambda ids: origin
    )
    found = [instance for answer in answers if not isinstance(answer, str) for instance in answer]
    silences = [answer for answer in answers if isinstance(answer, str)]
    return OriginalsSeen({i.instance_id: i for i in found}, silences[0] if silences else None)
