"""Builds and deploys the real templates with the real SAM CLI, against a local cloud."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.cli.client import Cloud, environment
from local.cli.subprocesses import Children
from local.fleet import Fleet
from local.fleet.member_stacks import MEMBER_STACK, MEMBER_TEMPLATE, member_parameters
from local.paths import BUILD, LOGS, ROOT
from shared.model.scope import Scope

STACK = "drs-orchestrator"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"

_TEMPLATE = ROOT / "template.yaml"
_INPUTS = ("template.yaml", "stacks", "functions", "shared", "statemachines")
_STAMP = BUILD / ".inputs"


def build(children: Children) -> bool:
    """Run ``sam build``. False if everything it reads is as it was at the last build: then it is not run."""
    wanted = _fingerprint(ROOT)
    if _STAMP.is_file() and _STAMP.read_text("utf-8") == wanted:
        return False
    command = ["sam", "build", "--template-file", str(_TEMPLATE), "--build-dir", str(BUILD), "--cached"]
    command += ["--cache-dir", str(BUILD.with_name("cache")), "--parallel"]
    command += ["--parameter-overrides", f"PythonRuntime={RUNTIME}"]
    env = _tools(environment("http://127.0.0.1:9", Scope("000000000000", "us-east-1")))
    children.run(command, log=LOGS / "sam-build.log", env=env, what="sam build")
    _STAMP.write_text(wanted, "utf-8")
    return True


def deploy(fleet: Fleet, cloud: Cloud, children: Children) -> dict[str, str]:
    """Deploy the orchestration stack and every member stack; gives the outputs of the former.

    Roles are global to an account, so an account that is in several Regions gets one member stack. The
    stacks do not need each other to be there, so they are deployed in parallel.
    """
    with ThreadPoolExecutor() as pool:
        members = [
            pool.submit(_deploy_member, fleet, Scope(account, region), cloud.endpoint, children)
            for account, region in fleet.member_accounts.items()
        ]
        try:
            _deploy_orchestration(fleet, cloud, children)
            for member in members:
                member.result()
        except BaseException:
            children.end()  # else leaving the pool would wait for them
            raise
    return outputs(cloud, fleet.orchestration)


def outputs(cloud: Cloud, orchestration: Scope) -> dict[str, str]:
    """The outputs of the orchestration stack by name."""
    cloudformation = cloud.client("cloudformation", orchestration.account, orchestration.region)
    [stack] = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _deploy_orchestration(fleet: Fleet, cloud: Cloud, children: Children) -> None:
    scope = fleet.orchestration
    bucket = f"deploy-{scope.account}-{scope.region}"
    s3 = cloud.client("s3", scope.account, scope.region)
    where = {"LocationConstraint": scope.region}
    s3.create_bucket(
        Bucket=bucket, **({} if scope.region == "us-east-1" else {"CreateBucketConfiguration": where})
    )
    parameters = {
        "PythonRuntime": RUNTIME,
        "MemberAccountIds": ",".join(fleet.member_accounts),
        "ExternalId": fleet.external_id,
        "AllowInlinePlans": "true",
    }
    command = [*_sam_deploy(BUILD / "template.yaml", STACK, scope, parameters), "--s3-bucket", bucket]
    env = _tools(environment(cloud.endpoint, scope))
    children.run(command, log=LOGS / "sam-deploy.log", env=env, what="sam deploy of template.yaml")


def _deploy_member(fleet: Fleet, scope: Scope, endpoint: str, children: Children) -> None:
    command = _sam_deploy(MEMBER_TEMPLATE, MEMBER_STACK, scope, member_parameters(fleet))
    what = f"sam deploy of member-account.yaml to {scope}"
    log = LOGS / f"sam-deploy-{scope.account}.log"
    children.run(command, log=log, env=_tools(environment(endpoint, scope)), what=what)


def _sam_deploy(template: Path, stack: str, scope: Scope, parameters: Mapping[str, str]) -> list[str]:
    return [
        *("sam", "deploy", "--template-file", str(template), "--stack-name", stack),
        *("--region", scope.region, "--capabilities", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())),
    ]


def _tools(env: Mapping[str, str]) -> dict[str, str]:
    """``env`` with this interpreter's tools first, and SAM without telemetry."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}"
    return {**env, "PATH": path, "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5"}


def _fingerprint(root: Path) -> str:
    digest = hashlib.sha256(RUNTIME.encode())
    for file in sorted(_files(root / name for name in _INPUTS)):
        digest.update(f"{file.relative_to(root)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        if place.is_dir():
            yield from (file for file in place.rglob("*") if file.is_file() and file.suffix != ".pyc")
        else:
            yield place
