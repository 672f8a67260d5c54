"""Others change DRS, EC2 and the findings between any two states of an execution, as the dice say.

They act before invocations of functions, until the execution closes: what they do later no report can have.
They wait while StartRecovery runs: between its last reading and the call no code can keep a setting as it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from random import Random
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from local.wire import Answer, Call
from tests.workflows.adversaries.outsiders import point
from tests.workflows.oracle import (
    Facts,
    check_instances,
    check_jobs,
    check_one_outcome,
    check_the_end,
    facts,
)
from tests.workflows.stage import Run, Stage

ALLOWED = ("AWSDRS", "AllowLaunchingIntoThisInstance")
CLOSERS = ("CloseExecutionFunction", "CloseAbortedExecutionFunction")
BOTH_RUN = {"ORIGINAL_RUNS", "WORKLOAD_RUNS"}

Scope = dict[str, str]


class Outsiders:
    """All who have access to the member accounts. ``steps``: what they did and when, for failure messages."""

    def __init__(self, here: Stage, dice: Random, share: float, *, returning: bool) -> None:
        self.here = here
        self.steps: list[str] = []
        self.wrong: list[str] = []
        self.dice = dice
        self._share, self._returning = share, returning
        self._count = self._launching = 0
        self._over = False
        self._scopes = _scopes_of_instances(here)
        self._served = here.cloud.routes.answer

    def begin(self) -> None:
        for name in self.here.cloud.template.functions():
            self.here.cloud.on_function(name, partial(self._between, name))
        handler = import_module("functions.execution.launch.start_recovery").handler
        self.here.cloud.add_function("StartRecoveryFunction", self._counted(handler))
        self.here.cloud.routes.answer = self._watched  # type: ignore[method-assign]

    # --- when

    def _between(self, function: str, event: dict[str, Any]) -> None:
        self._count += 1
        self._over |= function in CLOSERS
        if self._over or self._launching or self.dice.random() >= self._share:
            return
        name = self.dice.choice(sorted(self.here.servers))
        act = self.dice.choice(ACTS)
        try:
            act(self, name)
        except ClientError as error:  # the state of an instance, or of the server, does not allow it
            self._note(function, f"{act.__name__} {name} refused: {error.response['Error']['Code']}")
        else:
            self._note(function, f"{act.__name__} {name}")

    def _note(self, function: str, what: str) -> None:
        self.steps.append(f"step {self._count}, before {function}: {what}")

    def _counted(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        def counted(event: Any, context: Any) -> Any:
            self._launching += 1
            try:
                return handler(event, context)
            finally:
                self._launching -= 1

        return counted

    # --- what launches see

    def _watched(self, call: Call) -> Answer:
        if (call.service, call.operation) == ("drs", "StartRecovery"):
            drs = self.here.cloud.client("drs", call.account, call.region)
            for server in json.loads(call.body)["sourceServers"]:
                self._judge(drs, server["sourceServerID"])
        return self._served(call)

    def _judge(self, drs: Any, source: str) -> None:
        """A launch may go into the pair alone, tagged and stopped as it is right now."""
        settings = drs.get_launch_configuration(sourceServerID=source)
        into = settings.get("launchIntoInstanceProperties", {}).get("launchIntoEC2InstanceID", "")
        pair = pair_of(self.here, source)
        seen = self.here.instances(self._scopes[pair])[pair]
        if into != pair or ALLOWED not in seen["tags"] or seen["state"] != "stopped":
            where = self.steps[-1] if self.steps else "before any interference"
            self.wrong.append(
                f"{where}; then {source} is launched into {into or 'nothing'}, not {pair}: {seen}"
            )

    # --- whom they act on

    def goal(self, name: str) -> tuple[Scope, str]:
        """The instance that the execution launches into."""
        return self._instance(name, origin=self._returning)

    def other(self, name: str) -> tuple[Scope, str]:
        """The instance on the other side."""
        return self._instance(name, origin=not self._returning)

    def _instance(self, name: str, *, origin: bool) -> tuple[Scope, str]:
        found = self.here.servers[name].original_instance_id if origin else self.here.target(name)
        return self._scopes[found], found

    def source(self, name: str) -> str | None:
        """The source server that is launched; in a failback there is none before the replication turns."""
        if not self._returning:
            return self.here.source(name)
        pairs = {s["counterpart"]: i for i, s in facts(self.here).servers.items() if s.get("counterpart")}
        return pairs.get(self.here.source(name))

    def neighbour(self, name: str) -> str:
        """Another server of the same scope, if there is one."""
        scope = self.goal(name)[0]
        others = [one for one in sorted(self.here.servers) if one != name and self.goal(one)[0] == scope]
        return self.dice.choice(others or [name])


def _scopes_of_instances(here: Stage) -> dict[str, Scope]:
    _, state = here.cloud.drs.admin("GET", "/state", None)
    scopes = [{"account": s["account"], "region": s["region"]} for s in state["scopes"]]
    return {instance: scope for scope in scopes for instance in here.instances(scope)}


def pair_of(here: Stage, source: str) -> str:
    """The one instance that a source server may be launched into: its target, or its original coming back."""
    for server in here.servers.values():
        if server.source_server_id == source:
            return server.target_instance_ids[0]
    counterpart = facts(here).servers[source]["counterpart"]
    return next(s.original_instance_id for s in here.servers.values() if s.source_server_id == counterpart)


# --- what they do


def points_elsewhere(outsiders: Outsiders, name: str) -> None:
    _, instance = outsiders.goal(outsiders.neighbour(name))
    _point(outsiders, name, instance)


def clears_the_setting(outsiders: Outsiders, name: str) -> None:
    _point(outsiders, name, "")


def _point(outsiders: Outsiders, name: str, instance: str) -> None:
    if source := outsiders.source(name):
        point(outsiders.here, name, instance, outsiders.goal(name)[0], source)


def takes_the_tag(outsiders: Outsiders, name: str) -> None:
    scope, instance = outsiders.goal(name)
    outsiders.here.ec2(scope).delete_tags(Resources=[instance], Tags=[{"Key": ALLOWED[0]}])


def gives_the_tag(outsiders: Outsiders, name: str) -> None:
    scope, instance = outsiders.goal(name)
    _tag(outsiders, scope, instance, *ALLOWED)


def renames(outsiders: Outsiders, name: str) -> None:
    _tag(outsiders, *outsiders.goal(name), "Name", "something else")


def opts_it_out(outsiders: Outsiders, name: str) -> None:
    """The source server takes part in no plan any more."""
    _tag_source(outsiders, name, "dr:enabled", "false")


def moves_it_to_no_wave(outsiders: Outsiders, name: str) -> None:
    """It takes part, in a wave that the plan does not know."""
    _tag_source(outsiders, name, "dr:wave", "unknown")


def _tag_source(outsiders: Outsiders, name: str, key: str, value: str) -> None:
    if source := outsiders.source(name):
        place = outsiders.goal(name)[0]
        drs = outsiders.here.cloud.client("drs", place["account"], place["region"])
        arn = f"arn:aws:drs:{place['region']}:{place['account']}:source-server/{source}"
        drs.tag_resource(resourceArn=arn, tags={key: value})


def _tag(outsiders: Outsiders, scope: Scope, instance: str, key: str, value: str) -> None:
    outsiders.here.ec2(scope).create_tags(Resources=[instance], Tags=[{"Key": key, "Value": value}])


def starts_where_it_goes(outsiders: Outsiders, name: str) -> None:
    scope, instance = outsiders.goal(name)
    outsiders.here.ec2(scope).start_instances(InstanceIds=[instance])


def stops_where_it_goes(outsiders: Outsiders, name: str) -> None:
    scope, instance = outsiders.goal(name)
    outsiders.here.ec2(scope).stop_instances(InstanceIds=[instance])


def starts_the_other_side(outsiders: Outsiders, name: str) -> None:
    scope, instance = outsiders.other(name)
    outsiders.here.ec2(scope).start_instances(InstanceIds=[instance])


def stops_the_other_side(outsiders: Outsiders, name: str) -> None:
    scope, instance = outsiders.other(name)
    outsiders.here.ec2(scope).stop_instances(InstanceIds=[instance])


def forges_a_finding(outsiders: Outsiders, name: str) -> None:
    """As a query function could: no blocker, another instance, a launch to adopt."""
    client = outsiders.here.cloud.client("dynamodb")
    table = os.environ["FINDINGS_TABLE"]
    items = client.scan(TableName=table)["Items"]
    mine = [item for item in items if item["sk"]["S"].endswith(f"#{outsiders.here.source(name)}")]
    mine = [item for item in mine if item["sk"]["S"].startswith("SERVER#")]
    forgeries: list[dict[str, Any]] = [
        {"pairInstanceId": outsiders.goal(outsiders.neighbour(name))[1]},
        {"status": "READY", "findings": []},
        {"adoption": "LAUNCH", "adoptedFrom": "other", "jobId": "drsjob-1", "launchChanged": True},
    ]
    forgery = outsiders.dice.choice(forgeries)
    for item in mine:
        changed = {key: TypeSerializer().serialize(value) for key, value in forgery.items()}
        client.put_item(TableName=table, Item={**item, **changed})


ACTS: tuple[Callable[[Outsiders, str], None], ...] = (
    points_elsewhere,
    clears_the_setting,
    takes_the_tag,
    gives_the_tag,
    renames,
    opts_it_out,
    moves_it_to_no_wave,
    starts_where_it_goes,
    stops_where_it_goes,
    starts_the_other_side,
    stops_the_other_side,
    forges_a_finding,
)


# --- what must be so


def interfere(here: Stage, dice: Random, *, returning: bool) -> None:
    """From now on outsiders act on this stage."""
    outsiders = Outsiders(here, Random(dice.random()), dice.choice([0.03, 0.15, 0.4]), returning=returning)
    here.outsiders = outsiders
    outsiders.begin()


def check_despite(here: Stage, before: Facts, runs: Sequence[Run]) -> None:
    """No wrong instance, none terminated, counts conserved, both sides never silent. Names the steps."""
    outsiders: Outsiders = here.outsiders
    story = "\n".join(outsiders.steps)
    assert not outsiders.wrong, "\n".join(outsiders.wrong)
    try:
        now = facts(here)
        check_the_end(here)
        check_one_outcome(here, runs)
        check_jobs(here, before, now)
        check_instances(before, now)
        for run in runs:
            _conserved(here, now, run)
            _in_its_pair(here, before, now, run)
            _both_sides(here, now, run)
    except AssertionError as error:
        error.add_note(f"after these steps of outsiders:\n{story}")
        raise


def _conserved(here: Stage, now: Facts, run: Run) -> None:
    """Each server that takes part has one outcome, or the report names it; who was opted out need not."""
    totals = dict(run.report["totals"])
    found = totals.pop("servers")
    assert found == sum(totals.values()) == len(run.report["servers"]), (found, totals)
    if run.report["servers"]:
        taking_part = [
            name
            for name in here.servers
            if now.servers[here.source(name)]["tags"].get("dr:enabled") == "true"
        ]
        missing = [name for name in taking_part if name not in run.outcomes and name not in run.summary]
        assert missing == [], f"{missing} have no outcome, and no line of the report names them"


def _in_its_pair(here: Stage, before: Facts, now: Facts, run: Run) -> None:
    made = {i: item for i, item in now.recovery_instances.items() if i not in before.recovery_instances}
    for instance, item in made.items():
        pair = pair_of(here, item["sourceServerID"])
        assert instance == pair, f"{item['sourceServerID']} was launched into {instance}, not {pair}"
    for server in run.report["servers"]:
        if server["status"] == "RECOVERED" and run.report["mode"] == "FAILOVER":
            assert server["pairInstanceId"] == here.target(server["name"])
            assert server["pairInstanceId"] in now.recovery_instances


def _both_sides(here: Stage, now: Facts, run: Run) -> None:
    """For each server that the execution has recovered, or found recovered on the side that it comes from."""
    for server in run.report["servers"]:
        name = server["name"]
        sides = here.servers[name].original_instance_id, here.target(name)
        running = all(now.instances[one]["state"] == "running" for one in sides)
        if running and here.target(name) in now.recovery_instances:
            codes = {finding["code"] for finding in server["findings"]}
            named = any(one in f"{server['reason']} {server['remedy']}" for one in sides)
            assert codes & BOTH_RUN or named, f"{name} runs on both sides, and the report has {server}"
