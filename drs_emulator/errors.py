"""Every exception DRS can answer with: HTTP status, members and error code as in its service model.

Each error renders its own members; the wire layer adds the ``x-amzn-errortype`` header, which the SDKs
need because the bodies of DRS errors have a ``code`` member of their own.
"""

from __future__ import annotations

from typing import Any

BUSY_SERVER = "One or more of the Source Servers included in API call are currently being processed by a Job"
"""Text of the refusal of a whole StartRecovery call for one busy server (observed in the field)."""


class DrsError(Exception):
    """Base of all answers that are errors. ``members`` is the JSON body, ``headers`` go with it."""

    code = "InternalServerException"
    status = 500

    def __init__(self, message: str, **members: Any) -> None:
        super().__init__(message)
        self.members: dict[str, Any] = {
            "message": message,
            **{key: value for key, value in members.items() if value is not None},
        }
        self.headers: dict[str, str] = {}


class _CodedError(DrsError):
    """An error whose body repeats its code, as the model of most DRS errors has it."""

    def __init__(self, message: str, **members: Any) -> None:
        super().__init__(message, **members)
        self.members.setdefault("code", self.code)


class ValidationError(_CodedError):
    """400 ValidationException; ``fieldList`` is a list of ``{"name", "message"}``."""

    code = "ValidationException"
    status = 400

    def __init__(
        self,
        message: str,
        *,
        reason: str = "fieldValidationFailed",
        fields: list[tuple[str, str]] | None = None,
    ) -> None:
        field_list = [{"name": name, "message": text} for name, text in fields] if fields else None
        super().__init__(message, reason=reason, fieldList=field_list)


class UninitializedAccountError(_CodedError):
    """400 UninitializedAccountException."""

    code = "UninitializedAccountException"
    status = 400


class ServiceQuotaExceededError(_CodedError):
    """402 ServiceQuotaExceededException with ``quotaCode`` (AWS General Reference, DRS quotas)."""

    code = "ServiceQuotaExceededException"
    status = 402

    def __init__(self, message: str, *, quota_code: str | None = None, **members: Any) -> None:
        super().__init__(message, serviceCode="drs", quotaCode=quota_code, **members)


class AccessDeniedError(_CodedError):
    """403 AccessDeniedException."""

    code = "AccessDeniedException"
    status = 403


class ResourceNotFoundError(_CodedError):
    """404 ResourceNotFoundException."""

    code = "ResourceNotFoundException"
    status = 404

    def __init__(self, message: str, *, resource_id: str | None = None, kind: str | None = None) -> None:
        super().__init__(message, resourceId=resource_id, resourceType=kind)


class ConflictError(_CodedError):
    """409 ConflictException."""

    code = "ConflictException"
    status = 409

    def __init__(self, message: str, *, resource_id: str | None = None, kind: str | None = None) -> None:
        super().__init__(message, resourceId=resource_id, resourceType=kind)


class ThrottlingError(DrsError):
    """429 ThrottlingException with a ``Retry-After`` header in seconds."""

    code = "ThrottlingException"
    status = 429

    def __init__(self, message: str = "Rate exceeded", *, retry_after: int = 1) -> None:
        super().__init__(message, serviceCode="drs")
        self.headers["Retry-After"] = str(retry_after)


class InternalServerError(DrsError):
    """500 InternalServerException."""

    code = "InternalServerException"
    status = 500

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.headers["Retry-After"] = str(retry_after)


class NotEmulatedError(_CodedError):
    """501, not an AWS error: the operation exists in DRS and not (yet) in this emulator."""

    code = "NotEmulatedException"
    status = 501


class LostAnswerError(DrsError):
    """504, what a client gets when the call took effect and its response was lost."""

    code = "GatewayTimeoutException"
    status = 504


BY_CODE: dict[str, type[DrsError]] = {
    error.code: error
    for error in (
        ValidationError,
        UninitializedAccountError,
        ServiceQuotaExceededError,
        AccessDeniedError,
        ResourceNotFoundError,
        ConflictError,
        ThrottlingError,
        InternalServerError,
    )
}
"""The modelled exceptions by their AWS name, for faults that raise one on demand."""


def error_of(code: str, message: str) -> DrsError:
    """An instance of the modelled exception ``code``."""
    if code == ValidationError.code:
        return ValidationError(message, reason="other")
    return BY_CODE[code](message)


class LockedError(RuntimeError):
    """A programming error: EC2 or the event sink called under the state lock."""


class AdminError(Exception):
    """A refused admin request; the message names the error and the known values."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
