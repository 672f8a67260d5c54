"""The emulator's entry points: wire calls and admin calls."""

from __future__ import annotations

import itertools
import logging
import threading
import uuid
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from drs_emulator import service_quotas
from drs_emulator.admin import routes
from drs_emulator.clock import Clock
from drs_emulator.contract import (
    Ec2Access,
    EventSink,
    Hooks,
    Request,
    Response,
)
from drs_emulator.core import Core
from drs_emulator.errors import (
    AdminError,
    DrsError,
    InternalServerError,
    LostAnswerError,
    NotEmulatedError,
    ThrottlingError,
    UninitializedAccountError,
    error_of,
)
from drs_emulator.operations import OPERATIONS, Call
from drs_emulator.operations.tags import tags_of
from drs_emulator.settings import Settings
from drs_emulator.wire import protocol, service_model
from drs_emulator.wire.protocol import Invocation

log = logging.getLogger(__name__)


class DrsEmulator:
    """AWS Elastic Disaster Recovery for every account and Region, on a clock of your choice."""

    def __init__(
        self,
        clock: Clock,
        ec2: Ec2Access,
        events: EventSink,
        settings: Settings | None = None,
        seed: int = 0,
        hooks: Hooks | None = None,
    ) -> None:
        self._core = Core(clock, ec2, events, settings or Settings(), seed, hooks or Hooks())
        self._requests = itertools.count(1)

    @property
    def settings(self) -> Settings:
        """The settings now in force."""
        return self._core.settings

    def handle(self, request: Request) -> Response:
        """Answer one call of the AWS wire protocol. Never raises for anything a client can send."""
        request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._core.seed}/{next(self._requests)}"))
        try:
            operation, path_params = service_model.route(request.method, request.path)
            self._faults_before(operation)
            invocation = protocol.parse(
                request, operation, path_params, empty_clears=self._core.settings.empty_target_clears
            )
            self._take_time(invocation)
            result = self._serve(invocation, request)
            response = protocol.success(operation, result, request_id)
            self._fault_after(operation)
        except (ClientError, BotoCoreError) as error:
            log.error("EC2 failed DRS itself in %s: %s", request.path, error)
            return protocol.failure(InternalServerError(f"EC2: {error}"), request_id)
        except DrsError as error:
            log.debug("%s %s refused: %s %s", request.method, request.path, error.code, error)
            return protocol.failure(error, request_id)
        return response

    def answers_at_once(self, operation: str) -> bool:
        """Whether calls of the operation wait neither for EC2 nor for the clock."""
        known = OPERATIONS.get(operation)
        return known is not None and known.locked and not self._core.settings.api_latency

    def tags(self, account: str, region: str, arn: str) -> dict[str, str]:
        """The tags of a resource, for access decisions; empty if it does not exist."""
        scope = self._core.scope(account, region)
        with self._core.lock:
            return dict(tags_of(scope, arn) or {})

    def service_quotas(self, operation: str, body: bytes, account: str, region: str) -> Response:
        """Answer one call of Service Quotas."""
        return service_quotas.answer(self._core.settings, operation, body, account, region)

    def admin(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        """Answer one call of the admin API (see the README): HTTP status and JSON."""
        try:
            return 200, routes.handle(self._core, method, path, body)
        except AdminError as error:
            return error.status, {"message": str(error)}

    def _serve(self, invocation: Invocation, request: Request) -> dict[str, Any]:
        name = invocation.operation
        operation = OPERATIONS.get(name)
        if operation is None:
            raise NotEmulatedError(f"{name} is a DRS operation that this emulator does not emulate yet")
        core = self._core
        scope = core.scope(request.caller.account, request.caller.region)
        if not scope.initialized and service_model.can_raise(name, UninitializedAccountError.code):
            raise UninitializedAccountError("Account not initialized")
        call = Call(core, scope, request.caller, invocation.params)
        if not operation.locked:
            return operation.handler(call)
        with core.lock:
            return operation.handler(call)

    def _faults_before(self, operation: str) -> None:
        core = self._core
        with core.lock:
            throttled = core.faults.strike("THROTTLED", core.now(), operation=operation)
            if throttled:
                raise ThrottlingError(retry_after=max(1, round(throttled.values.get("seconds", 1))))
            wrong = core.faults.strike("ERROR", core.now(), operation=operation)
            if wrong:
                code = wrong.values["code"]
                raise error_of(code, wrong.values.get("message", f"{code} as asked for by a fault"))

    def _fault_after(self, operation: str) -> None:
        core = self._core
        with core.lock:
            lost = core.faults.strike("ACCEPTED_BUT_TIMES_OUT", core.now(), operation=operation)
        if lost:
            raise LostAnswerError("Endpoint request timed out")

    def _take_time(self, invocation: Invocation) -> None:
        if not self._core.settings.api_latency:
            return
        servers = len(invocation.params.get("sourceServers", []))
        seconds = 1 + 0.3 * servers if invocation.operation == "StartRecovery" else 0.2
        done = threading.Event()
        self._core.clock.call_later(seconds, done.set)
        done.wait()
