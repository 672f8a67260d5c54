"""Values to DynamoDB items and back: nothing is lost, whatever the value."""

from __future__ import annotations

import string
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import LaunchSettings, SourceServer
from shared.model.ec2 import Instance
from shared.model.execution import ExecutionRecord, JobRecord, WaveRecord
from shared.model.finding import Finding, Severity
from shared.model.pair import PairRecord
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.model.status import Protection
from shared.rules.matching.instance_matcher import Proposal
from shared.serialization import camel, from_item, plain, to_item
from shared.store import Leftover
from tests import makers

# Scopes are "account/region", and DynamoDB numbers have 38 digits.
st.register_type_strategy(
    Scope,
    st.builds(
        Scope, st.text(string.digits, min_size=12, max_size=12), st.sampled_from(["us-east-1", "eu-west-3"])
    ),
)
_NUMBERS = st.integers(-(10**15), 10**15) | st.floats(-1e9, 1e9, allow_subnormal=False, width=32)
_JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
_FLOATS = st.none() | st.floats(0, 1e9, allow_subnormal=False, width=32)
_SERVERS = st.builds(SourceServer, lag_seconds=_FLOATS)
_EXECUTIONS = st.builds(ExecutionRecord, request=st.dictionaries(st.text(max_size=5), _JSON, max_size=3))
_RECORDS = st.one_of(
    st.builds(ServerRecord),
    _SERVERS,
    _EXECUTIONS,
    *(
        st.builds(kind)
        for kind in (Instance, LaunchSettings, Finding, WaveRecord, JobRecord, PairRecord, Leftover, Proposal)
    ),
)


@given(_RECORDS)
def test_a_value_survives_dynamodb(value: Any) -> None:
    item = to_item(value)
    stored = TypeDeserializer().deserialize(TypeSerializer().serialize(item))
    assert from_item(stored, type(value)) == value


@given(st.builds(ServerRecord))
def test_fields_at_their_default_are_not_stored(record: ServerRecord) -> None:
    item = to_item(record)
    assert not [key for key, value in item.items() if value is None]
    assert ("reason" in item) is (record.reason is not None)


def test_an_item_is_readable_and_ignores_what_the_table_adds() -> None:
    finding = Finding("CODE", Severity.WARNING, "f", "r")
    record = makers.record(1, wave="data", findings=(finding,))
    item = to_item(record)
    assert item["sourceServerId"] == makers.server_id(1)
    assert item["scope"] == "444455556666/us-east-2"
    assert item["findings"] == [{"code": "CODE", "severity": "WARNING", "found": "f", "remedy": "r"}]
    assert from_item({**item, "pk": "EXECUTION#1", "sk": "SERVER#1", "expiresAt": Decimal(1)}, ServerRecord)


def test_progress_stands_beside_the_other_fields_and_alone_in_a_change() -> None:
    """An item has no parts: what reads the table, a report and a test of yesterday find the field."""
    record = makers.record(1, reversed_server_id="s-9", cleaned_up_at="2026-01-01T10:00:00Z")
    item = to_item(record)
    assert (item["reversedServerId"], item["cleanedUpAt"]) == ("s-9", "2026-01-01T10:00:00Z")
    assert not {"failback", "drill"} & item.keys()
    assert from_item(item, ServerRecord) == record
    change = makers.changed(record, {"protection": Protection.RETIRED, "clean_up_issue": "It runs."})
    assert change.values == {"protection": Protection.RETIRED, "clean_up_issue": "It runs."}


def test_names_of_tags_are_left_alone() -> None:
    server = makers.source_server(1, tags={"cost_center": "7", "aws:x": "y"})
    assert to_item(server)["tags"] == {"cost_center": "7", "aws:x": "y"}


@pytest.mark.parametrize(
    ("name", "expected"), [("source_server_id", "sourceServerId"), ("name", "name"), ("at", "at")]
)
def test_names_become_camel_case(name: str, expected: str) -> None:
    assert camel(name) == expected


def test_decimals_become_numbers_of_json() -> None:
    value = {"a": [Decimal(1), Decimal("1.5")], "b": "x", "c": None}
    assert plain(value) == {"a": [1, 1.5], "b": "x", "c": None}
    assert isinstance(plain(value)["a"][0], int)
