"""Ranges: their numbers, the uniform coverage of these by positions in 0..1, and the way back."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import ConfigError
from search_spaces.options import Option
from search_spaces.ranges import Integer, LogUniform, Range, Uniform, number_range

POSITIONS = st.floats(0, 1, exclude_max=True)
LAST = math.nextafter(1, 0)
GRID = (np.arange(10_000) + 0.5) / 10_000


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    low, span = draw(st.integers(1, 100)), draw(st.integers(1, 1000))
    step = draw(st.integers(1, 7))
    found: list[Range] = [
        Uniform(low=low / 7, high=(low + span) / 7),
        Uniform(low=low / 10, high=low / 10 + step * 0.1, step=0.1),
        LogUniform(low=low / 1000, high=(low + span) / 1000),
        Integer(low=low, high=low + span),
        Integer(low=low, high=low + span * step, step=step),
        Integer(low=low, high=low + span, log=True),
    ]
    return draw(st.sampled_from(found))


@given(ranges(), POSITIONS)
def test_a_position_of_a_value_leads_back_to_it(domain: Range, position: float) -> None:
    option = domain.at(position)
    assert domain.low <= option.value <= domain.high
    assert 0 <= domain.position(option.value) < 1
    assert domain.at(domain.position(option.value)).value == pytest.approx(option.value, rel=1e-12)
    assert domain.from_parameter(domain.to_parameter(option)) == option
    if domain.size is not None:
        assert domain.at(domain.position(option.value)) == option
        values = domain.values()
        assert values is not None
        assert option in values
        assert len({each.value for each in values}) == len(values) == domain.size


@given(ranges())
def test_both_ends_belong_to_a_range(domain: Range) -> None:
    low, high = domain.corners()
    assert (low.value, high.value) == (domain.low, domain.high)
    assert domain.at(domain.position(domain.low)).value == pytest.approx(domain.low)
    assert domain.at(domain.position(domain.high)).value == pytest.approx(domain.high)
    for outside in (domain.low - 1, domain.high + 1, float("nan"), True, "x"):
        with pytest.raises(ConfigError, match="is not between"):
            domain.position(outside)  # type: ignore[arg-type]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), POSITIONS)
def test_positions_are_shares_of_a_linear_range(low: float, span: float, position: float) -> None:
    domain = Uniform(low=low, high=low + span)
    value = domain.at(position).value
    assert value == pytest.approx(low + position * span, abs=1e-9 * (abs(low) + span))
    assert domain.at(0).value == low


@given(st.floats(1e-6, 1e6), st.floats(1.001, 1e6), POSITIONS)
def test_positions_are_shares_of_the_octaves_of_a_logarithmic_range(low: float, ratio: float, position: float) -> None:
    domain = LogUniform(low=low, high=low * ratio)
    value = domain.at(position).value
    assert math.log(value / low) == pytest.approx(position * math.log(ratio), abs=1e-9)
    assert domain.at(0).value == low


@given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e6))
@example(206.0, 1.5)
def test_last_position_stays_inside(low: float, span: float) -> None:
    for domain in (Uniform(low=low, high=low + span), LogUniform(low=low, high=low + span)):
        assert domain.low <= domain.at(LAST).value <= domain.high


@given(st.integers(-100, 100), st.integers(1, 100), st.integers(1, 5))
def test_each_whole_number_has_an_equal_share_of_the_positions(low: int, n_steps: int, step: int) -> None:
    domain = Integer(low=low, high=low + n_steps * step, step=step)
    expected = list(range(low, low + n_steps * step + 1, step))
    assert [domain.at((k + 0.5) / (n_steps + 1)).value for k in range(n_steps + 1)] == expected
    assert [option.value for option in domain.values() or ()] == expected
    assert isinstance(domain.at(0.5).value, int)


@given(st.integers(1, 100), st.integers(1, 1000), POSITIONS)
def test_whole_numbers_of_a_logarithmic_range_have_shares_by_their_octaves(
    low: int, span: int, position: float
) -> None:
    value = Integer(low=low, high=low + span, log=True).at(position).value
    assert isinstance(value, int)
    exact = (low - 0.5) * ((low + span + 0.5) / (low - 0.5)) ** position
    assert abs(exact - value) <= 0.5 + 1e-9 * exact


def test_counts_over_equal_steps_are_uniform() -> None:
    linear = [Integer(low=2, high=6).at(position).value for position in GRID]
    assert {value: linear.count(value) for value in set(linear)} == {2: 2000, 3: 2000, 4: 2000, 5: 2000, 6: 2000}
    log = [Integer(low=1, high=4, log=True).at(position).value for position in GRID]
    for value in (1, 2, 3, 4):
        share = math.log((value + 0.5) / (value - 0.5)) / math.log(9)
        assert log.count(value) / len(log) == pytest.approx(share, abs=1e-3)
    octaves = np.log10([LogUniform(low=1e-4, high=1e-1).at(position).value for position in GRID])
    np.testing.assert_array_equal(np.histogram(octaves, 3, (-4, -1))[0] > 3300, True)


def test_known_positions() -> None:
    assert Uniform(low=0.0, high=10.0).at(0.25).value == 2.5
    assert LogUniform(low=1e-4, high=1e-2).at(0.5).value == pytest.approx(1e-3)
    assert [Integer(low=0, high=1).at(position).value for position in (0, 0.4999, 0.5001, LAST)] == [0, 0, 1, 1]
    stepped = Uniform(low=0.0, high=0.4, step=0.1)
    assert [stepped.at(position).value for position in (0, 0.19, 0.2, 0.7, LAST)] == [0.0, 0.0, 0.1, 0.3, 0.4]
    assert stepped.from_parameter(0.30000000000000004).value == 0.3


def test_values_are_labelled_by_themselves() -> None:
    assert Integer(low=1, high=3).at(0.5) == Option(label="2", value=2)
    assert Uniform(low=0.0, high=1.0).at(0.125).label == "0.125"


def test_real_numbers_without_a_step_are_not_finite() -> None:
    for domain in (Uniform(low=0, high=1), LogUniform(low=1, high=2)):
        assert domain.size is None
        assert domain.values() is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"low": 2, "high": 2}, "low < high; .*for a single value give `value`"),
        ({"low": 3, "high": 2}, "low < high"),
        ({"low": 0.0, "high": 1.0, "log": True}, "lies above 0; .*raise low"),
        ({"low": 0, "high": 8, "log": True, "is_integer": True}, "lies above 0"),
        ({"low": math.nan, "high": 1.0}, "low < high"),
        ({"low": 0.0, "high": math.inf}, "finite ends"),
        ({"low": 1, "high": 8, "log": True, "step": 2}, "has no step; got step=2"),
        ({"low": 1, "high": 8, "log": True, "step": 2, "is_integer": True}, "has no step; got step=2"),
        ({"low": 1, "high": 8, "step": 2}, r"steps of 2.0 from low=1.0 do not reach high=8.0; lower high to 7"),
        ({"low": 1, "high": 8, "step": 0}, "a step is positive"),
        ({"low": 1, "high": 8, "step": 9, "is_integer": True}, "at most high - low; got step=9"),
        ({"low": 1.5, "high": 8, "is_integer": True}, "whole numbers only; got low=1.5"),
        ({"low": 1, "high": 8, "step": 0.5, "is_integer": True}, "whole numbers only; got step=0.5"),
    ],
)
def test_impossible_ranges_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        number_range(**arguments)


def test_the_kind_of_a_range_does_not_depend_on_how_its_ends_are_written() -> None:
    assert number_range(1.0, 4.0, is_integer=True) == Integer(low=1, high=4)
    assert isinstance(number_range(1.0, 4.0, is_integer=True).low, int)
    assert number_range(1, 4) == Uniform(low=1.0, high=4.0)
    assert isinstance(number_range(1, 4).at(0.0).value, float)
    assert number_range(1, 4, log=True) == LogUniform(low=1.0, high=4.0)
