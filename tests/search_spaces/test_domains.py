"""Domains: admitted values, and their uniform coverage by positions in 0..1."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import ConfigError
from search_spaces.domains import Choice, Option, Range, choice, label_of

POSITIONS = st.floats(0, 1, exclude_max=True)
LAST = math.nextafter(1, 0)
GRID = (np.arange(10_000) + 0.5) / 10_000


class TestChoice:
    @given(st.integers(1, 50), POSITIONS)
    def test_each_option_has_an_equal_share_of_the_positions(self, n_options: int, position: float) -> None:
        domain = choice(range(n_options))
        assert domain.at(position).value == math.floor(position * n_options)
        assert domain.at(0).value == 0
        assert domain.at(LAST).value == n_options - 1

    def test_known_positions(self) -> None:
        domain = choice(["a", "b", "c", "d"])
        assert [domain.at(position).label for position in (0, 0.2499, 0.25, 0.5, 0.7499, 0.75, LAST)] == list("aabccdd")

    def test_corners_are_all_options(self) -> None:
        assert [option.value for option in choice([3, 1, 2]).corners()] == [3, 1, 2]

    @pytest.mark.parametrize(("values", "message"), [([], "at least one value"), ([8, 8.0], "value 8.0 .*twice")])
    def test_impossible_choices_are_refused(self, values: list[Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            choice(values)

    def test_two_options_of_one_label_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="must be distinct; label 'x' .*twice"):
            Choice((Option(label="x", value=1), Option(label="x", value=2)))


class TestRange:
    @given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), POSITIONS)
    def test_positions_are_shares_of_a_linear_range(self, low: float, span: float, position: float) -> None:
        domain = Range(low=low, high=low + span)
        value = domain.at(position).value
        assert value == pytest.approx(low + position * span, abs=1e-9 * (abs(low) + span))
        assert domain.low <= value <= domain.high
        assert domain.at(0).value == low

    @given(st.floats(1e-6, 1e6), st.floats(1.001, 1e6), POSITIONS)
    def test_positions_are_shares_of_the_octaves_of_a_logarithmic_range(
        self, low: float, ratio: float, position: float
    ) -> None:
        domain = Range(low=low, high=low * ratio, log=True)
        value = domain.at(position).value
        assert math.log(value / low) == pytest.approx(position * math.log(ratio), abs=1e-9)
        assert domain.low <= value <= domain.high
        assert domain.at(0).value == low

    @given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e6), st.booleans())
    @example(206.0, 1.5, True)
    def test_last_position_stays_inside(self, low: float, span: float, log: bool) -> None:
        domain = Range(low=low, high=low + span, log=log)
        assert domain.low <= domain.at(LAST).value <= domain.high

    @given(st.integers(-100, 100), st.integers(1, 100), POSITIONS)
    def test_each_whole_number_has_an_equal_share_of_the_positions(self, low: int, span: int, position: float) -> None:
        domain = Range(low=low, high=low + span)
        value = domain.at(position).value
        assert isinstance(value, int)
        assert low <= value <= low + span
        assert abs(low - 0.5 + position * (span + 1) - value) <= 0.5 + 1e-9
        assert [domain.at((k + 0.5) / (span + 1)).value for k in range(span + 1)] == list(range(low, low + span + 1))

    @given(st.integers(1, 100), st.integers(1, 1000), POSITIONS)
    def test_whole_numbers_of_a_logarithmic_range_have_shares_by_their_octaves(
        self, low: int, span: int, position: float
    ) -> None:
        domain = Range(low=low, high=low + span, log=True)
        value = domain.at(position).value
        assert isinstance(value, int)
        assert low <= value <= low + span
        exact = (low - 0.5) * ((low + span + 0.5) / (low - 0.5)) ** position
        assert abs(exact - value) <= 0.5 + 1e-9 * exact

    def test_counts_over_equal_steps_are_uniform(self) -> None:
        linear = [Range(low=2, high=6).at(position).value for position in GRID]
        assert {value: linear.count(value) for value in set(linear)} == {2: 2000, 3: 2000, 4: 2000, 5: 2000, 6: 2000}
        log = [Range(low=1, high=4, log=True).at(position).value for position in GRID]
        for value in (1, 2, 3, 4):
            share = math.log((value + 0.5) / (value - 0.5)) / math.log(9)
            assert log.count(value) / len(log) == pytest.approx(share, abs=1e-3)
        octaves = np.log10([Range(low=1e-4, high=1e-1, log=True).at(position).value for position in GRID])
        np.testing.assert_array_equal(np.histogram(octaves, 3, (-4, -1))[0] > 3300, True)

    def test_known_positions(self) -> None:
        assert Range(low=0.0, high=10.0).at(0.25).value == 2.5
        assert Range(low=1e-4, high=1e-2, log=True).at(0.5).value == pytest.approx(1e-3)
        assert Range(low=1, high=2.5).at(0.5).value == 1.75
        assert [Range(low=0, high=1).at(position).value for position in (0, 0.4999, 0.5001, LAST)] == [0, 0, 1, 1]

    def test_values_are_labelled_by_themselves(self) -> None:
        assert Range(low=1, high=3).at(0.5) == Option(label="2", value=2)
        assert Range(low=0.0, high=1.0).at(0.125).label == "0.125"

    def test_corners_are_both_ends(self) -> None:
        assert [option.value for option in Range(low=1e-4, high=1e-1, log=True).corners()] == [1e-4, 1e-1]

    @pytest.mark.parametrize(
        ("low", "high", "log", "message"),
        [
            (2, 2, False, "low < high"),
            (3, 2, False, "low < high"),
            (0.0, 1.0, True, "lies above 0"),
            (float("nan"), 1.0, False, "low < high"),
        ],
    )
    def test_impossible_ranges_are_refused(self, low: float, high: float, log: bool, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            Range(low=low, high=high, log=log)


@pytest.mark.parametrize(
    ("value", "label"),
    [(8.0, "8"), (8, "8"), (0.1 + 0.2, "0.3"), (True, "true"), ("x", "x"), ([1, 2.5], "1,2.5"), (1e-5, "1e-05")],
)
def test_values_are_labelled_as_a_reader_would_write_them(value: Any, label: str) -> None:
    assert label_of(value) == label


def test_option_sets_its_path_or_the_settings_below_it() -> None:
    assert Option(label="8", value=8).settings("encoder.width") == {"encoder.width": 8}
    grey = Option(label="grey", value={"kind": "mod_synth", "oscillator": {"kind": "learnable"}})
    assert grey.settings("synth") == {"synth.kind": "mod_synth", "synth.oscillator.kind": "learnable"}
