"""Situations of plan, tags and names: the code that each has, and how its advice is followed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.local.simulation.world import ORIGIN, RECOVERY
from tests.workflows.advice.aws_cli import typed
from tests.workflows.advice.failover_situations import agent, new_target, rename
from tests.workflows.stage import Stage, issue, site

ELSEWHERE = {"account": "444455556666", "region": "us-west-2"}
WEST = site("west", {"account": "111122223333", "region": "us-west-1"}, ELSEWHERE)

Arise = Callable[[Stage, str], Any]
Follow = Callable[[Stage, str, str], Any]


@dataclass(frozen=True, slots=True)
class PlanRow:
    """The server is called as the code; ``variant`` distinguishes two of one code."""

    code: str
    fleet: dict[str, Any] = field(default_factory=dict)
    arises: Arise = lambda here, server: None
    follow: Follow = lambda here, server, remedy: typed(here, remedy)
    variant: str = ""

    @property
    def server(self) -> str:
        return "-".join([self.code.lower().replace("_", "-"), *([self.variant] if self.variant else [])])


# --- what is wrong


def add_server(here: Stage, called: str, state: str = "CONTINUOUS", **tags: str) -> str:
    """One more source server that takes part."""
    known = {"dr:enabled": "true", "dr:recovery-strategy": "drs", "dr:wave": "all", "Name": called, **tags}
    one = {
        "hostname": called,
        "tags": known,
        "originAccountID": ORIGIN["account"],
        "originRegion": ORIGIN["region"],
        "dataReplicationState": state,
    }
    _, answer = here.cloud.drs.admin("POST", "/source-servers", {**RECOVERY, "servers": [one]})
    [made] = answer["sourceServerIDs"]
    return str(made)


def installed_twice(state: str) -> Arise:
    """The agent of the machine was installed again; its first source server is in this state."""
    return lambda here, server: add_server(here, server, state)


def nameless(here: Stage, server: str) -> None:
    agent(here, server).tags.pop("Name")
    agent(here, server).hostname = ""


def called_otherwise(here: Stage, server: str) -> None:
    """No Name tag in DRS, and another host name than the one that EC2 knows of the original."""
    agent(here, server).tags.pop("Name")
    agent(here, server).hostname = f"ip-10-9-8-7-{server}"


def tag(key: str, value: str | None) -> Arise:
    """A tag of the source server is written, or taken away."""

    def arise(here: Stage, server: str) -> None:
        agent(here, server).tags.pop(key, None)
        if value is not None:
            agent(here, server).tags[key] = value

    return arise


def pairs(here: Stage) -> list[dict[str, str]]:
    """The manual pairs of the plan, to be changed."""
    found: list[dict[str, str]] = here.plan.setdefault("matching", {}).setdefault("manualPairs", [])
    return found


def own(here: Stage, server: str) -> dict[str, str]:
    return {"sourceServerId": here.source(server), "targetInstanceId": here.target(server)}


def untag(here: Stage, server: str) -> None:
    here.ec2().delete_tags(Resources=[here.target(server)], Tags=[{"Key": "AWSDRS"}])


def twice_from(here: Stage, server: str) -> None:
    spare = new_target(here, "spare-target")
    pairs(here).extend([own(here, server), {"sourceServerName": server, "targetInstanceId": spare}])


def into_unknown(here: Stage, server: str) -> None:
    rename(here, here.target(server), "called-otherwise")
    untag(here, server)
    pairs(here).append(own(here, server))


def into_untagged(here: Stage, server: str) -> None:
    untag(here, server)
    pairs(here).append(own(here, server))


def into_other_scope(here: Stage, server: str) -> None:
    pairs(here).append({**own(here, server), "targetInstanceId": here.target("in-the-west")})


def from_one_of_two(here: Stage, server: str) -> None:
    """Two machines have the name; the plan pairs one of them by it, and the other by its id."""
    rename(here, here.target(server), "called-so-too")
    pairs(here).append({"sourceServerName": server, "targetInstanceId": here.target(server)})
    other = add_server(here, server)
    here.ec2().create_tags(Resources=[new_target(here, "of-the-other")], Tags=[{"Key": "of", "Value": other}])


def from_unknown(here: Stage, server: str) -> None:
    pairs(here).append({"sourceServerName": "misspelt", "targetInstanceId": here.target(server)})


def wave_of(here: Stage, name: str) -> dict[str, Any]:
    """The servers of a wave of the plan, to be changed."""
    found: dict[str, Any] = next(wave for wave in here.plan["waves"] if wave["name"] == name)["servers"]
    return found


def named(*patterns: str, wave: str = "all", key: str = "names", also: Arise | None = None) -> Arise:
    """A wave of the plan names these, beside what it has by tag."""

    def arise(here: Stage, server: str) -> None:
        wave_of(here, wave).setdefault(key, []).extend(patterns)
        if also is not None:
            also(here, server)

    return arise


def empty_wave(here: Stage, server: str) -> None:
    here.plan["waves"].append({"name": "empty", "servers": {"tags": {"dr:wave": "empty"}}})
    tag("dr:wave", "empty")(here, server)
    tag("dr:enabled", "false")(here, server)


# --- what operators do


def create(here: Stage, server: str, remedy: str) -> None:
    called = re.search(r"stopped and tagged \S+, with the Name tag '([^']+)'", remedy)
    assert called, remedy
    new_target(here, called[1])


def rename_the_others(here: Stage, server: str, remedy: str) -> None:
    assert remedy.startswith("Rename all but the target"), remedy
    for other in here.servers[server].target_instance_ids[1:]:
        rename(here, other, "no-target")


def add_pair(here: Stage, server: str, remedy: str) -> None:
    """Adds what the remedy says to add to the plan."""
    text = re.search(r"Then add to the plan: matching\.manualPairs: (\[\{.*?\}\])", remedy)
    assert text, remedy
    pairs(here).extend(yaml.safe_load(text[1]))


def correct_pairs(here: Stage, server: str, remedy: str) -> None:
    """Leaves one pair of the server, by its id, with an instance of its scope."""
    assert remedy.endswith("under matching.manualPairs in the plan."), remedy
    ids = {here.source(server), server, here.target(server)}
    here.plan["matching"]["manualPairs"] = [p for p in pairs(here) if not ids & set(p.values())]
    pairs(here).append(own(here, server))


def write_ids(here: Stage, server: str, remedy: str) -> None:
    assert remedy.startswith("Write sourceServerId instead of sourceServerName"), remedy
    correct_pairs(here, server, remedy)
    found = here.ec2().describe_instances(Filters=[{"Name": "tag-key", "Values": ["of"]}])
    [instance] = found["Reservations"][0]["Instances"]
    other = next(one["Value"] for one in instance["Tags"] if one["Key"] == "of")
    pairs(here).append({"sourceServerId": other, "targetInstanceId": instance["InstanceId"]})


def rename_target(here: Stage, server: str, remedy: str) -> None:
    assert "correct its Name tag" in remedy, remedy
    filters = [{"Name": "tag:Name", "Values": [f"xyz-{server}"]}]
    [found] = here.ec2().describe_instances(Filters=filters)["Reservations"][0]["Instances"]
    rename(here, found["InstanceId"], server)


def unname(*patterns: str, wave: str = "all", key: str = "names") -> Follow:
    def follow(here: Stage, server: str, remedy: str) -> None:
        assert re.match("Correct the (id|name) in the plan, or remove it|Narrow their selectors", remedy), (
            remedy
        )
        left = [one for one in wave_of(here, wave).pop(key) if one not in patterns]
        if left:
            wave_of(here, wave)[key] = left

    return follow


def write_name(wrong: str) -> Follow:
    """Writes the name that the remedy proposes."""

    def follow(here: Stage, server: str, remedy: str) -> None:
        text = re.fullmatch("Write '(.+)'\\.", remedy)
        assert text, remedy
        known = wave_of(here, "all")["names"]
        known[known.index(wrong)] = text[1]

    return follow


def write_tags(*asked: str) -> Follow:
    """Writes these tags, which the remedy names."""

    def follow(here: Stage, server: str, remedy: str) -> None:
        for one in asked:
            key, value = one.split("=")
            assert one in remedy or key == "dr:wave", remedy
            tag(key, value)(here, server)

    return follow


TAGGED = ("dr:enabled=true", "dr:recovery-strategy=drs")

ROWS = (
    PlanRow("TARGET_MISSING", issue("noTarget"), follow=create),
    PlanRow("TARGET_MISSING", issue("similarName", target="{name}x"), follow=add_pair, variant="similar"),
    PlanRow("TARGET_MISSING", arises=called_otherwise, follow=add_pair, variant="original"),
    PlanRow("TARGET_AMBIGUOUS", issue("twoTargets"), follow=rename_the_others),
    PlanRow("SERVER_NAME_AMBIGUOUS", arises=installed_twice("DISCONNECTED")),
    PlanRow("SERVER_NAME_AMBIGUOUS", arises=installed_twice("STOPPED"), variant="stopped"),
    PlanRow(
        "NAME_MISSING",
        arises=nameless,
        follow=lambda here, server, text: typed(here, text, **{"Name=NAME": f"Name={server}"}),
    ),
    PlanRow(
        "NAME_MISSING",
        issue("noTarget"),
        lambda here, server: new_target(here, ""),
        lambda here, server, text: typed(here, text, **{"Key=Name,Value=NAME": f"Key=Name,Value={server}"}),
        variant="target",
    ),
    PlanRow(
        "TARGET_UNUSED",
        issue("noTarget"),
        lambda here, server: new_target(here, f"xyz-{server}"),
        rename_target,
    ),
    PlanRow("MANUAL_PAIR_SERVER_TWICE", arises=twice_from, follow=correct_pairs),
    PlanRow("MANUAL_PAIR_TARGET_UNKNOWN", arises=into_unknown),
    PlanRow("TARGET_UNTAGGED", arises=into_untagged, variant="by-hand"),
    PlanRow("MANUAL_PAIR_OTHER_SCOPE", arises=into_other_scope, follow=correct_pairs),
    PlanRow("MANUAL_PAIR_SERVER_AMBIGUOUS", arises=from_one_of_two, follow=write_ids),
    PlanRow("MANUAL_PAIR_SERVER_UNKNOWN", arises=from_unknown, follow=correct_pairs),
    PlanRow(
        "WAVE_AMBIGUOUS",
        arises=named("wave-ambiguous", wave="second"),
        follow=unname("wave-ambiguous", wave="second"),
    ),
    PlanRow(
        "SERVER_NOT_FOUND",
        arises=named("s-0123456789abcdef0", key="sourceServerIds"),
        follow=unname("s-0123456789abcdef0", key="sourceServerIds"),
    ),
    PlanRow("SERVER_NOT_ENABLED", arises=named("server-not-enabled", also=tag("dr:enabled", None))),
    PlanRow(
        "NAME_NOT_FOUND",
        arises=named("name-not-fuond", also=tag("dr:wave", None)),
        follow=write_name("name-not-fuond"),
    ),
    PlanRow(
        "SELECTOR_EMPTY",
        arises=named("selector-emtpy*", also=tag("dr:wave", None)),
        follow=write_name("selector-emtpy*"),
    ),
    PlanRow("WAVE_EMPTY", arises=empty_wave, follow=write_tags(*TAGGED)),
    PlanRow("SERVERS_UNSELECTED", arises=tag("dr:wave", None), follow=write_tags("dr:wave=all")),
    PlanRow("TAG_VALUE_UNKNOWN", arises=tag("dr:enabled", "yes"), follow=write_tags(*TAGGED)),
)
