"""Which of the listed source servers an execution works on, and how it records them."""

from __future__ import annotations

from collections.abc import Sequence

from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.plan import Matching
from shared.model.scope import Site
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.matching.instance_matcher import normalize
from shared.rules.plan.selection import Selection


def is_of_site(server: SourceServer, site: Site) -> bool:
    """Two sites may share a recovery scope; a server belongs to the site it came from."""
    return (
        server.replication_direction == "FAILOVER"
        and server.origin_account in (None, site.origin.account)
        and server.origin_region in (None, site.origin.region)
    )


def without_target(
    servers: Sequence[SourceServer], targets: Sequence[Instance], matching: Matching
) -> list[str]:
    """The names that no target has; all of them if the plan pairs by hand, with any instance it likes."""
    known = {normalize(target.name, matching.domain_suffixes) for target in targets}
    names = [server.name for server in servers if server.name]
    if matching.manual_pairs:
        return names
    return [name for name in names if normalize(name, matching.domain_suffixes) not in known]


def is_called(instance: Instance, names: Sequence[str], matching: Matching) -> bool:
    """Whether pairing reads the instance's name as one of these: not by its case or a domain suffix."""
    suffixes = matching.domain_suffixes
    return normalize(instance.name, suffixes) in {normalize(name, suffixes) for name in names}


def is_selected(server: SourceServer, selection: Selection) -> bool:
    server_id = server.source_server_id
    return server_id in selection.wave_by_server or server_id in selection.ambiguous


def left_out(server: SourceServer) -> ServerRecord:
    """The record of a server that takes part by its tags and that no wave selects."""
    return ServerRecord(
        source_server_id=server.source_server_id,
        name=server.name,
        scope=server.scope,
        site=server.site,
        status=ServerStatus.LEFT_OUT,
        original_instance_id=server.original_instance_id,
        reason="It takes part by its tags, and no wave of this or another stored plan selects it.",
        remedy="Let a wave select it, then run the plan again for it; or set its tag dr:enabled to false.",
    )


def discovered(server: SourceServer, selection: Selection) -> ServerRecord:
    """The record of a selected server: BLOCKED where several waves select it."""
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
