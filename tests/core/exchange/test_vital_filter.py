"""Settings of Vital's filters; tests/real measures that they are those of the cookbook's filters."""

import pytest

from core.exchange.vital_filter import vital_filter
from core.settings.filters import FilterResponse


@pytest.mark.parametrize("q", [0.5, 0.7071, 2.0, 4.0, 16.0])
def test_resonance_gives_the_q(q: float) -> None:
    filter_ = vital_filter("low_pass", q)
    assert 0.5 + 15.5 * filter_.resonance**3 == pytest.approx(q)
    assert filter_.gain == pytest.approx(1 + 2 * filter_.resonance**3)
    assert filter_.q == q


@pytest.mark.parametrize(("q", "nearest", "resonance"), [(0.1, 0.5, 0.0), (100.0, 16.0, 1.0)])
def test_q_that_vital_does_not_have_becomes_the_nearest(q: float, nearest: float, resonance: float) -> None:
    filter_ = vital_filter("high_pass", q)
    assert (filter_.q, filter_.resonance) == (nearest, resonance)


def test_band_pass_has_a_gain_of_1_at_its_centre() -> None:
    assert vital_filter("band_pass", 4.0).gain == pytest.approx(vital_filter("low_pass", 4.0).gain / 4)


@pytest.mark.parametrize(
    ("response", "blends"), [("low_pass", (0.0,)), ("band_pass", (1.0,)), ("high_pass", (2.0,)), ("notch", (0.0, 2.0))]
)
def test_responses_are_blends_and_a_notch_is_two_filters(response: FilterResponse, blends: tuple[float, ...]) -> None:
    controls = vital_filter(response, 1.0).controls()
    assert controls["filter_1_on"] == 1.0
    assert [controls.get(f"filter_{number}_blend") for number in (1, 2)][: len(blends)] == list(blends)
    assert ("filter_2_on" in controls) == (response == "notch")
    assert controls["osc_1_destination"] == (2.0 if response == "notch" else 0.0)
