"""Choices and fixed values: admitted values, and their shares of the positions in 0..1."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from search_spaces.domains import Choice, choice, fixed
from search_spaces.options import Option, label_of

POSITIONS = st.floats(0, 1, exclude_max=True)
LAST = math.nextafter(1, 0)


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

    def test_position_and_parameter_lead_back_to_the_option(self) -> None:
        domain = choice([Option(label="grey", value={"kind": "engel"}), 8, 0.5, "x", [1, 2]])
        for option in domain.values():
            assert domain.at(domain.position(option.value)) == option
            assert domain.at(domain.position(option.label)) == option
            assert domain.from_parameter(domain.to_parameter(option)) == option
        with pytest.raises(ConfigError, match="9 is not among the values grey, 8, 0.5, x, 1,2"):
            domain.position(9)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ([], "at least one value"),
            ([8, 8.0], "value 8.0 .*twice"),
            ([[1, 2], (1, 2)], r"value \(1, 2\) .*twice"),
        ],
    )
    def test_impossible_choices_are_refused(self, values: list[Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            choice(values)

    def test_two_options_of_one_label_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="must be distinct; label 'x' .*twice"):
            Choice((Option(label="x", value=1), Option(label="x", value=2)))

    def test_equal_tables_are_refused_whatever_the_order_of_their_keys(self) -> None:
        with pytest.raises(ConfigError, match="twice"):
            choice([Option(label="a", value={"x": 1, "y": [2]}), Option(label="b", value={"y": [2], "x": 1})])

    def test_a_hundred_thousand_values_are_no_hardship(self) -> None:
        assert choice(range(100_000)).size == 100_000


def test_a_fixed_value_is_everywhere() -> None:
    domain = fixed(8)
    assert domain.size == 1
    assert domain.values() == domain.corners() == (Option(label="8", value=8),)
    assert [domain.at(position).value for position in (0, 0.5, LAST)] == [8, 8, 8]
    assert domain.at(domain.position(8)) == domain.option
    assert domain.from_parameter(domain.to_parameter(domain.option)) == domain.option
    with pytest.raises(ConfigError, match="9 is not the fixed value 8"):
        domain.position(9)


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
