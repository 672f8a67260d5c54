"""Every private name of MiniStack that the local cloud replaces or leans on, and why.

It is pinned with ``==``. ``check`` refuses any other version and any name that vanished or changed its
parameters, so that an upgrade fails at the start and in the tests and not in the middle of a demo. What is
replaced in moto is in ``local.states.hooks``.
``replace`` only replaces names of this table.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

PINS = {"ministack": "1.5.33"}


class WrongEngineVersionError(RuntimeError):
    """An installed engine is not the version whose private names we hook into."""


class HookChangedError(RuntimeError):
    """A hooked name vanished or has other parameters than the hook was written for."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One name. ``parameters`` of a function as ``inspect`` lists them; None for a value."""

    module: str
    name: str
    parameters: tuple[str, ...] | None
    why: str

    def owner(self) -> tuple[Any, str]:
        """The object that holds the name (a module or a class in it), and the last part of the name."""
        holder: Any = importlib.import_module(self.module)
        *path, last = self.name.split(".")
        for part in path:
            holder = getattr(holder, part)
        return holder, last


_SFN = "ministack.services.stepfunctions"
_LAMBDA = "ministack.services.lambda_svc"
_RUNTIME = "ministack.core.lambda_runtime"
_EC2 = "ministack.services.ec2"
_EVENTS = "ministack.services.eventbridge"
_DYNAMODB = "ministack.services.dynamodb"
_EVALUATOR = "ministack.core.iam_evaluator"
_ACTIONS = "ministack.core.iam_actions"

HOOKS: tuple[Hook, ...] = (
    # Step Functions: MiniStack keeps machines, versions and aliases; local/states has the executions.
    *(
        Hook(_SFN, f"_{name}", ("data",), "executions and their tasks are those of local/states")
        for name in (
            "start_execution",
            "start_sync_execution",
            "stop_execution",
            "describe_execution",
            "list_executions",
            "get_execution_history",
            "describe_state_machine_for_execution",
            "send_task_success",
            "send_task_failure",
            "send_task_heartbeat",
            "list_map_runs",
            "describe_map_run",
            "validate_state_machine_definition",
        )
    ),
    Hook(_SFN, "_create_state_machine", ("data",), "refuses a definition that does not parse"),
    Hook(_SFN, "_update_state_machine", ("data",), "refuses a definition that does not parse"),
    Hook(_SFN, "_delete_state_machine", ("data",), "executions end with their machine"),
    Hook(_SFN, "reset", (), "forgets executions"),
    Hook(_SFN, "handle_request", ("method", "path", "headers", "body", "query_params"), "RedriveExecution"),
    Hook(_SFN, "now_iso", (), "dates come from the simulated clock"),
    Hook(_SFN, "_resolve_state_machine_arn", ("arn",), "read: version and alias ARNs"),
    Hook(_SFN, "_execution_version_arn", ("arn",), "read: the version an execution runs"),
    Hook(_SFN, "_state_machines", None, "read: state machine records"),
    Hook(_SFN, "_state_machine_versions", None, "read: published versions"),
    Hook(_SFN, "_state_machine_aliases", None, "read: aliases"),
    # Lambda
    Hook(
        _LAMBDA, "_execute_function_warm", ("func", "event", "request_id"), "real time; error class and trace"
    ),
    Hook(_RUNTIME, "Worker._spawn", ("self",), "our Python worker, cached code, clean environment"),
    Hook(
        _RUNTIME,
        "Worker._drain_stderr_bounded",
        ("self", "first_line_wait", "idle_confirm", "hard_cap"),
        "the end of an invocation's log is marked, so nothing waits for more",
    ),
    Hook(_RUNTIME, "Worker._read_stderr", ("self",), "called: reads a worker's log"),
    Hook(_RUNTIME, "_account_region_from_function_config", ("config",), "called: where a function lives"),
    Hook(_LAMBDA, "_resolve_layer_zip", ("attachment",), "called: the content of a layer"),
    Hook(_RUNTIME, "reset", (), "called: ends all workers"),
    Hook(_RUNTIME, "execution_credentials", ("config",), "called: the session of a function's role"),
    Hook(_RUNTIME, "_RESERVED_RUNTIME_ENV_VARS", None, "read: what a function cannot set"),
    # DynamoDB
    Hook(_DYNAMODB, "_query", ("data",), "queries by prefix do not read the whole partition"),
    Hook(_DYNAMODB, "_set_item", ("table", "pk_val", "sk_val", "item"), "keeps keys sorted"),
    Hook(_DYNAMODB, "_remove_item", ("table", "pk_val", "sk_val"), "keeps keys sorted"),
    Hook(_DYNAMODB, "_items_replaced", ("table",), "forgets sorted keys"),
    Hook(_DYNAMODB, "_tables", None, "read: tables"),
    Hook(_DYNAMODB, "_get_attr_type", ("table", "attr_name"), "called: the type of a key"),
    Hook(_DYNAMODB, "_DDB_PAGE_SIZE_BYTES", None, "read: when there is more than a page"),
    Hook(_DYNAMODB, "_build_key", ("item", "pk_name", "sk_name"), "called: where the next page begins"),
    Hook(_DYNAMODB, "copy", None, "items are plain JSON, which is copied faster"),
    Hook(_DYNAMODB, "json", None, "orjson reads and writes faster"),
    Hook("ministack.core.responses", "json", None, "orjson reads and writes faster"),
    Hook(_DYNAMODB, "_item_size_bytes", ("item",), "counts texts faster"),
    Hook(_DYNAMODB, "_attribute_value_size", ("value",), "called: counts the rest"),
    Hook(_DYNAMODB, "_tokenize", ("expr",), "reads each expression once"),
    Hook(_DYNAMODB, "_condition_syntax_error", ("expr", "slot"), "reads each expression once"),
    # EventBridge
    Hook(_EVENTS, "_now_ts", (), "event times come from the simulated clock"),
    Hook(_EVENTS, "_put_events", ("data", "allow_aws_source"), "called: events of aws.* services"),
    Hook(
        _EVENTS,
        "_dispatch_to_event_bus",
        ("spec", "event", "rule", "event_path", "target_input_payload"),
        "buses of other accounts and Regions",
    ),
    Hook(_EVENTS, "_ensure_default_bus", (), "called: every account and Region has one"),
    Hook(_EVENTS, "_event_bus_policies", None, "read and written: who may feed a bus"),
    Hook(
        "ministack.services.cloudformation.provisioners",
        "_RESOURCE_HANDLERS",
        None,
        "AWS::Events::EventBusPolicy",
    ),
    Hook(_EVENTS, "_matches_pattern", ("pattern_str", "event"), "called: rules in virtual time"),
    # EC2
    Hook(_EC2, "_ACTION_MAP", None, "operations that a DR check or a DRS launch needs"),
    Hook(_EC2, "_instance_xml", ("inst",), "platform, boot mode, reasons, no public address when stopped"),
    Hook(_EC2, "_now_ts", (), "times come from the simulated clock"),
    *(
        Hook(_EC2, name, None, "read and written: records")
        for name in ("_instances", "_volumes", "_snapshots", "_subnets", "_security_groups", "_tags")
    ),
    Hook(_EC2, "_STUB_AMIS", None, "read: images"),
    Hook(_EC2, "_INSTANCE_ID_RE", None, "read: what an instance id looks like"),
    Hook(_EC2, "_DEFAULT_SUBNET_ID", None, "read: where an instance goes by default"),
    Hook(_EC2, "_DEFAULT_SG_ID", None, "read: its security group by default"),
    Hook(_EC2, "_registered_image", ("image_id",), "called: images of RegisterImage"),
    Hook(_EC2, "_parse_member_list", ("params", "prefix"), "called: lists of a request"),
    Hook(_EC2, "_parse_filters", ("params",), "called: filters of a request"),
    Hook(_EC2, "_resource_matches_tag_filters", ("resource_id", "filters"), "called: tag filters"),
    Hook(_EC2, "_glob_match", ("pattern", "value"), "called: wildcards in filters"),
    Hook(_EC2, "_xml", ("status", "root_tag", "inner"), "called: responses"),
    Hook(_EC2, "_error", ("code", "message", "status"), "called: error responses"),
    Hook(_EC2, "_random_ip", ("prefix",), "called: public addresses"),
    Hook(_EC2, "_inst_bdm_xml", ("inst",), "called: block devices of an instance"),
    Hook(_EC2, "_inst_iam_xml", ("inst",), "called: instance profile of an instance"),
    Hook(_EC2, "_volume_inner_xml", ("vol",), "called: a volume"),
    Hook(_EC2, "_snapshot_inner_xml", ("snap",), "called: a snapshot"),
    Hook(_EC2, "_subnet_xml", ("subnet",), "called: a subnet"),
    Hook(_EC2, "_sg_xml", ("sg",), "called: a security group"),
    Hook(
        _EC2,
        "_resolve_iam_instance_profile",
        ("iam_arn", "iam_name", "allow_missing"),
        "called: instance profiles",
    ),
    Hook(
        _EC2,
        "_upsert_iam_instance_profile_association",
        ("instance_id", "iam_profile", "association_id", "state"),
        "called: instance profiles",
    ),
    Hook(
        _EC2,
        "_find_active_iam_instance_profile_association",
        ("instance_id",),
        "called: instance profiles",
    ),
    Hook(
        _EC2,
        "_mark_iam_instance_profile_association_disassociated",
        ("assoc",),
        "called: instance profiles",
    ),
    # Systems Manager
    Hook(
        "ministack.services.ssm", "_send_command", ("data",), "commands reach instances without a container"
    ),
    Hook(
        "ministack.services.ssm",
        "handle_request",
        ("method", "path", "headers", "body", "query_params"),
        "ListCommandInvocations",
    ),
    Hook("ministack.services.ssm", "_managed_instance_ids", (), "which instances a command reaches"),
    Hook("ministack.services.ssm", "_commands", None, "read and written: commands"),
    Hook("ministack.services.ssm", "_command_target_ids", ("data",), "called: instances of a request"),
    Hook("ministack.services.ssm", "_public_command", ("record",), "called: a command as it is shown"),
    Hook("ministack.services.ssm", "_refresh_command_status", ("record",), "called: status of a command"),
    # IAM and STS
    Hook(
        _ACTIONS,
        "extract_iam_action",
        ("service", "method", "path", "headers", "body", "query_params"),
        "actions of DRS",
    ),
    Hook(
        _ACTIONS,
        "extract_resource_arn",
        ("service", "method", "path", "headers", "body", "query_params", "region", "account_id"),
        "every resource of EC2 and DRS calls",
    ),
    Hook(
        _EVALUATOR,
        "enforce",
        ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
        "each resource is checked with its tags; calls made by a service for its caller",
    ),
    Hook(_EVALUATOR, "_resolve_condition_key", ("key", "ctx"), "aws:PrincipalArn of a session is its role"),
    Hook(_EVALUATOR, "_service_principal_matches", ("principal", "service"), "called: who trusts a service"),
    Hook(
        _EVALUATOR,
        "resolve_credential",
        ("access_key_id", "account_id", "session_token"),
        "called: who an access key is",
    ),
    Hook(
        _EVALUATOR,
        "resolve_principal",
        ("access_key_id", "account_id", "credential"),
        "called: the policies behind an access key",
    ),
    Hook(_EVALUATOR, "evaluate", ("ctx", "policies", "limits"), "called: permission-only actions of DRS"),
    Hook("ministack.services.sts", "register_session", ("access_key", "session"), "called: role sessions"),
    Hook("ministack.services.sts", "_role_id", ("role_arn",), "called: the user id of a session"),
    Hook("ministack.services.iam", "_roles", None, "read: trust policies"),
    Hook("ministack.services.iam", "_instance_profiles", None, "read: ARNs of instance profiles"),
    Hook("ministack.services.iam", "_IAM_HANDLERS", None, "simulation in a stated context"),
    Hook("ministack.services.iam", "_seed_aws_managed_policies", (), "managed policies of DRS"),
    Hook("ministack.services.iam", "_aws_managed_policies", None, "managed policies of DRS"),
    Hook(
        "ministack.services.iam",
        "_make_aws_managed_record",
        ("name", "document", "description"),
        "called: a managed policy",
    ),
    # The application
    Hook(
        "ministack.app", "detect_service", ("method", "path", "headers", "query_params"), "DRS; call counts"
    ),
    Hook("ministack.app", "SERVICE_HANDLERS", None, "DRS is a service"),
    Hook("ministack.app", "AUTH", None, "read: whether IAM is enforced"),
)


_shipped: dict[tuple[str, str], Any] = {}
"""What stood where something of ours stands now."""


def check(hooks: tuple[Hook, ...] = HOOKS) -> None:
    """Raise WrongEngineVersionError or HookChangedError unless every hook fits what is installed."""
    for package, pinned in PINS.items():
        found = version(package)
        if found != pinned:
            raise WrongEngineVersionError(
                f"{package} {found} is installed, the local cloud needs exactly {pinned}: it hooks into "
                f"private names of that version. Install what requirements.lock says."
            )
    for hook in hooks:
        try:
            holder, last = hook.owner()
            value = _shipped.get((hook.module, hook.name)) or getattr(holder, last)
        except (ImportError, AttributeError) as gone:
            raise HookChangedError(f"{hook.module}.{hook.name} is gone; needed for: {hook.why}") from gone
        if hook.parameters is not None:
            found_parameters = tuple(inspect.signature(inspect.unwrap(value)).parameters)
            if found_parameters != hook.parameters:
                raise HookChangedError(
                    f"{hook.module}.{hook.name} takes {found_parameters}, not {hook.parameters}; "
                    f"needed for: {hook.why}"
                )


def shipped(module: str, name: str) -> Any:
    """What MiniStack has under a name of the table, whether or not something stands in its place."""
    holder, last = _find(module, name).owner()
    return _shipped.get((module, name)) or getattr(holder, last)


def _find(module: str, name: str) -> Hook:
    for hook in HOOKS:
        if (hook.module, hook.name) == (module, name):
            return hook
    raise HookChangedError(f"{module}.{name} is not in the table of hooks")


def replace(module: str, name: str, replacement: Any) -> Any:
    """Put ``replacement`` in the place of a name of the table and return what was there."""
    holder, last = _find(module, name).owner()
    before = getattr(holder, last)
    _shipped.setdefault((module, name), before)
    setattr(holder, last, replacement)
    return before


def update(module: str, name: str, entries: dict[str, Any]) -> None:
    """Put entries into a dict of the table."""
    holder, last = _find(module, name).owner()
    getattr(holder, last).update(entries)
