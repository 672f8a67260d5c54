"""The README's commands run as they stand, and its tables have what the code has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from drs_emulator.__main__ import parser
from drs_emulator.faults import KINDS
from drs_emulator.operations import OPERATIONS
from drs_emulator.server import Standalone

README = (Path(__file__).parents[2] / "drs_emulator" / "README.md").read_text("utf-8")
PORT = "http://127.0.0.1:4570"


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def run(command: list[str], endpoint: str) -> str:
    """What a command prints with the clients of this environment first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
    environment |= {"AWS_ENDPOINT_URL_DRS": endpoint, "AWS_DEFAULT_REGION": "us-east-2"}
    environment |= {"AWS_ACCESS_KEY_ID": "222222222222", "AWS_SECRET_ACCESS_KEY": "any"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_recover_a_server_with_the_aws_cli_and_boto3() -> None:
    start, use = blocks("sh")
    served = re.search(r"^python -m drs_emulator (.+)$", start, re.M)
    assert served
    assert parser().parse_args(served[1].split()).port == int(PORT.rpartition(":")[2])
    with Standalone(speed=1) as server:
        assert PORT in use
        printed = run(["bash", "-euo", "pipefail", "-c", use.replace(PORT, server.endpoint)], server.endpoint)
        answers = parts(printed)
        assert [list(answer) for answer in answers[:2]] == [["instanceIDs"], ["sourceServerIDs"]]
        (target,), (source,) = answers[0]["instanceIDs"], answers[1]["sourceServerIDs"]
        assert answers[2]["launchIntoInstanceProperties"] == {"launchIntoEC2InstanceID": target}
        assert [item["sourceServerID"] for item in answers[-1]["items"][0]["participatingServers"]] == [
            source
        ]
        boto3_block = blocks("python")[0]
        assert run([sys.executable, "-c", boto3_block], server.endpoint) == f"{source} CONTINUOUS\n"


def parts(text: str) -> list[dict[str, Any]]:
    """The JSON documents that stand in ``text``, one after another."""
    found, rest, decoder = [], text.lstrip(), json.JSONDecoder()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


def test_the_example_for_tests_runs() -> None:
    names: dict[str, Any] = {}
    exec(blocks("python")[1], names)
    assert (names["status"], len(names["answer"]["sourceServerIDs"])) == (200, 1)


def test_the_table_of_faults_names_every_kind_and_its_fields() -> None:
    rows = {
        line.split("|")[1].strip(" `"): [cell.split() for cell in line.split("|")[2:4]]
        for line in README.splitlines()
        if line.startswith("| `")
    }
    for name, kind in KINDS.items():
        assert rows.pop(name) == [
            [f"`{field}`" for field in fields] for fields in (kind.required, kind.optional)
        ]
    assert not rows, "the README has a kind that the code lacks"


def test_the_list_of_operations_is_that_of_the_code() -> None:
    listed = README[README.index("## What is emulated") : README.index("- **Service Quotas**")]
    assert operations(listed) == set(OPERATIONS)


def operations(text: str) -> set[str]:
    """The operations that a text names, ``Get- and UpdateThing`` and ``Describe- and DeleteThing(s)`` too."""
    named = set(re.findall(r"\b[A-Z][a-z]+[A-Z]\w+(?=[,;\n ])", text))
    for verbs, last, noun, plural in re.findall(r"((?:[A-Z]\w+-,? )+)and ([A-Z][a-z]+)(\w+)(\(s\))?", text):
        named |= {f"{last}{noun}"}
        for verb in re.findall(r"\w+", verbs):
            named.add(f"{verb}{noun}{'s' if plural and verb == 'Describe' else ''}")
    return named
