"""Spacings of knots, and the position of frames between them."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ops.bezier import knots
from core.ops.spacings import position_between_knots, spacings
from core.seeding import generator
from tests.support.closeness import assert_twice_differentiable


@given(st.integers(1, 20), st.floats(0.1, 30.0), st.floats(0.01, 0.9), st.integers(0, 1000))
@settings(max_examples=40)
def test_spacings_sum_to_one_above_their_floor(n: int, scale: float, floor: float, seed: int) -> None:
    logits = scale * torch.randn(3, n, dtype=torch.float64, generator=generator(seed, "logits"))
    found = spacings(logits, 0.5, floor)
    torch.testing.assert_close(found.sum(-1), torch.ones(3, dtype=torch.float64))
    assert float(found.min()) >= floor / n * (1 - 1e-9)
    torch.testing.assert_close(spacings(logits, 0.5, floor, 1.0), torch.full_like(found, 1 / n))


def test_position_is_the_piecewise_linear_map_between_knots() -> None:
    width = torch.softmax(torch.randn(2, 3, 5, dtype=torch.float64, generator=generator(0, "w")), -1)
    time = torch.linspace(0, 1, 64, dtype=torch.float64)
    found = position_between_knots(knots(width), time)
    for row in range(2):
        for curve in range(3):
            at = knots(width)[row, curve].numpy()
            np.testing.assert_allclose(found[row, curve], np.interp(time, at, np.linspace(0, 1, 6)), atol=1e-12)


def test_segments_of_no_width_are_passed_over() -> None:
    at = torch.tensor([0.0, 0.5, 0.5, 1.0, 1.0], dtype=torch.float64)
    found = position_between_knots(at, torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], dtype=torch.float64))
    assert found.tolist() == [0.0, 0.125, 0.5, 0.625, 0.75]


def test_gradients_equal_finite_differences() -> None:
    time = torch.linspace(0, 1, 11, dtype=torch.float64)
    logits = torch.randn(2, 4, dtype=torch.float64, generator=generator(1, "logits"))
    assert_twice_differentiable(lambda x: position_between_knots(knots(spacings(x, 0.7, 0.1)), time), [logits])
