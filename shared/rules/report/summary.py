"""A report in words: markdown that reads well in a terminal, a mail and a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.rules.report.both_sides import both_sides_lines, concerns
from shared.rules.report.markdown import duration, names, section
from shared.rules.report.next_steps import next_steps
from shared.rules.report.volumes import volume_section

_OLD = "RECOVERY_POINT_OLD"
_NOT_RECOVERED = ("FAILED", "BLOCKED", "LEFT_OUT", "SKIPPED")


def summarize(report: Mapping[str, Any]) -> str:
    """The report as markdown: totals, then what went wrong and what to do, then waves and servers."""
    sections = [
        _head(report),
        _controls(report),
        _issues(report),
        _unprotected(report),
        _clean_ups(report),
        _findings(report),
        _overrides(report),
        _warnings(report),
        _proposals(report),
        _plan_of_action(report),
        _limits(report),
        _waves(report),
        _servers(report),
        _failed_back(report),
        volume_section(report),
        _cannot_prove(report),
        next_steps(report),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(report: Mapping[str, Any]) -> str:
    totals = report["totals"]
    kind = f"{report['mode'].capitalize()}{' (dry run)' if report.get('dryRun') else ''}"
    lines = [
        f"# {kind} of {report['plan']}: {report['status']}",
        "",
        f"- {totals['servers']} servers: {_counts(totals)}",
        f"- from {report['startedAt']} to {report['endedAt'] or 'now'}{_took(report)}",
        f"- launch order {report['launchOrder']}, execution {report['executionId']}",
        *_at_a_glance(report),
        *both_sides_lines(report),
    ]
    if report.get("reason"):
        lines.append(f"- {report['reason']}")
    if report.get("remedy"):
        lines.append(f"- What to do: {report['remedy']}")
    return "\n".join(lines)


def _counts(totals: Mapping[str, int]) -> str:
    """``4 recovered, 0 failed, …``; of those that are rare only what there is."""
    words = {"recovered": "recovered", "returned": "returned to what they were", "failed": "failed"}
    words |= {"skipped": "skipped", "blocked": "blocked", "leftOut": "left out: in no wave"}
    rare = ("returned", "leftOut")
    return ", ".join(f"{totals[key]} {word}" for key, word in words.items() if totals[key] or key not in rare)


def _at_a_glance(report: Mapping[str, Any]) -> list[str]:
    """What counts in a failback and in a drill, one line each."""
    lines = []
    parts = (
        ("copied to the origin in", "reverseReplicationSeconds"),
        ("outage", "cutoverSeconds"),
        ("protected again in", "reprotectSeconds"),
    )
    took = [f"{word} {duration(report[key])}" for word, key in parts if report.get(key) is not None]
    if took:
        lines.append(f"- {', '.join(took)}")
    servers = report["servers"]
    lines += _recovery_point(servers)
    lines += _recovered_to(report)
    if report["mode"] == "FAILBACK" and not report.get("dryRun"):
        at_origin = [server for server in servers if server["status"] == "RECOVERED"]
        done = sum(server.get("protection") in ("PROTECTED", "RETIRED") for server in at_origin)
        retired = sum(server.get("protection") == "RETIRED" for server in at_origin)
        lines.append(
            f"- {len(at_origin)} of {len(servers)} failed back, {done} protected, {retired} with the "
            "recovery side as before the disaster"
        )
    launched = [server for server in servers if server.get("cleanedUp") is not None]
    if launched:
        cleaned = sum(bool(server["cleanedUp"]) for server in launched)
        lines.append(f"- {cleaned} of {len(launched)} launched servers cleaned up")
    return lines


def _recovery_point(servers: Sequence[Mapping[str, Any]]) -> list[str]:
    """The oldest copy of all, and how many are older than the plan promises."""
    known = [server for server in servers if server.get("recoveryPoint")]
    if not known:
        return []
    oldest = min(known, key=lambda server: (server["recoveryPoint"], server["name"]))
    late = [server for server in servers if _OLD in {finding["code"] for finding in server["findings"]}]
    text = f"- oldest recovery point: {oldest['recoveryPoint']} ({oldest['name']})"
    return [f"{text}; {len(late)} servers are older than the plan promises" if late else text]


def _recovered_to(report: Mapping[str, Any]) -> list[str]:
    """The oldest data that anything runs with now."""
    found = report.get("recoveredTo")
    if not found:
        return []
    text = f"- data recovered to {found['oldest']} at the oldest ({found['oldestServer']})"
    if found["worstLagSeconds"] is not None:
        worst, median = duration(found["worstLagSeconds"]), duration(found["medianLagSeconds"])
        text += f"; behind the launch by {worst} at most, {median} in the median"
    return [text]


def _took(report: Mapping[str, Any]) -> str:
    text = f", {duration(report['durationSeconds'])}" if report["durationSeconds"] is not None else ""
    if report.get("estimateSeconds") is not None:
        text += f" (estimated: {duration(report['estimateSeconds'])})"
    return text


def _issues(report: Mapping[str, Any]) -> str:
    rows = [
        (server["name"], server["wave"], server["status"], server["reason"], server["remedy"])
        for status in _NOT_RECOVERED
        for server in report["servers"]
        if server["status"] == status
    ]
    return section("What went wrong", ("Server", "Wave", "Status", "Reason", "Remedy"), rows)


def _unprotected(report: Mapping[str, Any]) -> str:
    rows = [
        (server["name"], server["pairInstanceId"], server["protectionReason"], server["protectionRemedy"])
        for server in report["servers"]
        if server.get("protection") == "UNPROTECTED"
    ]
    return section("Failed back, but not protected", ("Server", "Instance", "Reason", "Remedy"), rows)


def _clean_ups(report: Mapping[str, Any]) -> str:
    rows = [
        (server["name"], server["pairInstanceId"], server["cleanUpIssue"] or "It is not cleaned up yet.")
        for server in report["servers"]
        if server.get("cleanUpIssue") or server.get("cleanedUp") is False
    ]
    return section("Not as before the drill", ("Server", "Instance", "Issue"), rows)


def _controls(report: Mapping[str, Any]) -> str:
    rows = [(one["at"], one["action"], one["result"]) for one in report.get("controls", ())]
    return section("Operator actions", ("When", "Message", "Result"), rows)


def _overrides(report: Mapping[str, Any]) -> str:
    rows = [
        (item["check"], item["reason"], names(item["servers"]) or "none had the finding")
        for item in report.get("overrides", ())
    ]
    return section("Overridden checks", ("Check", "Reason", "Servers"), rows)


def _findings(report: Mapping[str, Any]) -> str:
    """One row for each kind of target left over: an account that several plans share has hundreds."""
    rows = [(finding["code"], finding["found"], finding["remedy"]) for finding in report.get("findings", ())]
    leftovers: dict[str, list[Mapping[str, Any]]] = {}
    for item in report.get("unmatchedTargets", ()):
        leftovers.setdefault(item["finding"]["code"], []).append(item["finding"])
    for code, found in leftovers.items():
        more = f" And {len(found) - 1} more like it: see the JSON report." if len(found) > 1 else ""
        rows.append((code, found[0]["found"] + more, found[0]["remedy"]))
    return section("Also found", ("Code", "Found", "Remedy"), rows)


def _warnings(report: Mapping[str, Any]) -> str:
    """A row for each kind of warning: hundreds of servers may have the same."""
    kinds: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for server in report["servers"]:
        for finding in server.get("findings", ()):
            if finding["severity"] == "WARNING" and concerns(server, finding["code"]):
                kinds.setdefault(finding["code"], []).append((server["name"], finding))
    rows = []
    for code, found in kinds.items():
        first = found[0][1]
        rows.append((code, names([name for name, _ in found]), first["found"], first["remedy"]))
    return section("Warnings", ("Code", "Servers", "Found at the first", "Remedy"), rows)


def _proposals(report: Mapping[str, Any]) -> str:
    rows = [
        (item["sourceServerId"], item["instanceId"], item["distance"]) for item in report.get("proposals", ())
    ]
    return section("Similar names", ("Source server", "Instance", "Edit distance"), rows)


def _plan_of_action(report: Mapping[str, Any]) -> str:
    rows = [
        (wave["name"], ", ".join(wave["startsAfter"]), job["batch"], job["scope"], ", ".join(job["servers"]))
        for wave in report.get("planOfAction", {}).get("waves", ())
        for job in wave["jobs"]
    ]
    return section("Plan of action", ("Wave", "Starts after", "Job", "Scope", "Servers"), rows)


def _limits(report: Mapping[str, Any]) -> str:
    """For a dry run: what DRS takes at once, and the source of the limits."""
    names = {"jobs": "Jobs", "serversInJobs": "Servers in jobs", "serversPerJob": "Servers in a job"}
    names["replicating"] = "Replicating servers"
    rows = [
        (limits["scope"], *(limits[name] for name in names), _source(limits, names))
        for limits in report.get("limits", ())
        if report.get("dryRun")
    ]
    return section("Limits of DRS", ("Scope", *names.values(), "Source"), rows)


def _source(limits: Mapping[str, Any], names: Mapping[str, str]) -> str:
    from_settings = limits["fromSettings"]
    if not from_settings:
        return "Service Quotas"
    if len(from_settings) == len(names):
        return f"settings ({limits['reason'] or 'Service Quotas knows none'})"
    return f"Service Quotas; settings: {', '.join(names[name].lower() for name in from_settings)}"


def _waves(report: Mapping[str, Any]) -> str:
    rows = [
        (
            wave["name"],
            wave["status"],
            ", ".join(wave["dependsOn"]),
            wave["startedAt"],
            wave["endedAt"],
            ", ".join(wave["jobs"]),
            wave.get("reason"),
        )
        for wave in report["waves"]
    ]
    columns = ("Wave", "Status", "Depends on", "Started", "Ended", "Jobs", "Reason")
    return section("Waves", columns, rows)


def _servers(report: Mapping[str, Any]) -> str:
    rows = [
        (
            server["name"],
            server["wave"],
            server["status"],
            server["pairInstanceId"],
            _change(server["privateIpBefore"], server["privateIpAfter"]),
            server["attempts"],
            server["verifiedAt"],
        )
        for server in report["servers"]
    ]
    columns = ("Server", "Wave", "Status", "Instance", "Private address", "Attempts", "Verified")
    return section("Servers", columns, rows)


def _failed_back(report: Mapping[str, Any]) -> str:
    """Of a failback: from which instance to which, how long the workload was away, and its protection."""
    if report["mode"] != "FAILBACK":
        return ""
    rows = [
        (
            server["name"],
            server.get("workloadInstanceId"),
            server["pairInstanceId"],
            None if server.get("outageSeconds") is None else duration(server["outageSeconds"]),
            server.get("protection"),
        )
        for server in report["servers"]
        if server.get("workloadInstanceId")
    ]
    return section("Failback", ("Server", "From", "To", "Outage", "Protection"), rows)


def _cannot_prove(report: Mapping[str, Any]) -> str:
    sentences = report.get("cannotProve", ())
    if not sentences:
        return ""
    return "\n".join(["## What a drill cannot prove", "", *(f"- {sentence}" for sentence in sentences)])


def _change(before: str | None, after: str | None) -> str | None:
    return before if after is None or after == before else f"{before} → {after}"
