"""Events reach the functions that rules name, and may be lost, doubled, late and out of order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.simulation import EventFaults, VirtualCloud
from local.simulation.event_delivery import RETRIES

OURS, MEMBER = ("999988887777", "us-east-1"), ("444455556666", "us-east-2")
TEMPLATE = """
Resources:
  HearFunction:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Launched:
          Type: EventBridgeRule
          Properties:
            Pattern: {source: [aws.drs], detail-type: [Launched], detail: {state: [{prefix: GOOD}]}}
        LaunchedElsewhere:
          Type: EventBridgeRule
          Properties:
            EventBusName: ours
            Pattern: {source: [aws.drs], detail-type: [Launched], detail: {state: [{prefix: GOOD}]}}
        Declared:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [ours]}}
"""
MEMBER_TEMPLATE = """
Resources:
  Forward:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.drs]}
      Targets: [{Id: ours, Arn: !Ref EventBusArn, RoleArn: !Sub "arn:aws:iam::${AWS::AccountId}:role/events"}]
"""


class Heard:
    """The function: keeps what it gets and when, and fails as often as asked."""

    def __init__(self, cloud: VirtualCloud) -> None:
        self.cloud = cloud
        self.events: list[tuple[float, dict[str, Any]]] = []
        self.begun = cloud.clock.now()
        cloud.add_function("HearFunction", self)

    def __call__(self, event: dict[str, Any], context: Any) -> None:
        self.events.append(((self.cloud.clock.now() - self.begun).total_seconds(), event))

    @property
    def numbers(self) -> list[int]:
        return [event["detail"]["number"] for _, event in self.events]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[VirtualCloud]:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "member-account.yaml").write_text(MEMBER_TEMPLATE)
    with VirtualCloud(project=tmp_path) as cloud:
        yield cloud


def happen(
    cloud: VirtualCloud, number: int = 1, place: tuple[str, str] = MEMBER, state: str = "GOOD", **event: Any
) -> None:
    detail = {"state": state, "number": number}
    cloud.routes.record_event(
        *place,
        {"source": "aws.drs", "detail-type": "Launched", "resources": ["arn"], "detail": detail, **event},
    )


def test_an_event_of_a_member_account_is_forwarded_as_it_is_after_the_delay(cloud: VirtualCloud) -> None:
    heard = Heard(cloud)
    cloud.event_delivery.delay = 7.0
    happen(cloud)
    cloud.advance(60)
    [(seconds, event)] = heard.events
    assert seconds == 7.0
    assert (event["account"], event["region"], event["resources"]) == (*MEMBER, ["arn"])
    assert event["time"] == "2030-01-01T00:00:00+00:00"


def test_an_event_at_origin_needs_no_forwarding_and_what_fits_no_rule_goes_nowhere(
    cloud: VirtualCloud,
) -> None:
    heard = Heard(cloud)
    happen(cloud, 1, OURS)
    happen(cloud, 2, OURS, state="BAD")
    happen(cloud, 3, MEMBER, source="ours")  # the member's rule forwards DRS's only
    happen(cloud, 4, OURS, source="ours")
    happen(cloud, 5, OURS, source="ours", bus="another")
    cloud.advance(60)
    assert heard.numbers == [1, 4]
    assert cloud.event_delivery.invocations == 2


def test_a_function_that_fails_is_tried_again_and_given_up_in_the_end(cloud: VirtualCloud) -> None:
    heard = Heard(cloud)
    cloud.fail_function("HearFunction", error="Issue", times=1)
    happen(cloud, 1)
    cloud.advance(30)
    assert heard.events == []
    cloud.advance(RETRIES[0])
    assert heard.numbers == [1]
    cloud.fail_function("HearFunction", error="Issue", times=3)
    happen(cloud, 2)
    cloud.advance(1000)
    assert heard.numbers == [1]
    assert [event["detail"]["number"] for event in cloud.event_delivery.undelivered] == [2]


@pytest.mark.parametrize(
    ("faults", "least", "most"), [(EventFaults(lost=0.5), 60, 140), (EventFaults(doubled=0.5), 260, 340)]
)
def test_events_get_lost_and_doubled(cloud: VirtualCloud, faults: EventFaults, least: int, most: int) -> None:
    heard = Heard(cloud)
    cloud.event_delivery.faults = faults
    for number in range(200):
        happen(cloud, number)
    cloud.advance(60)
    assert least < len(heard.events) < most


def test_late_events_take_their_time_and_shuffled_ones_overtake_each_other(cloud: VirtualCloud) -> None:
    heard = Heard(cloud)
    cloud.event_delivery.faults = EventFaults(late=1.0, late_seconds=(100.0, 200.0))
    happen(cloud)
    cloud.advance(100)
    assert heard.events == []
    cloud.advance(110)
    assert heard.numbers == [1]
    heard.events.clear()
    cloud.event_delivery.faults = EventFaults(shuffle_seconds=20.0)
    for number in range(50):
        happen(cloud, number)
    cloud.advance(30)
    assert sorted(heard.numbers) == list(range(50)) != heard.numbers


def test_the_same_seed_has_the_same_luck(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)

    def luck(seed: int) -> list[float]:
        with VirtualCloud(project=tmp_path, seed=seed) as cloud:
            heard = Heard(cloud)
            cloud.event_delivery.faults = EventFaults(lost=0.3, doubled=0.3, late=0.3, shuffle_seconds=9.0)
            for number in range(20):
                happen(cloud, number, OURS)
            cloud.advance(2000)
            return [seconds for seconds, _ in heard.events]

    assert luck(1) == luck(1) != luck(2)


def test_delivery_can_be_switched_off(cloud: VirtualCloud) -> None:
    heard = Heard(cloud)
    cloud.event_delivery.enabled = False
    happen(cloud)
    cloud.advance(60)
    assert heard.events == []
    assert len(cloud.events) == 1


def test_events_of_a_withheld_source_reach_no_function(cloud: VirtualCloud) -> None:
    heard = Heard(cloud)
    happen(cloud, 1)
    happen(cloud, 2, OURS, source="ours")
    cloud.event_delivery.withheld.add("aws.drs")
    cloud.advance(60)
    assert heard.numbers == [2]


ENDED = """
Resources:
  HearFunction:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Ended:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [aws.states]
              detail:
                status: [FAILED]
                stateMachineArn:
                  - !Sub arn:aws:states:us-east-1:999988887777:stateMachine:${AWS::StackName}-failing
"""


def test_the_end_of_an_execution_reaches_the_rule_for_its_machine(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(ENDED)
    failing = {"StartAt": "Stop", "States": {"Stop": {"Type": "Fail", "Error": "Broken"}}}
    with VirtualCloud(project=tmp_path) as cloud:
        heard = Heard(cloud)
        cloud.add_machine("failing", failing)
        cloud.add_machine("other", failing)
        arn = cloud.run("failing", {}, name="one").execution_arn
        cloud.run("other", {}, name="two")
        cloud.advance(60)
    [(_, event)] = heard.events
    assert (event["resources"], event["detail"]["error"]) == ([arn], "Broken")
