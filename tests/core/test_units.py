"""Logarithmic ranges."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.units import LogRange


def test_equal_steps_are_equal_ratios() -> None:
    hertz = LogRange(100.0, 1600.0).from_unit(torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]))
    torch.testing.assert_close(hertz, torch.tensor([100.0, 200.0, 400.0, 800.0, 1600.0]))


@given(st.floats(0.01, 100), st.floats(1.01, 1000), st.floats(0, 1))
def test_values_lie_between_the_ends(low: float, ratio: float, unit: float) -> None:
    value = LogRange(low, low * ratio).from_unit(torch.tensor(unit, dtype=torch.float64))
    assert float(value) == pytest.approx(low * ratio**unit)
    assert low * (1 - 1e-12) <= float(value) <= low * ratio * (1 + 1e-12)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (2.0, 2.0), (3.0, 2.0), (-1.0, 1.0)])
def test_range_that_is_none_is_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="a logarithmic range needs 0 < low < high"):
        LogRange(low, high)
