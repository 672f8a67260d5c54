"""DynamoDB: the Executions, Findings, Plans and InstancePairs tables and the locks."""

from shared.store.claims import ClaimStore
from shared.store.execution_items import ExecutionNotFoundError
from shared.store.executions import ExecutionStore, execution_store
from shared.store.fact_items import Leftover
from shared.store.findings import FindingStore, finding_store
from shared.store.locks import LockStore, plan_lock, preparation_lock, server_lock
from shared.store.originals import OriginalStore
from shared.store.pairs import PairStore
from shared.store.permissions import PermissionStore
from shared.store.plans import PlanStore
from shared.store.waiters import Waiter, WaiterStore

__all__ = [
    "ClaimStore",
    "ExecutionNotFoundError",
    "ExecutionStore",
    "FindingStore",
    "Leftover",
    "LockStore",
    "OriginalStore",
    "PairStore",
    "PermissionStore",
    "PlanStore",
    "Waiter",
    "WaiterStore",
    "execution_store",
    "finding_store",
    "plan_lock",
    "preparation_lock",
    "server_lock",
]
