"""Every private name of MiniStack that the local cloud replaces or leans on, and why.

What DynamoDB does faster is in ``local.shortcuts.hooks``.
"""

from __future__ import annotations

from local.hooks import Hook, Table

_SFN = "ministack.services.stepfunctions"
_LAMBDA = "ministack.services.lambda_svc"
_RUNTIME = "ministack.core.lambda_runtime"
_EC2 = "ministack.services.ec2"
_EVENTS = "ministack.services.eventbridge"
_EVALUATOR = "ministack.core.iam_evaluator"
_DYNAMODB = "ministack.services.dynamodb"
_ACTIONS = "ministack.core.iam_actions"

HOOKS: tuple[Hook, ...] = (
    # Step Functions: MiniStack keeps machines, versions and aliases; local/states has the executions.
    *(
        Hook(_SFN, f"_{name}", "executions and their tasks are those of local/states", ("data",))
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
    Hook(_SFN, "_create_state_machine", "refuses a definition that does not parse", ("data",)),
    Hook(_SFN, "_update_state_machine", "refuses a definition that does not parse", ("data",)),
    Hook(_SFN, "_delete_state_machine", "executions end with their machine", ("data",)),
    Hook(_SFN, "reset", "forgets executions", ()),
    Hook(_SFN, "handle_request", "RedriveExecution", ("method", "path", "headers", "body", "query_params")),
    Hook(_SFN, "now_iso", "dates come from the simulated clock", ()),
    Hook(_SFN, "_resolve_state_machine_arn", "read: version and alias ARNs", ("arn",)),
    Hook(_SFN, "_execution_version_arn", "read: the version an execution runs", ("arn",)),
    Hook(_SFN, "_state_machines", "read: state machine records"),
    Hook(_SFN, "_state_machine_versions", "read: published versions"),
    Hook(_SFN, "_state_machine_aliases", "read: aliases"),
    # Lambda
    Hook(
        _LAMBDA, "_execute_function_warm", "real time; error class and trace", ("func", "event", "request_id")
    ),
    Hook(_RUNTIME, "Worker._spawn", "our Python worker, cached code, clean environment", ("self",)),
    Hook(
        _RUNTIME,
        "Worker._drain_stderr_bounded",
        "the end of an invocation's log is marked, so nothing waits for more",
        ("self", "first_line_wait", "idle_confirm", "hard_cap"),
    ),
    Hook(_RUNTIME, "Worker._read_stderr", "called: reads a worker's log", ("self",)),
    Hook(_RUNTIME, "_account_region_from_function_config", "called: where a function lives", ("config",)),
    Hook(_LAMBDA, "_resolve_layer_zip", "called: the content of a layer", ("attachment",)),
    Hook(_RUNTIME, "reset", "called: ends all workers", ()),
    Hook(_RUNTIME, "execution_credentials", "called: the session of a function's role", ("config",)),
    Hook(_RUNTIME, "_RESERVED_RUNTIME_ENV_VARS", "read: what a function cannot set"),
    # EventBridge
    Hook(_EVENTS, "_now_ts", "event times come from the simulated clock", ()),
    Hook(_EVENTS, "_put_events", "called: events of aws.* services", ("data", "allow_aws_source")),
    Hook(
        _EVENTS,
        "_dispatch_to_event_bus",
        "buses of other accounts and Regions",
        ("spec", "event", "rule", "event_path", "target_input_payload"),
    ),
    Hook(_EVENTS, "_ensure_default_bus", "called: every account and Region has one", ()),
    Hook(_EVENTS, "_event_bus_policies", "read and written: who may feed a bus"),
    Hook(
        "ministack.services.cloudformation.provisioners",
        "_RESOURCE_HANDLERS",
        "AWS::Events::EventBusPolicy, AWS::Events::Archive",
    ),
    Hook(_EVENTS, "_create_archive", "called: archives of templates", ("data",)),
    Hook(_EVENTS, "_delete_archive", "called: likewise", ("data",)),
    Hook(_EVENTS, "_matches_pattern", "called: rules in virtual time", ("pattern_str", "event")),
    Hook(
        "ministack.services.cloudformation.provisioners",
        "_check_nested_stack_capabilities",
        "the SAM transform in nested stacks",
        ("parent_stack_name", "template"),
    ),
    Hook(
        "ministack.services.cloudformation.engine",
        "_apply_transforms",
        "called: the SAM transform",
        ("template", "provided_params", "previous_params"),
    ),
    Hook("ministack.services.cloudformation.engine", "_TransformFailed", "read: why it failed"),
    # EC2
    Hook(_EC2, "_ACTION_MAP", "operations that a DR check or a DRS launch needs"),
    Hook(_EC2, "_instance_xml", "platform, boot mode, reasons, no public address when stopped", ("inst",)),
    Hook(_EC2, "_now_ts", "times come from the simulated clock", ()),
    *(
        Hook(_EC2, name, "read and written: records")
        for name in ("_instances", "_volumes", "_snapshots", "_subnets", "_security_groups", "_tags")
    ),
    Hook(_EC2, "_STUB_AMIS", "read: images"),
    Hook(_EC2, "_INSTANCE_ID_RE", "read: what an instance id looks like"),
    Hook(_EC2, "_DEFAULT_SUBNET_ID", "read: where an instance goes by default"),
    Hook(_EC2, "_DEFAULT_SG_ID", "read: its security group by default"),
    Hook(_EC2, "_registered_image", "called: images of RegisterImage", ("image_id",)),
    Hook(_EC2, "_parse_member_list", "called: lists of a request", ("params", "prefix")),
    Hook(_EC2, "_parse_filters", "called: filters of a request", ("params",)),
    Hook(_EC2, "_resource_matches_tag_filters", "called: tag filters", ("resource_id", "filters")),
    Hook(_EC2, "_glob_match", "called: wildcards in filters", ("pattern", "value")),
    Hook(_EC2, "_xml", "called: responses", ("status", "root_tag", "inner")),
    Hook(_EC2, "_error", "called: error responses", ("code", "message", "status")),
    Hook(_EC2, "_random_ip", "called: public addresses", ("prefix",)),
    Hook(_EC2, "_inst_bdm_xml", "called: block devices of an instance", ("inst",)),
    Hook(_EC2, "_inst_iam_xml", "called: instance profile of an instance", ("inst",)),
    Hook(_EC2, "_volume_inner_xml", "called: a volume", ("vol",)),
    Hook(_EC2, "_snapshot_inner_xml", "called: a snapshot", ("snap",)),
    Hook(_EC2, "_subnet_xml", "called: a subnet", ("subnet",)),
    Hook(_EC2, "_sg_xml", "called: a security group", ("sg",)),
    Hook(
        _EC2,
        "_resolve_iam_instance_profile",
        "called: instance profiles",
        ("iam_arn", "iam_name", "allow_missing"),
    ),
    Hook(
        _EC2,
        "_upsert_iam_instance_profile_association",
        "called: instance profiles",
        ("instance_id", "iam_profile", "association_id", "state"),
    ),
    Hook(
        _EC2, "_find_active_iam_instance_profile_association", "called: instance profiles", ("instance_id",)
    ),
    Hook(
        _EC2, "_mark_iam_instance_profile_association_disassociated", "called: instance profiles", ("assoc",)
    ),
    # Systems Manager
    Hook(
        "ministack.services.ssm", "_send_command", "commands reach instances without a container", ("data",)
    ),
    Hook(
        "ministack.services.ssm",
        "handle_request",
        "ListCommandInvocations",
        ("method", "path", "headers", "body", "query_params"),
    ),
    Hook("ministack.services.ssm", "_managed_instance_ids", "which instances a command reaches", ()),
    Hook("ministack.services.ssm", "_commands", "read and written: commands"),
    Hook("ministack.services.ssm", "_command_target_ids", "called: instances of a request", ("data",)),
    Hook("ministack.services.ssm", "_public_command", "called: a command as it is shown", ("record",)),
    Hook("ministack.services.ssm", "_refresh_command_status", "called: status of a command", ("record",)),
    # IAM and STS
    Hook(
        _ACTIONS,
        "extract_iam_action",
        "actions of DRS",
        ("service", "method", "path", "headers", "body", "query_params"),
    ),
    Hook(
        _ACTIONS,
        "extract_resource_arn",
        "every resource of EC2 and DRS calls",
        ("service", "method", "path", "headers", "body", "query_params", "region", "account_id"),
    ),
    Hook(
        _EVALUATOR,
        "enforce",
        "each resource is checked with its tags; calls made by a service for its caller",
        ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
    ),
    Hook(_EVALUATOR, "_resolve_condition_key", "aws:PrincipalArn of a session is its role", ("key", "ctx")),
    Hook(_EVALUATOR, "_service_principal_matches", "called: who trusts a service", ("principal", "service")),
    Hook(
        _EVALUATOR,
        "resolve_credential",
        "called: who an access key is",
        ("access_key_id", "account_id", "session_token"),
    ),
    Hook(
        _EVALUATOR,
        "resolve_principal",
        "called: the policies behind an access key",
        ("access_key_id", "account_id", "credential"),
    ),
    Hook(_EVALUATOR, "evaluate", "called: permission-only actions of DRS", ("ctx", "policies", "limits")),
    Hook("ministack.services.sts", "register_session", "called: role sessions", ("access_key", "session")),
    Hook("ministack.services.sts", "_role_id", "called: the user id of a session", ("role_arn",)),
    Hook("ministack.services.iam", "_roles", "read: trust policies"),
    Hook("ministack.services.iam", "_instance_profiles", "read: ARNs of instance profiles"),
    Hook("ministack.services.iam", "_IAM_HANDLERS", "simulation in a stated context"),
    Hook("ministack.services.iam", "_seed_aws_managed_policies", "managed policies of DRS", ()),
    Hook("ministack.services.iam", "_aws_managed_policies", "managed policies of DRS"),
    Hook(
        "ministack.services.iam",
        "_make_aws_managed_record",
        "called: a managed policy",
        ("name", "document", "description"),
    ),
    # DynamoDB
    Hook(
        _DYNAMODB,
        "handle_request",
        "refuses what is more than a key or a table takes",
        ("method", "path", "headers", "body", "query_params"),
    ),
    Hook(_DYNAMODB, "_tables", "read and written: the warm throughput of tables"),
    Hook(_DYNAMODB, "_get_item_by_key", "called: the item that a call is about", ("table", "key")),
    Hook(_DYNAMODB, "_DDB_PAGE_SIZE_BYTES", "read: what a page costs at most"),
    # The application
    Hook(
        "ministack.app", "detect_service", "DRS; call counts", ("method", "path", "headers", "query_params")
    ),
    Hook("ministack.app", "SERVICE_HANDLERS", "DRS is a service"),
    Hook("ministack.app", "AUTH", "read: whether IAM is enforced"),
)

TABLE = Table(HOOKS)
check, replace, update, shipped = TABLE.check, TABLE.replace, TABLE.update, TABLE.shipped
