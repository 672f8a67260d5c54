"""Makes botocore's clients quick: each test of a handler is a cold start, and makes them anew."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from botocore.auth import AUTH_TYPE_MAPS
from botocore.client import ClientCreator
from botocore.hooks import EventAliaser
from moto.core.utils import method_names_from_class

_whole_client_class: Any = ClientCreator._create_client_class  # type: ignore[attr-defined]
_whole_event_name: Any = EventAliaser._alias_event_name  # type: ignore[attr-defined]
_client_classes: dict[str, Any] = {}
_event_names: dict[str, str] = {}
_method_names = cache(method_names_from_class)


def be_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes classes of clients and names of events once for all sessions; signatures name a key only."""
    monkeypatch.setattr(ClientCreator, "_create_client_class", _client_class)
    monkeypatch.setattr(EventAliaser, "_alias_event_name", _event_name)
    monkeypatch.setattr("moto.core.responses.method_names_from_class", _method_names)
    whole_sign: Any = AUTH_TYPE_MAPS["v4"].add_auth

    def sign(signer: Any, request: Any) -> None:
        if signer._service_name == "s3":  # its bodies come in chunks that the signing marks
            whole_sign(signer, request)
        else:
            _sign(signer, request)

    monkeypatch.setattr(AUTH_TYPE_MAPS["v4"], "add_auth", sign)


def _client_class(creator: Any, service: str, model: Any) -> Any:
    if service not in _client_classes:
        _client_classes[service] = _whole_client_class(creator, service, model)
    return _client_classes[service]


def _event_name(aliaser: Any, name: str) -> str:
    if name not in _event_names:
        _event_names[name] = _whole_event_name(aliaser, name)
    return _event_names[name]


def _sign(signer: Any, request: Any) -> None:
    """The access key, the Region and the service are read by moto and the wire, and the rest by nothing."""
    key, token = signer.credentials.access_key, signer.credentials.token
    scope = f"20300101/{signer._region_name}/{signer._service_name}/aws4_request"
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={key}/{scope}, Signature=none"
    if token:
        request.headers["X-Amz-Security-Token"] = token
