"""Control points with shared tangents: bounds, continuous slopes, known curves, gradients."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ops.c1_points import c1_points
from core.ops.control_points import unit_values
from core.seeding import generator


@given(st.integers(1, 9), st.floats(0.1, 30.0), st.integers(0, 1000))
@settings(max_examples=25)
def test_points_stay_in_bounds_and_slopes_agree_at_knots(n_segments: int, scale: float, seed: int) -> None:
    draw = generator(seed, "logits")
    values = unit_values(scale * torch.randn(4, n_segments + 1, dtype=torch.float64, generator=draw))
    tangents = scale * torch.randn(4, n_segments + 1, dtype=torch.float64, generator=draw)
    widths = torch.softmax(2 * torch.randn(4, n_segments, dtype=torch.float64, generator=draw), -1)
    points = c1_points(values, tangents, widths)
    assert points.shape == (4, 3 * n_segments + 1)
    assert float(points.min()) >= 0
    assert float(points.max()) <= 1
    torch.testing.assert_close(points[:, ::3], values)
    right = (points[:, 4::3] - points[:, 3:-1:3]) / widths[:, 1:]
    left = (points[:, 3:-1:3] - points[:, 2:-3:3]) / widths[:, :-1]
    torch.testing.assert_close(right, left)


def test_without_tangents_a_gentle_slope_goes_on() -> None:
    values = torch.linspace(0.4, 0.6, 5, dtype=torch.float64)
    tangents = torch.zeros(5, dtype=torch.float64)
    points = c1_points(values, tangents, torch.full((4,), 0.25, dtype=torch.float64))
    line = torch.linspace(0.4, 0.6, 13, dtype=torch.float64)
    torch.testing.assert_close(points[2:-2], line[2:-2], atol=2e-5, rtol=0)


def test_gradients_equal_finite_differences() -> None:
    draw = generator(1, "points")
    values = 0.1 + 0.8 * torch.rand(2, 4, dtype=torch.float64, generator=draw)
    tangents = torch.randn(2, 4, dtype=torch.float64, generator=draw)
    widths = torch.rand(2, 3, dtype=torch.float64, generator=draw) + 0.1
    inputs = tuple(tensor.requires_grad_() for tensor in (values, tangents, widths))
    assert torch.autograd.gradcheck(c1_points, inputs)
