"""Makes a Plan out of a plan document, or names everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.model.plan import HealthCheck, ManualPair, Matching, Objectives, Plan, PlannedWave, Selector
from shared.model.policies import (
    Approval,
    DrillPolicies,
    DrillVolumes,
    FailbackPolicies,
    FailurePolicy,
    LaunchOrder,
    OnBlocked,
    OnReplicationTimeout,
    Policies,
    QuiesceAction,
    RecoveryInstanceDisposition,
    RecoveryMode,
    StopWorkload,
    WhenTargetRuns,
)
from shared.model.scope import Scope, Site
from shared.rules.plan.contract_wording import choice
from shared.rules.plan.contracts import DocumentInvalidError, Problem, problems
from shared.rules.plan.partitions import partition_problems

PLACEHOLDERS = ("privateIp", "name")
"""What a health check can have in braces: facts of the server it checks."""


class PlanInvalidError(DocumentInvalidError):
    """A plan document breaks the schema or contradicts itself."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("plan", problems)


def parse_plan(document: object) -> Plan:
    """The Plan that ``document`` (parsed YAML or JSON) describes. Raises PlanInvalidError."""
    found = problems(document, "plan")
    if not found and isinstance(document, dict):
        found = tuple(_contradictions(document))
        if not found:
            return _plan(document)
    raise PlanInvalidError(found)


# --- what the schema cannot say ---------------------------------------------------------------------------


def _contradictions(document: dict[str, Any]) -> Iterator[Problem]:
    yield from _twice(document["sites"], "sites", "site")
    yield from _twice(document["waves"], "waves", "wave")
    yield from _sites(document["sites"])
    yield from partition_problems(document["sites"])
    yield from _protection_groups(document)
    yield from _dependencies(document["waves"])
    yield from _placeholders(document["waves"])
    yield from _manual_pairs(document.get("matching", {}).get("manualPairs", []))


def _twice(items: Sequence[dict[str, Any]], path: str, word: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        first = seen.setdefault(item["name"], index)
        if first != index:
            message = f"{item['name']!r} is already the name of {path}[{first}]."
            yield Problem(f"{path}[{index}].name", message, f"Give each {word} a name of its own.")


def _sites(sites: Sequence[dict[str, Any]]) -> Iterator[Problem]:
    seen: dict[tuple[Scope, Scope], int] = {}
    for index, item in enumerate(sites):
        origin, recovery = Scope(**item["origin"]), Scope(**item["recovery"])
        if origin == recovery:
            message = f"is {recovery}, the same as the origin."
            yield Problem(f"sites[{index}].recovery", message, "Name another Region or another account.")
        first = seen.setdefault((origin, recovery), index)
        if first != index:
            message = f"has the origin and the recovery of sites[{first}]."
            yield Problem(f"sites[{index}]", message, "Remove one of the two.")


def _protection_groups(document: dict[str, Any]) -> Iterator[Problem]:
    groups = document.get("protectionGroups", {})
    for index, wave in enumerate(document["waves"]):
        group = wave["servers"].get("protectionGroup")
        if group is not None and group not in groups:
            path = f"waves[{index}].servers.protectionGroup"
            yield Problem(path, f"There is no protection group {group!r}.", choice(group, groups))


def _dependencies(waves: Sequence[dict[str, Any]]) -> Iterator[Problem]:
    names = [wave["name"] for wave in waves]
    for index, wave in enumerate(waves):
        for position, needed in enumerate(wave.get("dependsOn", [])):
            if needed not in names:
                path = f"waves[{index}].dependsOn[{position}]"
                yield Problem(path, f"There is no wave {needed!r}.", choice(needed, names))
    cycle = _cycle({wave["name"]: wave.get("dependsOn", []) for wave in waves})
    if cycle:
        path = f"waves[{names.index(cycle[0])}].dependsOn"
        yield Problem(path, f"The waves wait for each other: {' → '.join(cycle)}.", "Remove one of these.")


def _cycle(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """A cycle of the graph as the path that closes it (a, b, a); empty if there is none."""
    done: set[str] = set()

    def follow(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done or name not in needs:
            return []
        for needed in needs[name]:
            if cycle := follow(needed, [*path, name]):
                return cycle
        done.add(name)
        return []

    return next((cycle for name in needs if (cycle := follow(name, []))), [])


def _placeholders(waves: Sequence[dict[str, Any]]) -> Iterator[Problem]:
    for index, wave in enumerate(waves):
        for position, check in enumerate(wave.get("healthChecks", [])):
            for key in ("host", "url"):
                for word in re.findall(r"\{([^{}]*)\}", check.get(key, "")):
                    if word not in PLACEHOLDERS:
                        path = f"waves[{index}].healthChecks[{position}].{key}"
                        yield Problem(path, f"{{{word}}} is not filled in.", choice(word, PLACEHOLDERS))


def _manual_pairs(pairs: Sequence[dict[str, str]]) -> Iterator[Problem]:
    for key, word in (
        ("sourceServerId", "source server"),
        ("sourceServerName", "source server"),
        ("targetInstanceId", "target instance"),
    ):
        seen: dict[str, int] = {}
        for index, pair in enumerate(pairs):
            first = seen.setdefault(pair[key].lower(), index) if key in pair else index
            if first != index:
                message = f"{pair[key]!r} is already paired by matching.manualPairs[{first}]."
                path = f"matching.manualPairs[{index}].{key}"
                yield Problem(path, message, f"Pair each {word} once.")


# --- from document to plan --------------------------------------------------------------------------------


def _plan(document: dict[str, Any]) -> Plan:
    return Plan(
        name=document["name"],
        description=document.get("description", ""),
        sites=tuple(
            Site(site["name"], Scope(**site["origin"]), Scope(**site["recovery"]))
            for site in document["sites"]
        ),
        protection_groups={
            name: _selector(group) for name, group in document.get("protectionGroups", {}).items()
        },
        waves=tuple(_wave(wave) for wave in document["waves"]),
        matching=_matching(document.get("matching", {})),
        policies=_policies(document.get("policies", {})),
        objectives=_objectives(document.get("objectives", {})),
    )


def _objectives(objectives: dict[str, int]) -> Objectives:
    return Objectives(
        rto_seconds=objectives.get("rtoSeconds"),
        rpo_seconds=objectives.get("rpoSeconds"),
        drill_every_days=objectives.get("drillEveryDays"),
    )


def _wave(wave: dict[str, Any]) -> PlannedWave:
    return PlannedWave(
        name=wave["name"],
        selector=_selector(wave["servers"]),
        depends_on=tuple(wave.get("dependsOn", ())),
        on_failure=_failure_policy(wave.get("onFailure", "STOP")),
        health_checks=tuple(_health_check(check) for check in wave.get("healthChecks", ())),
    )


def _selector(selector: dict[str, Any]) -> Selector:
    return Selector(
        source_server_ids=tuple(selector.get("sourceServerIds", ())),
        names=tuple(selector.get("names", ())),
        tags=selector.get("tags", {}),
        protection_group=selector.get("protectionGroup"),
    )


def _failure_policy(policy: str | dict[str, int | str]) -> FailurePolicy:
    if isinstance(policy, str):
        return FailurePolicy(policy)
    tolerated = policy["tolerate"]
    if isinstance(tolerated, str):
        return FailurePolicy("TOLERATE", tolerate_percent=float(tolerated.rstrip("%")))
    return FailurePolicy("TOLERATE", tolerate_count=int(tolerated))


def _health_check(check: dict[str, Any]) -> HealthCheck:
    return HealthCheck(
        type=check["type"],
        port=check.get("port"),
        host=check.get("host"),
        url=check.get("url"),
        status=check.get("status", 200),
        timeout_seconds=float(check.get("timeoutSeconds", 5)),
    )


def _matching(matching: dict[str, Any]) -> Matching:
    return Matching(
        domain_suffixes=tuple(matching.get("domainSuffixes", ())),
        manual_pairs=tuple(
            ManualPair(pair["targetInstanceId"], pair.get("sourceServerId"), pair.get("sourceServerName"))
            for pair in matching.get("manualPairs", ())
        ),
        max_edit_distance=matching.get("maxEditDistance", 0),
    )


def _policies(policies: dict[str, Any]) -> Policies:
    default = Policies()
    return Policies(
        launch_order=LaunchOrder(policies.get("launchOrder", default.launch_order)),
        on_blocked=OnBlocked(policies.get("onBlocked", default.on_blocked)),
        recovery_mode=RecoveryMode(policies.get("recoveryMode", default.recovery_mode)),
        when_target_runs=WhenTargetRuns(policies.get("whenTargetRuns", default.when_target_runs)),
        approval=Approval(policies["approval"]) if "approval" in policies else None,
        approvers=policies.get("approvers", default.approvers),
        retries=policies.get("retries", default.retries),
        max_lag_seconds=policies.get("maxLagSeconds", default.max_lag_seconds),
        launch_timeout_seconds=policies.get("launchTimeoutSeconds", default.launch_timeout_seconds),
        verify_timeout_seconds=policies.get("verifyTimeoutSeconds", default.verify_timeout_seconds),
        prepare_when_stored=policies.get("prepareWhenStored", default.prepare_when_stored),
        failback=_failback(policies.get("failback", {})),
        drill=DrillPolicies(DrillVolumes(policies.get("drill", {}).get("volumes", default.drill.volumes))),
    )


def _failback(policies: dict[str, Any]) -> FailbackPolicies:
    default = FailbackPolicies()
    return FailbackPolicies(
        launch_order=LaunchOrder(policies["launchOrder"]) if "launchOrder" in policies else None,
        approval=Approval(policies.get("approval", default.approval)),
        max_lag_seconds=policies.get("maxLagSeconds", default.max_lag_seconds),
        replication_deadline_seconds=policies.get(
            "replicationDeadlineSeconds", default.replication_deadline_seconds
        ),
        on_replication_timeout=OnReplicationTimeout(
            policies.get("onReplicationTimeout", default.on_replication_timeout)
        ),
        stop_workload=StopWorkload(policies.get("stopWorkload", default.stop_workload)),
        quiesce=tuple(_quiesce(action) for action in policies.get("quiesce", ())),
        when_original_runs=WhenTargetRuns(policies["whenOriginalRuns"])
        if "whenOriginalRuns" in policies
        else None,
        tag_originals=policies.get("tagOriginals", default.tag_originals),
        snapshot_before_removal=policies.get("snapshotBeforeRemoval", default.snapshot_before_removal),
        recovery_instance_disposition=RecoveryInstanceDisposition(
            policies.get("recoveryInstanceDisposition", default.recovery_instance_disposition)
        ),
        reprotect_deadline_seconds=policies.get(
            "reprotectDeadlineSeconds", default.reprotect_deadline_seconds
        ),
    )


def _quiesce(action: dict[str, Any]) -> QuiesceAction:
    return QuiesceAction(
        document=action["document"],
        parameters={name: tuple(values) for name, values in action.get("parameters", {}).items()},
        timeout_seconds=action.get("timeoutSeconds", QuiesceAction("").timeout_seconds),
    )
