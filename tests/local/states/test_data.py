"""JSONata, variables, Maps and the context object: how data moves through a machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulation import VirtualCloud
from local.states import DefinitionError, check, jsonata
from tests.local.states.lab import CAUGHT, call, caught, each, empty_cloud, give, machine, together, wait


@pytest.fixture
def cloud() -> Iterator[VirtualCloud]:
    with empty_cloud() as made:
        made.add_function("echo", lambda event, context: event)
        yield made


STATES = {
    "input": {"a": None, "list": [1, 2, 3], "none": [], "one": [{"x": 1}], "text": 'say "hi"\n\\'},
    "result": None,
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$states.input.list", [1, 2, 3]),
        ("$states.input.a", None),
        ("$states.result", None),
        ("$states.input.text", 'say "hi"\n\\'),
        ("$states.input.one.x", 1),
        ("$states.input.one[x=1]", {"x": 1}),
        ("[$states.input.one[x=1]]", [{"x": 1}]),
        ("[$states.input.list[$ > 9]]", []),
        ("$count($states.input.none)", 0),
        ("$count([0..4])", 5),
        ("[0..2]", [0, 1, 2]),
        ("[[0..2]]", [[0, 1, 2]]),
        ("$map([0..2], function($i) { $i * 2 })", [0, 2, 4]),
        ("$merge([{'a': 1}, {'b': null}])", {"a": 1, "b": None}),
        ("{'kept': $states.input.a, 'left': $states.input.nothing}", {"kept": None}),
        ("$sum([1.5, 1.5])", 3),
        ("7 / 2", 3.5),
        ("$states.input.a = null", True),
        ("$exists($states.input.nothing)", False),
        ("$parse('{\"a\": [1, null, true]}')", {"a": [1, None, True]}),
        ("$parse('null')", None),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("$string({'a': 1})", '{"a":1}'),
        ("$name & '-' & $number", "wave-2"),
        ("$empty", None),
        ("$filter($states.input.list, function($v) { $v > 1 })", [2, 3]),
        ("$states.input.list[0]", 1),
        ("$length($states.input.text)", 10),
    ],
)
def test_an_expression_has_its_value(cloud: VirtualCloud, expression: str, value: Any) -> None:
    variables = {"name": "wave", "number": 2, "empty": None}
    result = jsonata.evaluate(expression, STATES, variables)
    assert result == value
    assert type(result) is type(value)


def test_an_expression_gives_fresh_data(cloud: VirtualCloud) -> None:
    states = {"input": {"list": [1, {"a": None}]}}
    result = jsonata.evaluate("$states.input.list", states, {})
    result[1]["a"] = "changed"
    assert states == {"input": {"list": [1, {"a": None}]}}


@pytest.mark.parametrize(
    "expression",
    [
        "$states.input.nothing",
        "$nothing",
        "function($x) { $x }",
        "$parse('{')",
        "1 +",
        "$number('x')",
        "$error('no')",
    ],
)
def test_an_expression_that_has_no_value_fails_the_state(cloud: VirtualCloud, expression: str) -> None:
    cloud.add_machine("m", machine("Give", Give=give("{% " + expression + " %}")))
    result = cloud.run("m", {}, name="one")
    assert (result.status, result.error) == ("FAILED", "States.QueryEvaluationError")


def test_a_failed_expression_in_a_task_can_be_caught(cloud: VirtualCloud) -> None:
    work = call("echo", "{% $states.input.nothing %}", Catch=[caught("States.QueryEvaluationError")])
    cloud.add_machine("m", machine("Work", Work=work, Caught=dict(CAUGHT)))
    assert cloud.run("m", {}, name="one").output["caught"] == "States.QueryEvaluationError"


def test_variables_last_and_inner_scopes_do_not_leak(cloud: VirtualCloud) -> None:
    first = give("{% $states.input %}", Assign={"base": "{% $states.input.base %}"}, Next="Each")
    items = each(
        "{% [1..3] %}", 2, "Add", Add=give("{% $states.input + $base %}", Assign={"inner": "{% $base %}"})
    )
    last = give("{% {'sums': $states.input, 'inner': $exists($inner)} %}")
    cloud.add_machine("m", machine("First", First=first, Each={**items, "Next": "Last"}, Last=last))
    assert cloud.run("m", {"base": 10}, name="one").output == {"sums": [11, 12, 13], "inner": False}


def test_a_task_assigns_from_its_result(cloud: VirtualCloud) -> None:
    work = call("echo", {"n": 5}, Assign={"n": "{% $states.result.Payload.n %}"}, Next="Last")
    cloud.add_machine("m", machine("Work", Work=work, Last=give("{% $n + 1 %}")))
    assert cloud.run("m", {}, name="one").output == 6


def test_a_catch_assigns_and_outputs(cloud: VirtualCloud) -> None:
    catcher = caught("States.ALL", Assign={"failure": "{% $states.errorOutput.Error %}"})
    cloud.add_machine(
        "m", machine("Work", Work=call("unknown", Catch=[catcher]), Caught=give("{% $failure %}"))
    )
    assert cloud.run("m", {}, name="one").output == "Lambda.ResourceNotFoundException"


def test_the_context_object_has_the_virtual_time(cloud: VirtualCloud) -> None:
    context = give("{% $states.context %}")
    cloud.add_machine("m", machine("Sleep", Sleep=wait(90, Next="Reading"), Reading=context))
    output = cloud.run("m", {"x": 1}, name="one").output
    assert output["Execution"]["StartTime"] == "2030-01-01T00:00:00.000Z"
    assert output["Execution"]["RedriveCount"] == 0
    assert output["Execution"]["Input"] == {"x": 1}
    assert output["Execution"]["Name"] == "one"
    assert output["State"]["EnteredTime"] == "2030-01-01T00:01:30.000Z"
    assert output["StateMachine"]["Name"] == "m"


def test_a_task_is_entered_once_however_often_it_is_retried(cloud: VirtualCloud) -> None:
    seen: list[str] = []

    def handler(event: Any, context: Any) -> None:
        seen.append(event)
        if len(seen) < 3:
            raise ValueError("again")

    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 30}]
    cloud.add_machine(
        "m", machine("Work", Work=call("work", "{% $states.context.State.EnteredTime %}", Retry=retry))
    )
    cloud.add_function("work", handler)
    cloud.run("m", {}, name="one")
    assert seen == ["2030-01-01T00:00:00.000Z"] * 3


def test_history_times_are_virtual(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", machine("Sleep", Sleep=wait(60)))
    times = [event["timestamp"] for event in cloud.run("m", {}, name="one").history]
    assert times[0] == "2030-01-01T00:00:00.000Z"
    assert times[-1] == "2030-01-01T00:01:00.000Z"


def test_wait_until_a_timestamp(cloud: VirtualCloud) -> None:
    until = {"Type": "Wait", "Timestamp": "{% $states.input.at %}"}
    cloud.add_machine("m", machine("Sleep", Sleep=until))
    assert cloud.run("m", {"at": "2030-01-01T02:00:00Z"}, name="one").seconds == 7200


def test_an_inline_map_runs_forty_at_a_time_at_most(cloud: VirtualCloud) -> None:
    for concurrency, seconds in ((0, 20), (100, 20), (10, 80)):
        cloud.add_machine(
            f"m{concurrency}",
            machine("Each", Each=each("{% [1..80] %}", concurrency, "Sleep", Sleep=wait(10))),
        )
        assert cloud.run(f"m{concurrency}", {}, name="one").seconds == seconds


def test_a_map_of_many_items_one_at_a_time(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", machine("Each", Each=each("{% [1..1200] %}", 1, "Give", Give=give("x"))))
    assert len(cloud.run("m", {}, name="one").output) == 1200


def test_an_empty_map_is_an_empty_list(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", machine("Each", Each=each("{% [] %}", 5, "Sleep", Sleep=wait(10))))
    assert cloud.run("m", {}, name="one").output == []


def distributed(**fields: Any) -> dict[str, Any]:
    items = each("{% $states.input.items %}", 5, "Work", Work=call("work"))
    items["ItemProcessor"]["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return machine("Each", Each={**items, **fields})


def test_a_distributed_map_batches_its_items(cloud: VirtualCloud) -> None:
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"id": "{% $states.input.id %}"}}
    cloud.add_machine("m", distributed(ItemBatcher=batcher))
    cloud.add_function("work", lambda event, context: [event["Items"], event["BatchInput"]])
    result = cloud.run("m", {"items": [1, 2, 3], "id": "x"}, name="one")
    assert result.output == [[[1, 2], {"id": "x"}], [[3], {"id": "x"}]]


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({}, "FAILED"),
        ({"ToleratedFailurePercentage": 20}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 5}, "FAILED"),
        ({"ToleratedFailureCount": 1}, "SUCCEEDED"),
        ({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 5}, "FAILED"),
    ],
)
def test_a_distributed_map_tolerates_what_it_says(
    cloud: VirtualCloud, limits: dict[str, Any], status: str
) -> None:
    cloud.add_machine("m", distributed(**limits))

    def handler(event: Any, context: Any) -> Any:
        if event == 3:
            raise ValueError("three")
        return event

    cloud.add_function("work", handler)
    result = cloud.run("m", {"items": list(range(10))}, name="one")
    assert result.status == status
    assert result.error == ("States.ExceedToleratedFailureThreshold" if status == "FAILED" else None)


def test_an_sdk_task_takes_and_gives_pascal_case(cloud: VirtualCloud) -> None:
    describe = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:listExecutions",
        "Arguments": {"StateMachineArn": "{% $states.context.StateMachine.Id %}"},
        "Output": "{% $states.result.Executions %}",
    }
    cloud.add_machine("m", machine("Describe", Describe=describe))
    executions = cloud.run("m", {}, name="one").output
    assert executions[0]["Status"] == "RUNNING"
    assert executions[0]["StartDate"] == "2030-01-01T00:00:00.000Z"


def test_a_result_over_256_kb_fails_its_task(cloud: VirtualCloud) -> None:
    cloud.add_function("big", lambda event, context: "x" * 300_000)
    cloud.add_machine("m", machine("Work", Work=call("big")))
    assert cloud.run("m", {}, name="one").error == "States.DataLimitExceeded"


def test_branches_of_a_parallel_wait_in_parallel(cloud: VirtualCloud) -> None:
    branches = [machine(f"S{n}", **{f"S{n}": wait(n, Next=f"T{n}"), f"T{n}": give(n)}) for n in (30, 10, 20)]
    cloud.add_machine("m", machine("All", All=together(*branches)))
    result = cloud.run("m", {}, name="one")
    assert (result.output, result.seconds) == ([30, 10, 20], 30)
    left = [
        event["stateExitedEventDetails"]["name"]
        for event in result.history
        if event["type"] == "WaitStateExited"
    ]
    assert left == ["S10", "S20", "S30"]


@pytest.mark.parametrize(
    ("states", "complaint"),
    [
        ({"Work": give(1, Next="Missing")}, "Missing 'Next' target: Missing"),
        ({"Work": give(1), "Alone": give(2)}, 'State "Alone" is not reachable'),
        ({"Other": give(1)}, "Missing 'Next' target: Work"),
        ({"Work": call("f", Catch=[caught("States.ALL", next="Missing")])}, "Catch[0]/Next"),
    ],
)
def test_a_definition_with_a_transition_to_nowhere_is_refused(
    cloud: VirtualCloud, states: dict[str, Any], complaint: str
) -> None:
    import json

    with pytest.raises(DefinitionError, match="MISSING_TRANSITION_TARGET") as refused:
        check(json.dumps(machine("Work", **states)))
    assert complaint in str(refused.value)


def test_a_definition_that_is_not_one_is_refused(cloud: VirtualCloud) -> None:
    with pytest.raises(DefinitionError):
        check('{"StartAt": "A", "States": {"A": {"Type": "Nothing", "End": true}}}')
    with pytest.raises(DefinitionError, match="INVALID_JSON"):
        check("{")
