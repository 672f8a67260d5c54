"""Plans stay in one partition that DRS is in; the table of partitions is botocore's."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from shared.model.regions import PATTERNS, WITH_DRS, partition_of
from shared.rules.plan.parsing import PlanInvalidError, parse_plan
from tests.makers import plan_document


def sites(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": f"site-{number}",
            "origin": {"account": "111122223333", "region": origin},
            "recovery": {"account": "444455556666", "region": recovery},
        }
        for number, (origin, recovery) in enumerate(pairs)
    ]


def refused(*pairs: tuple[str, str]) -> dict[str, str]:
    with pytest.raises(PlanInvalidError) as caught:
        parse_plan(plan_document(sites=sites(*pairs)))
    return {problem.path: f"{problem.message} {problem.remedy}" for problem in caught.value.problems}


@pytest.mark.parametrize(
    "pair", [("us-east-1", "us-east-2"), ("us-gov-east-1", "us-gov-west-1"), ("mx-central-1", "us-west-2")]
)
def test_a_plan_in_one_partition_is_taken(pair: tuple[str, str]) -> None:
    assert parse_plan(plan_document(sites=sites(pair))).sites[0].origin.region == pair[0]


@pytest.mark.parametrize("region", ["cn-north-1", "us-iso-east-1", "us-isob-east-1", "xx-north-1"])
def test_a_region_without_drs_is_refused(region: str) -> None:
    assert refused((region, region.replace("1", "2"))) == {
        "sites[0].origin.region": f"DRS is not in {region!r}. Name a Region that has DRS.",
        "sites[0].recovery.region": (
            f"DRS is not in {region.replace('1', '2')!r}. Name a Region that has DRS."
        ),
    }


def test_a_plan_that_mixes_partitions_is_refused_where_it_mixes_them() -> None:
    found = refused(("us-east-1", "us-east-2"), ("us-gov-east-1", "us-east-1"))
    assert found == {
        "sites[1].origin.region": (
            "us-gov-east-1 is in the partition aws-us-gov, and us-east-1 in aws. "
            "Make a plan of its own for each partition."
        )
    }
    assert set(refused(("us-east-1", "us-gov-west-1"))) == {"sites[0].recovery.region"}


def test_the_partitions_are_those_of_botocore() -> None:
    session = botocore.session.get_session()
    data = session.get_component("data_loader").load_data("partitions")["partitions"]
    assert {name: f"^{pattern}$".replace("-", r"\-") for name, pattern in PATTERNS.items()} == {
        partition["id"]: partition["regionRegex"] for partition in data
    }


def test_drs_is_in_every_region_of_its_partitions_and_in_no_other() -> None:
    """As EC2's Regions are all Regions, a partition alone says whether a Region has DRS."""
    session = botocore.session.get_session()
    for partition in session.get_available_partitions():
        regions = set(session.get_available_regions("ec2", partition_name=partition))
        having = set(session.get_available_regions("drs", partition_name=partition))
        assert having == (regions if partition in WITH_DRS else set()), partition
        assert {partition_of(region) for region in regions} <= {partition}
