"""The DRS emulator inside the local cloud: same port, same accounts and Regions, IAM on ``drs:*`` actions.

The emulator calls EC2 over HTTP on this very server, so it never runs on the event loop.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

import botocore.session
from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.core.router import extract_access_key_id
from ministack.services import cloudwatch, eventbridge

from drs_emulator import service_quotas
from drs_emulator.contract import Caller, Metric, Request, Response
from local.ministack import hooks
from local.ministack.role_sessions import Clients

log = logging.getLogger("drs_emulator")

PRINCIPAL = "drs.amazonaws.com"
_TAGS_PATH = "/tags/"


class Ec2ThroughDrs:
    """EC2 as DRS reaches it: with its caller's permissions, or with its own service-linked role."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def client(self, account: str, region: str, caller: Caller | None) -> Any:
        """A boto3 EC2 client. For a caller, ``aws:CalledVia`` is DRS; None is the service-linked role."""
        if caller is None:
            return self._clients.client("ec2", region, self._clients.root(account))
        credentials = self._clients.caller_credentials(caller.access_key_id, account)
        return self._clients.client("ec2", region, credentials, via=PRINCIPAL)


class Aside:
    """Runs the emulator's EC2 work outside the clock's thread, at real speed: it is work, not waiting."""

    def __init__(self, real_speed: Callable[[], AbstractContextManager[None]]) -> None:
        self._real_speed = real_speed
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="drs")

    def __call__(self, action: Callable[[], None]) -> None:
        speed = self._real_speed()
        speed.__enter__()  # from now, so that time does not fly while the work waits for a thread

        def run() -> None:
            try:
                action()
            except Exception:
                log.exception("work of a DRS job failed: %r", action)
            finally:
                speed.__exit__(None, None, None)

        self._threads.submit(run)


def may(caller: Caller, action: str, resource: str) -> bool:
    """Whether the caller's policies allow ``action`` on an ARN; for actions that are no API call."""
    if not app.AUTH:
        return True
    with request_scope(caller.account, caller.region):
        principal = iam_evaluator.resolve_principal(caller.access_key_id, caller.account)
    if not isinstance(principal, iam_evaluator.PrincipalInfo):
        return False
    if principal.policies is None:
        return True
    context = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region=caller.region,
        service_context={"aws:viaawsservice": "false"},
        principal_keys=principal.keys,
    )
    decision = iam_evaluator.evaluate(context, principal.policies, *principal.limits).decision
    return bool(decision == "Allow")


class Events:
    """The default event bus of an account and Region, open to events of aws.* services."""

    def put(self, account: str, region: str, event: dict[str, Any]) -> None:
        """``event``: source, detail-type, resources, detail. The time is the simulated clock's."""
        detail = event.get("detail", {})
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Resources": event.get("resources", []),
            "Detail": detail if isinstance(detail, str) else json.dumps(detail, default=str),
        }
        with request_scope(account, region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


class Metrics:
    """CloudWatch of an account and Region. Values carry the simulated time, not that of the machine."""

    def put(self, account: str, region: str, at: datetime, metrics: Sequence[Metric]) -> None:
        """Into the namespace ``AWS/DRS``, as other services of the engine put theirs: without a request."""
        with request_scope(account, region):
            for metric in metrics:
                cloudwatch._store_datum(
                    "AWS/DRS",
                    metric.name,
                    dict(metric.dimensions),
                    at.timestamp(),
                    metric.unit,
                    metric.value,
                    None,
                    None,
                    None,
                )


class Emulator(Protocol):
    """What is mounted: ``drs_emulator.DrsEmulator``."""

    def handle(self, request: Request) -> Response: ...

    def answers_at_once(self, operation: str) -> bool: ...

    def tags(self, account: str, region: str, arn: str) -> dict[str, str]: ...

    def service_quotas(self, operation: str, body: bytes, account: str, region: str) -> Response: ...

    def admin(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]: ...


class DrsMount:
    """Serves an emulator under the service name ``drs``. ``arn_of`` gives the ARN behind an access key."""

    def __init__(self, emulator: Emulator, arn_of: Callable[[str, str], str | None]) -> None:
        self._emulator = emulator
        self._arn_of = arn_of
        self._operations = _operations_by_path()

    def install(self) -> None:
        app.SERVICE_HANDLERS["drs"] = self.handle
        app.SERVICE_HANDLERS[service_quotas.SIGNING_NAME] = self.handle_quotas

    async def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        account, key = get_account_id(), extract_access_key_id(headers, query_params) or ""
        caller = Caller(account, get_region(), key, self._arn_of(key, account))
        request = Request(method, path, query_params, headers, body, caller)
        if self._emulator.answers_at_once(self.operation(method, path)):
            response = self._emulator.handle(request)
        else:  # it may call EC2, which this very event loop answers
            response = await asyncio.to_thread(self._emulator.handle, request)
        return response.status, dict(response.headers), response.body

    async def handle_quotas(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        """Service Quotas, which MiniStack lacks: what it says of DRS."""
        operation = service_quotas.operation(headers)
        response = self._emulator.service_quotas(operation, body, get_account_id(), get_region())
        return response.status, dict(response.headers), response.body

    def operation(self, method: str, path: str) -> str:
        """The DRS operation of a request; "Unknown" for a path that DRS does not have."""
        if path.startswith(_TAGS_PATH):
            return {"GET": "ListTagsForResource", "POST": "TagResource", "DELETE": "UntagResource"}.get(
                method, "Unknown"
            )
        return self._operations.get(path, "Unknown")

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of a DRS resource; none for what is not there."""
        _, _, _, region, account, _ = arn.split(":", 5)
        return self._emulator.tags(account, region, arn)


def _operations_by_path() -> dict[str, str]:
    model = botocore.session.get_session().get_service_model("drs")
    paths = {model.operation_model(name).http["requestUri"]: name for name in model.operation_names}
    return {path: name for path, name in paths.items() if "{" not in path}


def install_action_names(mount: DrsMount) -> None:
    """IAM action names of requests to DRS (``drs:StartRecovery``) and to Service Quotas."""

    def extract(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any
    ) -> str | None:
        if service == "drs":
            return f"drs:{mount.operation(method, path)}"
        if service == service_quotas.SIGNING_NAME:
            return f"{service}:{service_quotas.operation(headers)}"
        action: str | None = original(service, method, path, headers, body, query_params)
        return action

    original = hooks.replace("ministack.core.iam_actions", "extract_iam_action", extract)
