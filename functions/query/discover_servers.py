"""DiscoverServers: the source servers of one site that the plan selects, and the instances they may use."""

from __future__ import annotations

from typing import Any

from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AccessDeniedError
from shared.aws.quotas import QuotasClient
from shared.rules.originals.claims import contested_originals
from shared.rules.plan.discovery import discovered, is_called, is_of_site, is_selected, without_target
from shared.rules.plan.selection import select, to_know
from shared.services.asked_for import asked_for
from shared.services.origin_reader import original_names
from shared.services.site_access import without_access
from shared.settings import QuerySettings
from shared.store import PairStore
from shared.task import Run, task


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId, site}`` → ``{site, servers, instances}``: counts; the facts go to the table.

    A site that denies access has none, and is recorded as such: the others are not kept waiting.
    """
    try:
        return _discovered(run)
    except AccessDeniedError as error:
        run.findings.put_facts(run.execution_id, [without_access(run.site, error)])
        return {"site": run.site.name, "servers": 0, "instances": 0}


def _discovered(run: Run[QuerySettings]) -> dict[str, Any]:
    store, execution, site, accounts = run.store, run.execution, run.site, run.accounts
    plan = execution.plan
    in_scope = DrsClient(accounts, site.recovery).source_servers(site.name)
    listed = [server for server in in_scope if is_of_site(server, site)]
    selection = select(listed, plan)
    wanted = asked_for(store, execution.request)
    servers = [server for server in listed if is_selected(server, selection) and wanted(server)]
    ec2 = Ec2Client(accounts, site.recovery)
    targets = ec2.targets()
    lonely = without_target(servers, targets, plan.matching)
    # Instances of the right name without the tag are read so that the report can name them. EC2 compares
    # names letter by letter, so all are read; no more where every server has a target.
    others = [one for one in ec2.standing() if is_called(one, lonely, plan.matching)] if lonely else []
    instances = {instance.instance_id: instance for instance in [*targets, *others]}

    limits = QuotasClient(accounts, site.recovery).limits(run.settings.limits)
    # Servers of other plans count when names are matched; those that this one may mean, when it is judged.
    known = to_know(listed, plan)
    pairs = PairStore(run.settings.pairs_table).every()
    contested = contested_originals(site.recovery, in_scope, pairs, run.now)
    unpaired = [server for server in servers if not server.name or server.name in lonely]
    called = original_names(accounts, site.origin, unpaired)
    run.findings.put_facts(run.execution_id, [*known, *instances.values(), *contested, *called, limits])
    run.findings.put_servers(run.execution_id, [discovered(server, selection) for server in servers])
    return {"site": site.name, "servers": len(servers), "instances": len(instances)}
