"""DiscoverServers: the source servers of one site that the plan selects, and the instances they may use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.quotas import QuotasClient
from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.plan import Matching
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.matching.instance_matcher import normalize
from shared.rules.plan.selection import Selection, named_by_id, select, takes_part
from shared.services.asked_for import asked_for
from shared.settings import QuerySettings
from shared.task import Run, task


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId, site}`` → ``{site, servers, instances}``: counts; the facts go to the table."""
    store = run.store
    execution = run.execution
    plan = execution.plan
    site = run.site
    accounts = run.accounts

    listed = [
        server
        for server in DrsClient(accounts, site.recovery).source_servers(site.name)
        # Two sites may share a recovery scope; a server belongs to the site it came from.
        if server.replication_direction == "FAILOVER"
        and server.origin_account in (None, site.origin.account)
        and server.origin_region in (None, site.origin.region)
    ]
    selection = select(listed, plan)
    wanted = asked_for(store, execution.request)
    servers = [s for s in listed if s.source_server_id in _chosen(selection) and wanted(s)]
    ec2 = Ec2Client(accounts, site.recovery)
    targets = ec2.targets()
    # Instances of the right name without the tag are looked up so that the report can name them.
    found = [*targets, *ec2.named(_without_target(servers, targets, plan.matching))]
    instances = {instance.instance_id: instance for instance in found}

    limits = QuotasClient(accounts, site.recovery).limits(run.settings.limits)
    # Servers of other plans count when names are matched; those named in vain, when the plan is judged.
    named = named_by_id(plan)
    known = [server for server in listed if takes_part(server) or server.source_server_id in named]
    store.put_facts(run.execution_id, [*known, *instances.values(), limits])
    store.put_servers(run.execution_id, [_record(server, selection) for server in servers])
    return {"site": site.name, "servers": len(servers), "instances": len(instances)}


def _without_target(
    servers: Sequence[SourceServer], targets: Sequence[Instance], matching: Matching
) -> list[str]:
    """The names that no target has; all of them if the plan pairs by hand, with any instance it likes."""
    known = {normalize(target.name, matching.domain_suffixes) for target in targets}
    names = [server.name for server in servers if server.name]
    if matching.manual_pairs:
        return names
    return [name for name in names if normalize(name, matching.domain_suffixes) not in known]


def _chosen(selection: Selection) -> set[str]:
    return set(selection.wave_by_server) | set(selection.ambiguous)


def _record(server: SourceServer, selection: Selection) -> ServerRecord:
    issue = selection.ambiguous.get(server.source_server_id)
    return ServerRecord(
        source_server_id=server.source_server_id,
        name=server.name,
        scope=server.scope,
        site=server.site,
        status=ServerStatus.BLOCKED if issue else ServerStatus.DISCOVERED,
        original_instance_id=server.original_instance_id,
        wave=selection.wave_by_server.get(server.source_server_id),
        reason=issue.found if issue else None,
        remedy=issue.remedy if issue else None,
        findings=(issue,) if issue else (),
    )
