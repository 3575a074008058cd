"""Bezier curves over time: the kernel against the reference, scipy's root finding and exact cases."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BPoly
from scipy.optimize import brentq
from torch import Tensor

from core.ops.bezier import evaluate_over_time, evaluate_over_time_reference, knots
from core.parameterizations.spline import Spline
from core.seeding import generator
from tests.support.closeness import (
    Function,
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    value_and_grads,
)

FLOATS = (torch.float32, torch.float64)
DEGREES = (1, 2, 3)


def points_of(
    shape: tuple[int, ...], degree: int, n_segments: int, dtype: torch.dtype, seed: int, min_spacing: float = 0.1
) -> tuple[Tensor, Tensor]:
    draw = generator(seed, "points")
    spacing = torch.rand(*shape, degree * n_segments, dtype=torch.float64, generator=draw) + min_spacing
    y = torch.rand(*shape, degree * n_segments + 1, dtype=torch.float64, generator=draw)
    return knots((spacing / spacing.sum(-1, keepdim=True)).to(dtype)), y.to(dtype)


def curve_of(degree: int, time: Tensor) -> Function:
    return lambda x, y: evaluate_over_time(x, y, degree, time)


def grid(n_frames: int) -> Tensor:
    return torch.linspace(0, 1, n_frames, dtype=torch.float64)


def assert_equals_reference(x: Tensor, y: Tensor, degree: int, time: Tensor) -> None:
    assert_as_exact_as_reference(
        curve_of(degree, time), lambda x, y: evaluate_over_time_reference(x, y, degree, time), (x, y)
    )


@given(
    st.lists(st.integers(1, 3), max_size=2),
    st.sampled_from(DEGREES),
    st.integers(1, 12),
    st.integers(1, 150),
    st.sampled_from(FLOATS),
)
@settings(max_examples=25, derandomize=True)
def test_kernel_equals_reference_at_any_size(
    shape: list[int], degree: int, n_segments: int, n_frames: int, dtype: torch.dtype
) -> None:
    x, y = points_of(tuple(shape), degree, n_segments, dtype, n_frames)
    # Away from the knots: there the gradient is discontinuous, and float32 rounding decides between its values.
    time = grid(n_frames) * 0.99 + 0.00317
    assert_equals_reference(x, y, degree, time)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_kernel_equals_reference_at_the_smallest_spacing_of_knots(degree: int, dtype: torch.dtype) -> None:
    spline = Spline(126, 5, degree)
    logits = torch.zeros(1, 3, spline.n_tokens, 2, dtype=dtype)
    logits[..., 1] = torch.randn(1, 3, spline.n_tokens, generator=generator(1, "values"))
    # One interval is as long as possible, all others have the smallest spacing.
    for modulation, wide in enumerate((1, spline.n_tokens // 2, spline.n_tokens - 1)):
        logits[0, modulation, wide, 0] = 20.0
    x, y = spline.control_points(logits)
    smallest = 0.05 / spline.n_intervals
    assert float(x.diff(dim=-1).min()) == pytest.approx(smallest, rel=1e-3)
    assert_equals_reference(x, y, degree, grid(126) * 0.99 + 0.00317)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("min_spacing", [0.05, 1e-6])
def test_reference_finds_the_curve_in_its_fixed_number_of_iterations(degree: int, min_spacing: float) -> None:
    """A GPU takes all of them, whatever the knots, and the kernel as many as it needs."""
    spline = Spline(500, 8, degree, min_spacing=min_spacing)
    draw = generator(1, "logits")
    logits = torch.randn(20, 2, spline.n_tokens, 2, generator=draw, dtype=torch.float64)
    logits[:10] *= 30
    # One interval is as long as possible, all others have the smallest spacing.
    wide = torch.arange(10) % (spline.n_tokens - 1) + 1
    logits[10:, :, :, 0] = 0
    logits[torch.arange(10, 20), :, wide, 0] = 20
    x, y = spline.control_points(logits)
    found = evaluate_over_time_reference(x, y, degree, grid(500))
    torch.testing.assert_close(found, evaluate_over_time(x, y, degree, grid(500)), atol=1e-9, rtol=0)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_frames_at_knots_have_the_values_of_the_knots(degree: int, dtype: torch.dtype) -> None:
    n_segments = 8
    # Segments end at multiples of 1/8, which both types represent exactly.
    x = torch.linspace(0, 1, n_segments * degree + 1, dtype=torch.float64)
    x[::degree] = grid(n_segments + 1)
    y = torch.rand(x.shape, dtype=torch.float64, generator=generator(2, "values"))
    x, y = x.to(dtype), y.to(dtype)
    at_knots = evaluate_over_time(x, y, degree, grid(n_segments + 1))
    torch.testing.assert_close(at_knots, y[::degree], atol=1e-12 if dtype == torch.float64 else 1e-7, rtol=0)
    for n_frames in (n_segments + 1, 4 * n_segments + 1):
        assert_equals_reference(x, y, degree, grid(n_frames))
    assert torch.equal(evaluate_over_time(x, y, degree, grid(9)[[0, -1]]), y[[0, -1]])


@pytest.mark.parametrize("degree", DEGREES)
def test_curve_equals_root_finding_by_scipy(degree: int) -> None:
    n_segments = 4
    x, y = points_of((), degree, n_segments, torch.float64, 3, min_spacing=0.02)
    time = torch.rand(20, dtype=torch.float64, generator=generator(4, "time")).sort().values
    curve = evaluate_over_time(x, y, degree, time)

    def piecewise(points: Tensor) -> BPoly:
        parts = np.stack([points[s * degree : (s + 1) * degree + 1].numpy() for s in range(n_segments)], 1)
        return BPoly(parts, np.arange(n_segments + 1.0))

    scipy_x, scipy_y = piecewise(x), piecewise(y)
    for t, value in zip(time.tolist(), curve.tolist(), strict=True):
        u = brentq(lambda u, t=t: float(scipy_x(u)) - t, 0, n_segments, xtol=1e-15, rtol=1e-15)
        assert value == pytest.approx(float(scipy_y(u)), abs=1e-11)


@given(st.sampled_from(DEGREES), st.integers(1, 10), st.integers(0, 1000))
@settings(max_examples=25, derandomize=True)
def test_increasing_values_give_an_increasing_curve_between_them(degree: int, n_segments: int, seed: int) -> None:
    x, y = points_of((2,), degree, n_segments, torch.float64, seed, min_spacing=0.01)
    curve = evaluate_over_time(x, y.sort(-1).values, degree, grid(200))
    assert float(curve.diff(dim=-1).min()) >= -1e-12
    assert float((curve[:, 0] - y.min(-1).values).abs().max()) < 1e-12
    assert float((curve[:, -1] - y.max(-1).values).abs().max()) < 1e-12


@pytest.mark.parametrize("degree", DEGREES)
def test_values_equal_to_their_knots_give_the_identity(degree: int) -> None:
    x, _ = points_of((3,), degree, 7, torch.float64, 5, min_spacing=1e-3)
    torch.testing.assert_close(evaluate_over_time(x, x, degree, grid(301)), grid(301).expand(3, -1), atol=1e-12, rtol=0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    x, y = points_of((2, 3), 3, 4, dtype, 6)
    time = torch.stack([grid(40), grid(40)], -1)[:, 0]
    assert_independent_of_memory_layout(curve_of(3, time), (x, y))


@pytest.mark.parametrize("dtype", FLOATS)
def test_curve_has_the_same_result_alone_and_in_a_batch(dtype: torch.dtype) -> None:
    x, y = points_of((4, 3), 2, 6, dtype, 7)
    grad_output = torch.randn(4, 3, 50, generator=generator(4, "gradient")).to(dtype)
    batched = value_and_grads(curve_of(2, grid(50)), (x, y), grad_output)
    for clip in range(4):
        single = value_and_grads(curve_of(2, grid(50)), (x[clip, 1], y[clip, 1]), grad_output[clip, 1])
        assert_same_bits(single, [tensor[clip, 1] for tensor in batched])


@pytest.mark.parametrize("degree", DEGREES)
def test_first_and_second_derivatives_equal_finite_differences(degree: int) -> None:
    x, y = points_of((2,), degree, 3, torch.float64, 8, min_spacing=0.4)
    time = torch.tensor([0.013, 0.21, 0.43, 0.58, 0.77, 0.967], dtype=torch.float64)
    assert_twice_differentiable(curve_of(degree, time), (x, y))


def test_nan_stays_in_its_curve() -> None:
    x, y = points_of((2,), 3, 4, torch.float32, 9)
    y[0, 6] = torch.nan
    curve = evaluate_over_time(x, y, 3, grid(41))
    assert bool(curve[0].isnan().any())
    assert bool(curve[1].isfinite().all())


def test_wrong_number_of_control_points_raises() -> None:
    x, y = points_of((1,), 3, 2, torch.float32, 10)
    with pytest.raises(ValueError, match="segments of degree 3 need a multiple of 3 control points plus one; got 6"):
        evaluate_over_time(x[:, :-1], y[:, :-1], 3, grid(9))
