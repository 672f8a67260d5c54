"""What a dry run would do: the jobs of every wave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from shared.model.execution import WaveRecord
from shared.model.server import ServerRecord
from shared.rules.waves.wave_planner import critical_path


def plan_of_action(waves: Sequence[WaveRecord], servers: Sequence[ServerRecord]) -> list[dict[str, Any]]:
    """The jobs of every wave, the wave with the longest way to the end first."""
    by_name = {wave.name: wave for wave in waves}
    batches: defaultdict[str, defaultdict[int, list[ServerRecord]]] = defaultdict(lambda: defaultdict(list))
    for server in servers:
        if server.wave is not None and server.batch is not None and not server.status.is_final:
            batches[server.wave][server.batch].append(server)
    return [
        {
            "name": name,
            "startsAfter": list(by_name[name].depends_on),
            "jobs": [
                {
                    "batch": batch,
                    "scope": str(members[0].scope),
                    "servers": [member.name for member in members],
                }
                for batch, members in sorted(batches[name].items())
            ],
        }
        for name in critical_path(waves, {})
    ]
