"""What docs/data.md says about an instance that was overwritten is typed, and brings its data back."""

from __future__ import annotations

import re
import shlex
from typing import Any

from local.paths import ROOT
from tests.workflows.adversaries.outsiders import point
from tests.workflows.stage import Stage, group, stage

PAGE = ROOT / "docs" / "data.md"


def commands() -> list[str]:
    [block] = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    return [line for line in block.splitlines() if line]


def typed(here: Stage, command: str, **values: str) -> None:
    """The call that the AWS CLI makes of this line; a ``wait`` lets a minute pass, and then must be over."""
    ec2: Any = here.ec2()
    words = shlex.split(re.sub(r"\$(\w+)", lambda name: values[name[1]], command))
    assert words[:2] == ["aws", "ec2"], command
    waits = words[2] == "wait"
    operation, options = words[2 + waits].replace("-", "_"), words[3 + waits :]
    given = dict(zip(options[::2], options[1::2], strict=True))
    names = {"--instance-ids": "InstanceIds", "--volume-ids": "VolumeIds", "--volume-id": "VolumeId"}
    names |= {"--instance-id": "InstanceId", "--device": "Device", "--description": "Description"}
    parameters = {
        names[option]: [value] if option.endswith("s") else value for option, value in given.items()
    }
    if waits:
        here.cloud.advance(60)
        ec2.get_waiter(operation).wait(**parameters, WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    else:
        getattr(ec2, operation)(**parameters)


def test_an_instance_that_was_overwritten_gets_its_data_back() -> None:
    with stage(group("app"), group("victim")) as here:
        victim = here.target("victim")
        [(device, old)] = here.instances()[victim]["volumes"]
        point(here, "app", victim)
        here.drs().start_recovery(sourceServers=[{"sourceServerID": here.source("app")}])
        here.cloud.advance(3600)
        [(_, new)] = here.instances()[victim]["volumes"]
        assert new != old, "nothing was overwritten: this would prove nothing"
        for command in commands():
            typed(here, command, VICTIM=victim, OLD=old, NEW=new, DEVICE=device)
        here.cloud.advance(600)
        after = here.instances()[victim]
        assert (after["volumes"], after["state"]) == ([(device, old)], "running")
        found = here.ec2().describe_snapshots(OwnerIds=["self"])["Snapshots"]
        assert {old, new} <= {snapshot["VolumeId"] for snapshot in found}
