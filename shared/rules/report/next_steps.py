"""What to do next, by the outcome of an execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.model.unreadable_site import SITE_UNREADABLE
from shared.rules.report.both_sides import both_sides_step

_NEXT_STEPS = {
    "COMPLETED": "Every server is recovered and verified. Point users to the recovery side.",
    "COMPLETED_WITH_FAILURES": (
        "Repair what is listed above and start the plan again with onBlocked: CONTINUE: servers that already "
        "run on the recovery side are then left alone."
    ),
    "FAILED": (
        "The recovery stopped short. Repair what is listed above and start it again with onBlocked: "
        "CONTINUE: servers that run on the recovery side already are then left alone. dryRun: true shows "
        "what is left."
    ),
    "BLOCKED": (
        "Nothing was changed. Apply the remedies above and start again; or leave the blocked servers out "
        "with onBlocked: CONTINUE."
    ),
    "CANCELLED": "It was stopped. {jobs}",
    "RUNNING": "It is still under way.",
}
_NEXT_STEPS_IN_MODE = {
    "DRILL": {
        "COMPLETED": (
            "Every server was recovered and verified, and is as before again. Write down what the drill "
            "could not prove, and when the next one is."
        ),
        "COMPLETED_WITH_FAILURES": (
            "Repair what is listed above before a real disaster meets it, then drill again. Clean-ups that "
            "failed first: their targets are not ready for a failover."
        ),
        "FAILED": "Repair what is listed above before a real disaster meets it, then drill again.",
        "CANCELLED": (
            "It was stopped. What it had launched is cleaned up by an execution of its own; drill again "
            "when that is over."
        ),
    },
    "FAILBACK": {
        "COMPLETED": (
            "Every server runs at the origin and is protected: the next failover can start at once. Point "
            "users to the origin."
        ),
        "COMPLETED_WITH_FAILURES": (
            "Servers that failed back run at the origin: point their users there. Repair what is listed "
            "above and start the failback again with onBlocked: CONTINUE: it continues where this one ended, "
            "and leaves protected servers at the origin alone. Until then a server that is not protected "
            "cannot fail over."
        ),
        "FAILED": (
            "No server failed back; the workloads run on the recovery side. Repair what is listed above and "
            "start the failback again: what is replicated already is not copied anew."
        ),
        "BLOCKED": (
            "Nothing was changed. Apply the remedies above and start again; leave the blocked servers on the "
            "recovery side with onBlocked: CONTINUE; or override a check that is OVERRIDABLE with a reason."
        ),
        "CANCELLED": (
            "It was stopped. See above which side each server runs on, and start the failback again: "
            "it continues where this one ended."
        ),
    },
}
_UNREADABLE = (
    "No server of a site that could not be read is recovered. Repair the access to it (SITE_UNREADABLE above "
    "says how), then start {what} again with that site under sites."
)
_DRY_RUN_STEP = "Nothing was changed. Start it again without dryRun to carry this out."


def _jobs(report: Mapping[str, Any]) -> str:
    """What to do about the DRS jobs of an execution that was stopped: they run to their end."""
    scopes = sorted({str(job["scope"]) for job in report["jobs"]})
    if not scopes:
        return "No DRS job had started: start the plan again when it is wanted."
    places = [scope.split("/") for scope in scopes]
    calls = "; ".join(
        f"aws drs describe-jobs --region {region} (account {account})" for account, region in places
    )
    return f"DRS jobs that had started run to their end: check them before you start again: {calls}."


_LEFT_OUT = frozenset({"SERVERS_UNSELECTED", "TAG_VALUE_UNKNOWN", "NAME_NOT_FOUND", "SERVER_NOT_ENABLED"})
"""Findings about servers that are meant to be recovered, by their tags or the plan, and that no wave has."""


def leaves_out(report: Mapping[str, Any]) -> bool:
    """Whether something that takes part, or is named, was no part of the execution."""
    return any(finding["code"] in _LEFT_OUT for finding in report["findings"])


def next_steps(report: Mapping[str, Any]) -> str:
    steps = _NEXT_STEPS | _NEXT_STEPS_IN_MODE.get(report["mode"], {})
    completed_dry = report.get("dryRun") and report["status"] == "COMPLETED"
    step = _DRY_RUN_STEP if completed_dry else steps[report["status"]].replace("{jobs}", _jobs(report))
    if any(finding["code"] == SITE_UNREADABLE for finding in report["findings"]):
        what = "the failback" if report["mode"] == "FAILBACK" else "the plan"
        step = f"{_UNREADABLE.format(what=what)} {_DRY_RUN_STEP if report.get('dryRun') else step}"
    if leaves_out(report):
        step = step.replace("Every server", "Each server of the waves")
        step = f"Servers that are meant to be recovered are in no wave: see Findings. {step}"
    return f"## Next\n\n{step}{both_sides_step(report)}"
