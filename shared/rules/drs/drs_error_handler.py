"""Which AWS error is what, whether to try again, and the remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.model.drs import Job
from shared.rules.drs.drs_error_table import (
    BY_CODE,
    BY_MESSAGE,
    BY_SUFFIX,
    OFF_BY_DEFAULT,
    RAW_ERRORS,
    ErrorKind,
)

__all__ = ["ErrorKind", "Explanation", "explain", "explain_raw_error", "explain_unfinished", "is_in_job"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """``retryable``: the same call may be made again later without reading the state first."""

    kind: ErrorKind
    retryable: bool
    remedy: str


def explain(code: str, message: str, operation: str) -> Explanation:
    """What an error of an AWS call means.

    ``code``: the error code, or the name of a botocore exception; ``operation`` as the API names it
    ("StartRecovery"). Total: an unknown code gets an answer too.
    """
    by_code = _by_code(_plain(code))
    if by_code is None or by_code[0] not in (ErrorKind.DENIED, ErrorKind.THROTTLED):
        for texts, kind, remedy in BY_MESSAGE:
            if any(text in message.lower() for text in texts):
                return _explanation(kind, remedy, operation)
    if by_code is not None:
        return _explanation(*by_code, operation)
    text = (
        f"Look {code or 'the error'} up in the AWS documentation of {operation}, then start the plan again."
    )
    return Explanation(ErrorKind.INTERNAL, False, text)


def explain_raw_error(text: str) -> str:
    """The remedy for a rawError of a job log or of the replication."""
    for texts, remedy in RAW_ERRORS:
        if any(part in text.lower() for part in texts):
            return remedy
    explanation = explain(_code_in(text) or "", text, "StartRecovery")
    if explanation.kind is not ErrorKind.INTERNAL:
        return explanation.remedy
    return "Read the job log in the DRS console, mend what it names, and start the plan again."


def explain_unfinished(job: Job, raw: str | None) -> str:
    """The remedy for a server of a job that was not awaited any longer; ``raw``: the log's reason, if any."""
    cause = f"{explain_raw_error(raw)} " if raw else ""
    return (
        f"{cause}The job goes on by itself. When it is COMPLETED, run the plan again for this server: it "
        "takes over what the job launched, or launches it again. See: aws drs describe-jobs "
        f"--filters jobIDs={job.job_id} --region {job.scope.region}"
    )


def explain_state_reason(text: str) -> Explanation | None:
    """What the reason means for which EC2 put an instance back to stopped; None for an unknown one."""
    code = _code_in(text)
    return explain(code, text, "StartInstances") if code else None


def is_in_job(message: str) -> bool:
    """Whether DRS refused a call because a job holds one of its servers; other conflicts do not pass."""
    return "currently being processed by a job" in message.lower()


_RETRYABLE = frozenset({ErrorKind.THROTTLED, ErrorKind.QUOTA, ErrorKind.BUSY, ErrorKind.CAPACITY})
_WITHOUT_TOKEN = frozenset(
    {
        "StartRecovery",
        "ReverseReplication",
        "TerminateRecoveryInstances",
        "StartFailbackLaunch",
        "CreateExtendedSourceServer",
    }
)
"""Operations that do something new when called twice and take no client token (DRS service model)."""


def _code_in(text: str) -> str | None:
    """The first known code in a text, with or without ``Server.`` or ``Client.`` before it."""
    words = re.findall(r"[A-Za-z][A-Za-z.]+", text)
    candidates = (one for word in words for one in (word, word.split(".", 1)[-1]))
    return next((one for one in candidates if _plain(one) in BY_CODE), None)


def _explanation(kind: ErrorKind, remedy: str, operation: str) -> Explanation:
    if kind is ErrorKind.DENIED:
        remedy = OFF_BY_DEFAULT.get(operation, remedy)
    retryable = kind in _RETRYABLE
    if kind in (ErrorKind.UNKNOWN_OUTCOME, ErrorKind.INTERNAL):
        retryable = operation not in _WITHOUT_TOKEN
        if not retryable:
            remedy = f"{remedy} {operation} may have taken effect: read DescribeJobs before calling it again."
    return Explanation(kind, retryable, remedy)


def _by_code(code: str) -> tuple[ErrorKind, str] | None:
    by_suffix = ((kind, remedy) for suffix, kind, remedy in BY_SUFFIX if code.endswith(suffix))
    return BY_CODE.get(code) or next(by_suffix, None)


def _plain(code: str) -> str:
    """A code without namespace and without the suffix that DRS puts on it: ``ConflictException``."""
    return code.split("#")[-1].split(":")[0].removesuffix("Exception")
