"""An execution as it was opened: its record, its plan, and the policies that the two make together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from shared.model.execution import ExecutionRecord
from shared.model.plan import Plan
from shared.model.policies import Policies
from shared.rules.plan.requests import Request, effective_policies, parse_request
from shared.store import ExecutionStore


@dataclass(frozen=True, slots=True)
class OpenedExecution:
    record: ExecutionRecord
    plan: Plan
    policies: Policies
    request: Request


def opened(store: ExecutionStore, execution_id: str) -> OpenedExecution:
    """Raises ExecutionNotFoundError."""
    record = store.execution(execution_id)
    plan = store.plan(execution_id)
    request = _request(json.dumps(record.request))
    return OpenedExecution(record, plan, effective_policies(plan, request), request)


@lru_cache(maxsize=32)
def _request(document: str) -> Request:
    """Each function of an execution needs it, and holding it against its schema is most of the work."""
    return parse_request(json.loads(document))
