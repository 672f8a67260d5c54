"""Order is transitive: no wave goes on before all that it depends on, directly or not, is settled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.model.execution import WaveRecord
from shared.model.status import WaveStatus
from shared.rules.waves.outcome import Readiness, dependency_verdict

NOT_SUCCEEDED = (WaveStatus.FAILED, WaveStatus.SKIPPED)


@st.composite
def graphs(draw: st.DrawFn) -> list[WaveRecord]:
    """Waves in any state at any moment; each depends on some before it. Empty ones have ended at once."""
    waves: list[WaveRecord] = []
    for number in range(draw(st.integers(1, 7))):
        before = st.sampled_from([wave.name for wave in waves]) if waves else st.nothing()
        depends_on = tuple(draw(st.lists(before, unique=True, max_size=3))) if waves else ()
        status = draw(st.sampled_from(list(WaveStatus)))
        skipped = status is WaveStatus.SKIPPED and draw(st.booleans())
        waves.append(WaveRecord(f"w{number}", depends_on, status, dependents_continue=skipped))
    return waves


def all_before(wave: WaveRecord, waves: list[WaveRecord]) -> set[str]:
    """By the definition: the least set that has what the wave, and each of its members, depends on."""
    members: set[str] = set()
    by_name = {other.name: other for other in waves}
    wanted = set(wave.depends_on)
    while wanted - members:
        members |= wanted
        wanted = {name for member in members for name in by_name[member].depends_on}
    return members


@given(graphs())
def test_a_wave_goes_on_exactly_when_everything_before_it_is_settled_and_succeeded(
    waves: list[WaveRecord],
) -> None:
    for wave in waves:
        before = [other for other in waves if other.name in all_before(wave, waves)]
        stopped = [o for o in before if o.status in NOT_SUCCEEDED and not o.dependents_continue]
        verdict = dependency_verdict(wave, waves)
        if stopped:
            assert verdict.readiness is Readiness.SKIP
            assert all(other.name in (verdict.reason or "") for other in stopped)
        else:
            settled = all(other.status.is_final for other in before)
            assert verdict.readiness is (Readiness.READY if settled else Readiness.WAIT)
