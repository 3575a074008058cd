"""B-splines: partition of unity, comparison with scipy, continuity, gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline as ScipySpline

from core.ops.b_spline import clamped_knots, evaluate, uniform_basis
from core.seeding import generator
from tests.support.closeness import assert_twice_differentiable

TIME = torch.linspace(0, 1, 50, dtype=torch.float64)


def random_knots(n_intervals: int, degree: int, seed: int = 0) -> torch.Tensor:
    logits = torch.randn(2, 3, n_intervals, dtype=torch.float64, generator=generator(seed, "knots"))
    return clamped_knots(torch.softmax(logits, -1), degree)


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("n_intervals", [1, 2, 7])
def test_curves_are_those_of_scipy(degree: int, n_intervals: int) -> None:
    knots = random_knots(n_intervals, degree)
    coefficients = torch.rand(2, 3, n_intervals + degree, dtype=torch.float64, generator=generator(1, "c"))
    found = evaluate(knots, coefficients, degree, TIME)
    for row in range(2):
        expected = ScipySpline(knots[row, 1].numpy(), coefficients[row, 1].numpy(), degree)(TIME.numpy())
        np.testing.assert_allclose(found[row, 1], expected, atol=1e-12)


@given(st.integers(1, 12), st.integers(1, 3), st.integers(0, 1000))
@settings(max_examples=30)
def test_basis_functions_are_a_partition_of_unity(n_intervals: int, degree: int, seed: int) -> None:
    one = torch.ones(2, 3, n_intervals + degree, dtype=torch.float64)
    curve = evaluate(random_knots(n_intervals, degree, seed), one, degree, TIME)
    torch.testing.assert_close(curve, torch.ones_like(curve))
    basis = uniform_basis(n_intervals, degree, 40)
    assert float(basis.min()) >= 0
    torch.testing.assert_close(basis.sum(1), torch.ones(40, dtype=torch.float64))


def test_a_cubic_spline_is_twice_continuously_differentiable_and_no_more() -> None:
    step = 1e-4
    time = 0.4 + step * torch.arange(-50, 51, dtype=torch.float64)
    knots = clamped_knots(torch.tensor([0.4, 0.35, 0.25], dtype=torch.float64), 3)
    coefficients = torch.rand(6, dtype=torch.float64, generator=generator(2, "c"))
    second = evaluate(knots, coefficients, 3, time).diff(n=2) / step**2
    # Over a knot the second derivative goes on, and its slope does not.
    assert float(second.diff().abs().max()) < 1e-2 * float(second.abs().max())
    slope = second.diff() / step
    assert abs(float(slope[10] - slope[-10])) > 0.1 * float(slope.abs().max())


def test_numbers_of_knots_and_coefficients_belong_together() -> None:
    with pytest.raises(ValueError, match="degree 3 and 5 coefficients needs 9 knots; got 10"):
        evaluate(random_knots(3, 3), torch.rand(2, 3, 5, dtype=torch.float64), 3, TIME)


def test_gradients_of_knots_and_coefficients_equal_finite_differences() -> None:
    spacing = torch.tensor([[0.3, 0.5, 0.2]], dtype=torch.float64)
    coefficients = torch.rand(1, 6, dtype=torch.float64, generator=generator(3, "c"))
    time = torch.linspace(0, 1, 9, dtype=torch.float64)
    assert_twice_differentiable(lambda s, c: evaluate(clamped_knots(s, 3), c, 3, time), [spacing, coefficients])
