"""Service Quotas of DRS: the quotas that the emulator enforces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from drs_emulator.contract import Response
from drs_emulator.settings import Settings

SIGNING_NAME = "servicequotas"
SERVICE = "drs"
_HEADERS = {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "service-quotas"}


def answer(settings: Settings, operation: str, body: bytes, account: str, region: str) -> Response:
    """ListServiceQuotas, in pages, and GetServiceQuota, for ``drs`` alone."""
    asked: dict[str, Any] = json.loads(body or b"{}")
    if settings.service_quotas == "DENIED":
        what = f"servicequotas:{operation}"
        return _refused("AccessDeniedException", f"User is not authorized to perform: {what}")
    known = quotas(settings, account, region) if asked.get("ServiceCode") == SERVICE else []
    if operation == "ListServiceQuotas":
        if asked.get("ServiceCode") != SERVICE:
            return _refused("NoSuchResourceException", f"The service {asked.get('ServiceCode')} is unknown")
        first, most = int(asked.get("NextToken") or 0), int(asked.get("MaxResults") or 100)
        page: dict[str, Any] = {"Quotas": known[first : first + most]}
        if first + most < len(known):
            page["NextToken"] = str(first + most)
        return Response(200, _HEADERS, json.dumps(page).encode())
    if operation == "GetServiceQuota":
        for quota in known:
            if quota["QuotaCode"] == asked.get("QuotaCode"):
                return Response(200, _HEADERS, json.dumps({"Quota": quota}).encode())
        return _refused("NoSuchResourceException", f"There is no quota {asked.get('QuotaCode')}")
    return _refused("UnknownOperationException", f"{operation} is not emulated")


def operation(headers: Mapping[str, str]) -> str:
    """The operation of a request in the JSON protocol."""
    return headers.get("x-amz-target", "").rsplit(".", 1)[-1]


def quotas(settings: Settings, account: str, region: str) -> list[dict[str, Any]]:
    """The quotas of an account in a Region, in the shape of the API. Values are numbers with a fraction."""
    if settings.service_quotas == "UNKNOWN":
        return []
    known = (
        ("L-B827C881", "Max source servers in a single Job", settings.servers_per_job),
        ("L-D88FAC3A", "Concurrent jobs in progress", settings.jobs_in_progress),
        ("L-05AFA8C6", "Max source servers in all Jobs", settings.servers_in_all_jobs),
        (
            "L-C1D14A2B",
            "Max Total replicating source servers Per AWS Account",
            settings.replicating_servers,
        ),
    )
    return [
        {
            "ServiceCode": SERVICE,
            "ServiceName": "AWS Elastic Disaster Recovery",
            "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:{SERVICE}/{code}",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": float(value),
            "Unit": "None",
            "Adjustable": False,
            "GlobalQuota": False,
            "QuotaAppliedAtLevel": "ACCOUNT",
        }
        for code, name, value in known
    ]


def _refused(code: str, message: str) -> Response:
    body = json.dumps({"__type": code, "Message": message}).encode()
    return Response(400, {**_HEADERS, "x-amzn-errortype": code}, body)
