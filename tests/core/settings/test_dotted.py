"""Conversion between nested settings and dotted paths."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.settings.dotted import flatten, nest

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
NESTED = st.recursive(
    st.dictionaries(NAMES, VALUES, min_size=1),
    lambda children: st.dictionaries(NAMES, VALUES | children, min_size=1),
    max_leaves=8,
)


@given(NESTED)
def test_nesting_undoes_flattening(settings: dict[str, Any]) -> None:
    flat = flatten(settings)
    assert nest(flat.items()) == settings
    assert not any(isinstance(value, dict) for value in flat.values())


def test_later_settings_win() -> None:
    assert nest([("a.b", 1), ("a.c", 2), ("a.b", 3)]) == {"a": {"b": 3, "c": 2}}


def test_prefix_stands_before_every_path() -> None:
    assert flatten({"a": {"b": 1}, "c": [2]}, "x.") == {"x.a.b": 1, "x.c": [2]}


def test_path_below_a_plain_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"trainer.max_steps is set although trainer already has the value 3"):
        nest([("trainer", 3), ("trainer.max_steps", 4)])
