"""An override lifts a finding that may be lifted, for the servers it names, and leaves its reason behind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.finding import Finding, Severity
from shared.rules.checks.check import blocking
from shared.rules.plan.overrides import Override, apply_overrides
from tests.makers import instance_id, record, server_id

FINDING = Finding("ROUTE_MISSING", Severity.OVERRIDABLE, "There is no route.", "Add one.")
SERVER = record(
    1,
    pair_instance_id=instance_id(1),
    original_instance_id=instance_id(2),
    workload_instance_id=instance_id(3),
)


@pytest.mark.parametrize(
    "servers",
    [(), ("APP-1",), (server_id(1),), (instance_id(1),), (instance_id(2),), ("other", instance_id(3))],
)
def test_an_overridden_finding_warns_with_its_reason(servers: tuple[str, ...]) -> None:
    override = Override("ROUTE_MISSING", "there are endpoints", servers)
    [finding] = apply_overrides([FINDING], [override], SERVER)
    assert finding.severity is Severity.WARNING
    assert finding.found == "There is no route. Overridden: there are endpoints"
    assert finding.remedy == FINDING.remedy
    assert apply_overrides([finding], [override], SERVER) == (finding,)


@pytest.mark.parametrize(
    "override",
    [
        Override("ROUTE_MISSING", "x", ("app-2",)),
        Override("ROUTE_MISSING", "x", ("app",)),
        Override("PROFILE_INCOMPLETE", "x"),
    ],
)
def test_what_is_not_named_stays_as_it_is(override: Override) -> None:
    assert apply_overrides([FINDING], [override], SERVER) == (FINDING,)


CODES = st.sampled_from(["A_CHECK", "B_CHECK", "C_CHECK"])
FINDINGS = st.lists(st.builds(Finding, CODES, st.sampled_from(Severity), st.just("Found."), st.just("Do.")))
OVERRIDES = st.lists(st.builds(Override, CODES, st.just("because")))


@given(findings=FINDINGS, overrides=OVERRIDES)
def test_no_override_lifts_a_critical_finding(findings: list[Finding], overrides: list[Override]) -> None:
    after = apply_overrides(findings, overrides, SERVER)
    assert [f.code for f in after] == [f.code for f in findings]
    critical = [f for f in findings if f.severity is Severity.CRITICAL]
    assert [f for f in after if f.severity is Severity.CRITICAL] == critical
    if critical:
        assert blocking(after)
    lifted = {override.check for override in overrides}
    assert not [f for f in after if f.severity is Severity.OVERRIDABLE and f.code in lifted]
