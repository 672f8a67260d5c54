"""Private names of MiniStack, botocore and boto3 that the shortcuts replace or use, and why."""

from __future__ import annotations

from local.hooks import Hook, Table

_DYNAMODB = "ministack.services.dynamodb"

HOOKS: tuple[Hook, ...] = (
    Hook(_DYNAMODB, "_query", "queries by prefix do not read the whole partition", ("data",)),
    Hook(_DYNAMODB, "_set_item", "keeps keys sorted", ("table", "pk_val", "sk_val", "item")),
    Hook(_DYNAMODB, "_remove_item", "keeps keys sorted", ("table", "pk_val", "sk_val")),
    Hook(_DYNAMODB, "_items_replaced", "forgets sorted keys", ("table",)),
    Hook(_DYNAMODB, "_get_attr_type", "called: the type of a key", ("table", "attr_name")),
    Hook(_DYNAMODB, "_build_key", "called: where the next page begins", ("item", "pk_name", "sk_name")),
    Hook(_DYNAMODB, "copy", "items are plain JSON, which is copied faster"),
    Hook(_DYNAMODB, "json", "orjson reads and writes faster"),
    Hook("ministack.core.responses", "json", "orjson reads and writes faster"),
    Hook(_DYNAMODB, "_item_size_bytes", "counts texts faster", ("item",)),
    Hook(_DYNAMODB, "_attribute_value_size", "called: counts the rest", ("value",)),
    Hook(_DYNAMODB, "_tokenize", "reads each expression once", ("expr",)),
    Hook(_DYNAMODB, "_condition_syntax_error", "reads each expression once", ("expr", "slot")),
    Hook(
        "ministack.services.cloudformation.handlers",
        "_parse_template",
        "parses each template once",
        ("template_body",),
    ),
    Hook("ministack.services.cloudformation", "parse_qs", "reads each large form once"),
    Hook("botocore.awsrequest", "urlencode", "encodes each large form once"),
    Hook(
        "botocore.signers",
        "RequestSigner.sign",
        "nothing in a virtual cloud checks a signature; who calls is in the key",
        ("self", "operation_name", "request", "region_name", "signing_type", "expires_in", "signing_name"),
    ),
    Hook(
        "botocore.client",
        "BaseClient._make_api_call",
        "DynamoDB's good answers are taken before botocore makes a request",
        ("self", "operation_name", "api_params"),
    ),
    Hook(
        "botocore.client",
        "BaseClient.get_paginator",
        "botocore makes a class, with its documentation, each time",
        ("self", "operation_name"),
    ),
    Hook(
        "botocore.regions",
        "EndpointRulesetResolver.construct_endpoint",
        "EC2's and DRS's endpoint does not depend on what is asked",
        ("self", "operation_model", "call_args", "request_context"),
    ),
    Hook(
        "botocore.useragent",
        "UserAgentString.to_string",
        "no service reads it, and botocore makes it anew for each call, in the time of answering two",
        ("self",),
    ),
    Hook(
        "boto3.dynamodb.transform",
        "copy_dynamodb_params",
        "parameters are plain JSON, which is copied faster",
        ("params", "kwargs"),
    ),
    Hook(
        "boto3.dynamodb.transform",
        "ParameterTransformer.transform",
        "walks only what can hold a condition or a value",
        ("self", "params", "model", "transformation", "target_shape"),
    ),
    Hook(
        "boto3.dynamodb.types",
        "TypeDeserializer.deserialize",
        "values of DynamoDB are read in a third of the time",
        ("self", "value"),
    ),
)

TABLE = Table(HOOKS)
APP_TABLE = Table((Hook("ministack.app", "parse_qs", "reads each large form once"),))
"""Of the module that is slow to import, and sets the process's log level then: checked when it is used."""
