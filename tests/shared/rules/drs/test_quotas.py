"""The limits of a scope are those that Service Quotas answers, by code or by name, and else our settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.quotas import MOST_PER_CALL, QUOTAS, KnownLimits, QuotaValue, ScopeLimits
from shared.rules.drs.quotas import known_limits
from shared.serialization import from_item, to_item
from tests.makers import RECOVERY

OURS = ScopeLimits(jobs=7, servers_in_jobs=70, servers_per_job=17, replicating=170)


@pytest.mark.parametrize("field", QUOTAS)
@pytest.mark.parametrize("by", ["code", "name"])
def test_a_quota_is_known_by_its_code_or_by_its_name(field: str, by: str) -> None:
    quota = QUOTAS[field]
    said = (
        QuotaValue(quota.code, "renamed", 3.0)
        if by == "code"
        else QuotaValue("L-NEW", quota.name.upper(), 3.0)
    )
    known = known_limits(RECOVERY, (QuotaValue("L-OTHER", "Launch actions", 200.0), said), OURS)
    assert getattr(known.limits, field) == 3
    assert set(known.from_settings) == set(QUOTAS) - {field}
    for other in known.from_settings:
        assert getattr(known.limits, other) == getattr(OURS, other)


@pytest.mark.parametrize("value", [0.0, -1.0, 0.5])
def test_a_quota_that_lets_nothing_through_is_not_believed(value: float) -> None:
    known = known_limits(RECOVERY, (QuotaValue(QUOTAS["jobs"].code, "", value),), OURS)
    assert known.limits == OURS
    assert set(known.from_settings) == set(QUOTAS)


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_a_job_is_never_larger_than_anything_allows(per_job: int, in_jobs: int) -> None:
    largest = ScopeLimits(servers_in_jobs=in_jobs, servers_per_job=per_job).largest_job
    assert 1 <= largest <= min(per_job, in_jobs, MOST_PER_CALL)
    assert largest in (per_job, in_jobs, MOST_PER_CALL)


@given(st.builds(ScopeLimits, *[st.integers(1, 9999)] * 4), st.none() | st.text(max_size=20))
def test_what_is_recorded_is_read_back(limits: ScopeLimits, reason: str | None) -> None:
    known = KnownLimits(RECOVERY, limits, ("jobs",), reason)
    assert from_item(to_item(known), KnownLimits) == known
