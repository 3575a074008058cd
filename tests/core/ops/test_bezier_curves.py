"""Piecewise Bezier curves: known answers, comparison with scipy and dense tables, and gradients."""

import numpy as np
import pytest
import torch
from scipy.interpolate import BPoly
from torch import Tensor

from core.ops.bezier import evaluate, evaluate_over_time, knots
from core.ops.control_points import blend_with_chord
from core.seeding import generator

DEGREES = (1, 2, 3)


def test_cubic_is_reproduced_exactly() -> None:
    # Equal inner knots make x the identity; the Bernstein coefficients of t^3 are 0, 0, 0, 1.
    x = torch.linspace(0, 1, 4, dtype=torch.float64)
    y = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    time = torch.linspace(0, 1, 101, dtype=torch.float64)
    torch.testing.assert_close(evaluate_over_time(x, y, 3, time), time**3, atol=1e-12, rtol=0)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("n_segments", [1, 3, 8])
def test_evaluation_equals_scipy(degree: int, n_segments: int) -> None:
    points = torch.rand(n_segments * degree + 1, dtype=torch.float64, generator=generator(0, "points"))
    t = torch.linspace(0, 1, 157, dtype=torch.float64)
    coefficients = np.stack([points[s * degree : (s + 1) * degree + 1].numpy() for s in range(n_segments)], 1)
    reference = BPoly(coefficients, np.linspace(0, 1, n_segments + 1))(t.numpy())
    np.testing.assert_allclose(evaluate(points, degree, t).numpy(), reference, atol=1e-12)


@pytest.mark.parametrize("degree", DEGREES)
def test_curve_over_time_equals_a_dense_table_of_its_points(degree: int) -> None:
    draw = generator(1, "table", degree)
    spacing = torch.rand(5 * degree, dtype=torch.float64, generator=draw) + 0.05
    x = knots(spacing / spacing.sum())
    y = torch.rand(5 * degree + 1, dtype=torch.float64, generator=draw)
    time = torch.linspace(0, 1, 99, dtype=torch.float64)
    u = torch.linspace(0, 1, 400_001, dtype=torch.float64)
    reference = np.interp(time.numpy(), evaluate(x, degree, u).numpy(), evaluate(y, degree, u).numpy())
    np.testing.assert_allclose(evaluate_over_time(x, y, degree, time).numpy(), reference, atol=2e-5)


@pytest.mark.parametrize("degree", DEGREES)
def test_gradient_in_knots_and_values_equals_finite_differences(degree: int) -> None:
    draw = generator(2, "gradient", degree)
    # Times away from the knots between segments, where a curve may have a corner.
    time = torch.tensor([0.013, 0.21, 0.43, 0.58, 0.77, 0.967], dtype=torch.float64)
    spacing = (torch.rand(2, 3 * degree, dtype=torch.float64, generator=draw) + 0.3).requires_grad_()
    y = torch.rand(2, 3 * degree + 1, dtype=torch.float64, generator=draw, requires_grad=True)

    def curve(spacing: Tensor, y: Tensor) -> Tensor:
        return evaluate_over_time(knots(spacing / spacing.sum(-1, keepdim=True)), y, degree, time)

    assert torch.autograd.gradcheck(curve, (spacing, y))


def test_inverse_is_exact_where_knots_nearly_collide() -> None:
    spacing = torch.full((24,), 1e-4, dtype=torch.float64)
    spacing[7], spacing[16] = 1.0, 0.4
    x = knots(spacing / spacing.sum())
    time = torch.linspace(0, 1, 1501, dtype=torch.float64)
    # The curve whose values are its own knots is the identity.
    torch.testing.assert_close(evaluate_over_time(x, x, 3, time), time, atol=1e-10, rtol=0)


def test_chord_curriculum_begins_with_straight_segments() -> None:
    points = torch.tensor([0.0, 5.0, 5.0, 3.0, -2.0, 9.0, 0.0])
    torch.testing.assert_close(blend_with_chord(points, 3, 1.0), torch.tensor([0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0]))
    torch.testing.assert_close(blend_with_chord(points, 3, 0.0), points)
    torch.testing.assert_close(blend_with_chord(points, 3, 0.5)[::3], points[::3])
