"""Puts the bypass in botocore's way.

Answers are taken before botocore makes the request; where botocore has to read one, the request that it then
makes finds the answer waiting in its thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

import botocore.handlers
from botocore.client import BaseClient

from local.shortcuts import ENABLED, botocore_bypass, client_lookups
from local.shortcuts.hooks import TABLE
from local.wire import Answer, Call

_IDEMPOTENCY = "ClientRequestToken"


class Answering(Protocol):
    """What answers calls."""

    def answer(self, call: Call) -> Answer:
        """The answer to a call of any service."""


class Bypass:
    """``current()`` is what answers now, None while calls go where they went before.

    ``account_of`` gives the account of an access key.
    """

    def __init__(self, current: Callable[[], Answering | None], account_of: Callable[[str], str]) -> None:
        self._current = current
        self._account_of = account_of
        self._taken = threading.local()
        self._whole_api_call: Any = None
        self._whole_user_agent: Any = None
        self._whole_sign: Any = None

    def install(self) -> None:
        """Hooks it in for every session made from now on; nothing where shortcuts are off."""
        if not ENABLED:
            return
        TABLE.check()
        botocore.handlers.BUILTIN_HANDLERS.append(("before-call", self._before_call))
        TABLE.replace(
            "boto3.dynamodb.types", "TypeDeserializer.deserialize", botocore_bypass.quick_deserialize
        )
        TABLE.replace("boto3.dynamodb.transform", "copy_dynamodb_params", botocore_bypass.copied_parameters)
        TABLE.replace(
            "boto3.dynamodb.transform", "ParameterTransformer.transform", botocore_bypass.quick_transform
        )
        self._whole_api_call = TABLE.replace("botocore.client", "BaseClient._make_api_call", self._method())
        self._whole_user_agent = TABLE.replace(
            "botocore.useragent", "UserAgentString.to_string", lambda agent: self._user_agent(agent)
        )

        self._whole_sign = TABLE.replace("botocore.signers", "RequestSigner.sign", self._signing())
        client_lookups.install()

    def take(self) -> Answer | None:
        """The answer, if any, that this thread has for the request it makes now."""
        answer, self._taken.answer = getattr(self._taken, "answer", None), None
        return answer

    def _before_call(
        self, model: Any, params: dict[str, Any], request_signer: Any, event_name: str, **kwargs: Any
    ) -> botocore_bypass.Parsed | None:
        cloud = self._current()
        taken = getattr(self._taken, "answer", None)
        if cloud is None or taken is not None or event_name.split(".")[1] not in botocore_bypass.SERVICES:
            return None
        call = botocore_bypass.call_of(event_name, params, request_signer, self._account_of)
        answer = cloud.answer(call)
        done = botocore_bypass.parsed(call, answer, model)
        self._taken.answer = answer if done is None else None
        return done

    def _method(self) -> Any:
        """Stands for that of botocore: DynamoDB's good answers are taken before it makes a request."""

        def make_api_call(client: BaseClient, operation_name: str, api_params: dict[str, Any]) -> Any:
            cloud = self._current()
            service = client.meta.service_model.service_name
            if cloud is None or service != "dynamodb" or service not in botocore_bypass.SERVICES:
                return self._whole_api_call(client, operation_name, api_params)
            return self._dynamodb(cloud, client, operation_name, api_params)

        return make_api_call

    def _signing(self) -> Any:
        """Stands for that of botocore: names the caller, and computes nothing."""

        def sign(
            signer: Any,
            operation_name: str,
            request: Any,
            region_name: str | None = None,
            signing_type: str = "standard",
            expires_in: int | None = None,
            signing_name: str | None = None,
        ) -> None:
            if self._current() is None or signing_type != "standard":
                more = (region_name, signing_type, expires_in, signing_name)
                self._whole_sign(signer, operation_name, request, *more)
                return
            key = signer._credentials.get_frozen_credentials().access_key
            scope = f"{region_name or signer.region_name}/{signing_name or signer.signing_name}"
            credential = f"Credential={key}/20300101/{scope}/aws4_request"
            request.headers["Authorization"] = f"AWS4-HMAC-SHA256 {credential}"

        return sign

    def _dynamodb(
        self, cloud: Answering, client: BaseClient, operation_name: str, api_params: dict[str, Any]
    ) -> Any:
        model = client.meta.service_model.operation_model(operation_name)
        context: dict[str, Any] = {}
        parameters = client._emit_api_params(  # type: ignore[attr-defined]
            api_params=api_params, operation_model=model, context=context
        )
        call = botocore_bypass.dynamodb_call(client, operation_name, parameters, self._account_of)
        if call is None:
            return self._whole_api_call(client, operation_name, api_params)
        answer = cloud.answer(call)
        done = botocore_bypass.parsed(call, answer, model)
        if done is None:
            self._taken.answer = answer
            if _IDEMPOTENCY in parameters:  # botocore made it: a repeated call must be known by it
                api_params = {**api_params, _IDEMPOTENCY: parameters[_IDEMPOTENCY]}
            return self._whole_api_call(client, operation_name, api_params)
        http, result = done
        client.meta.events.emit(
            f"after-call.dynamodb.{operation_name}",
            http_response=http,
            parsed=result,
            model=model,
            context=context,
        )
        return result

    def _user_agent(self, agent: Any) -> str:
        return "virtual" if self._current() is not None else str(self._whole_user_agent(agent))
