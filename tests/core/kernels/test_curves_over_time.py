"""Splines over time: the kernel against its reference, scipy's root finding, and exact cases."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BPoly
from scipy.optimize import brentq
from torch import Tensor

from core.parameterizations.bezier import evaluate_over_time, evaluate_over_time_reference, knots
from core.parameterizations.spline import Spline
from core.seeding import generator
from tests.core.kernels.closeness import (
    assert_as_exact_as_reference,
    assert_memory_order_does_not_matter,
    assert_same_bits,
    value_and_gradients,
)

FLOATS = (torch.float32, torch.float64)
DEGREES = (1, 2, 3)


def points_of(
    shape: tuple[int, ...], degree: int, n_segments: int, dtype: torch.dtype, seed: int, least: float = 0.1
) -> tuple[Tensor, Tensor]:
    draw = generator(seed, "points")
    spacing = torch.rand(*shape, degree * n_segments, dtype=torch.float64, generator=draw) + least
    y = torch.rand(*shape, degree * n_segments + 1, dtype=torch.float64, generator=draw)
    return knots((spacing / spacing.sum(-1, keepdim=True)).to(dtype)), y.to(dtype)


def grid(n_frames: int) -> Tensor:
    return torch.linspace(0, 1, n_frames, dtype=torch.float64)


def assert_equals_reference(x: Tensor, y: Tensor, degree: int, time: Tensor) -> None:
    assert_as_exact_as_reference(
        lambda x, y: evaluate_over_time(x, y, degree, time),
        lambda x, y: evaluate_over_time_reference(x, y, degree, time),
        (x, y),
    )


@given(
    st.lists(st.integers(1, 3), max_size=2),
    st.sampled_from(DEGREES),
    st.integers(1, 12),
    st.integers(1, 150),
    st.sampled_from(FLOATS),
)
@settings(max_examples=25, derandomize=True)
def test_kernel_equals_its_reference_at_any_size(
    shape: list[int], degree: int, n_segments: int, n_frames: int, dtype: torch.dtype
) -> None:
    x, y = points_of(tuple(shape), degree, n_segments, dtype, n_frames)
    # Off the float32 knots: there the gradient has a corner, and rounding decides for a side.
    time = grid(n_frames) * 0.99 + 0.00317
    assert_equals_reference(x, y, degree, time)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_kernel_equals_its_reference_where_knots_are_as_near_as_they_get(degree: int, dtype: torch.dtype) -> None:
    spline = Spline(126, 5, degree)
    logits = torch.zeros(1, 3, spline.n_tokens, 2, dtype=dtype)
    logits[..., 1] = torch.randn(1, 3, spline.n_tokens, generator=generator(1, "values"))
    # One interval takes everything; all others have the least spacing there is.
    for signal, wide in enumerate((1, spline.n_tokens // 2, spline.n_tokens - 1)):
        logits[0, signal, wide, 0] = 20.0
    x, y = spline.control_points(logits)
    least = 0.05 / spline.n_intervals
    assert float(x.diff(dim=-1).min()) == pytest.approx(least, rel=1e-3)
    assert_equals_reference(x, y, degree, grid(126) * 0.99 + 0.00317)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_frames_on_knots_have_the_knots_values(degree: int, dtype: torch.dtype) -> None:
    n_segments = 8
    # Knots between segments at multiples of 1/8, which are exact in both types.
    x = torch.linspace(0, 1, n_segments * degree + 1, dtype=torch.float64)
    x[::degree] = grid(n_segments + 1)
    y = torch.rand(x.shape, dtype=torch.float64, generator=generator(2, "values"))
    x, y = x.to(dtype), y.to(dtype)
    on_knots = evaluate_over_time(x, y, degree, grid(n_segments + 1))
    torch.testing.assert_close(on_knots, y[::degree], atol=1e-12 if dtype == torch.float64 else 1e-7, rtol=0)
    for n_frames in (n_segments + 1, 4 * n_segments + 1):
        assert_equals_reference(x, y, degree, grid(n_frames))
    assert torch.equal(evaluate_over_time(x, y, degree, grid(9)[[0, -1]]), y[[0, -1]])


@pytest.mark.parametrize("degree", DEGREES)
def test_curve_equals_scipy_s_root_finding(degree: int) -> None:
    n_segments = 4
    x, y = points_of((), degree, n_segments, torch.float64, 3, least=0.02)
    time = torch.rand(20, dtype=torch.float64, generator=generator(4, "time")).sort().values
    found = evaluate_over_time(x, y, degree, time)

    def piecewise(points: Tensor) -> BPoly:
        parts = np.stack([points[s * degree : (s + 1) * degree + 1].numpy() for s in range(n_segments)], 1)
        return BPoly(parts, np.arange(n_segments + 1.0))

    x_of, y_of = piecewise(x), piecewise(y)
    for t, value in zip(time.tolist(), found.tolist(), strict=True):
        u = brentq(lambda u, t=t: float(x_of(u)) - t, 0, n_segments, xtol=1e-15, rtol=1e-15)
        assert value == pytest.approx(float(y_of(u)), abs=1e-11)


@given(st.sampled_from(DEGREES), st.integers(1, 10), st.integers(0, 1000))
@settings(max_examples=25, derandomize=True)
def test_rising_values_give_a_rising_curve_within_them(degree: int, n_segments: int, seed: int) -> None:
    x, y = points_of((2,), degree, n_segments, torch.float64, seed, least=0.01)
    curve = evaluate_over_time(x, y.sort(-1).values, degree, grid(200))
    assert float(curve.diff(dim=-1).min()) >= -1e-12
    assert float((curve[:, 0] - y.min(-1).values).abs().max()) < 1e-12
    assert float((curve[:, -1] - y.max(-1).values).abs().max()) < 1e-12


@pytest.mark.parametrize("degree", DEGREES)
def test_values_equal_to_their_knots_are_the_identity(degree: int) -> None:
    x, _ = points_of((3,), degree, 7, torch.float64, 5, least=1e-3)
    torch.testing.assert_close(evaluate_over_time(x, x, degree, grid(301)), grid(301).expand(3, -1), atol=1e-12, rtol=0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_memory_order_does_not_matter(dtype: torch.dtype) -> None:
    x, y = points_of((2, 3), 3, 4, dtype, 6)
    time = torch.stack([grid(40), grid(40)], -1)[:, 0]
    assert_memory_order_does_not_matter(lambda x, y: evaluate_over_time(x, y, 3, time), (x, y))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_curve_alone_equals_the_curve_in_a_batch(dtype: torch.dtype) -> None:
    x, y = points_of((4, 3), 2, 6, dtype, 7)
    pull = torch.randn(4, 3, 50, generator=generator(4, "pull")).to(dtype)
    together = value_and_gradients(lambda x, y: evaluate_over_time(x, y, 2, grid(50)), (x, y), pull)
    for clip in range(4):
        alone = value_and_gradients(
            lambda x, y: evaluate_over_time(x, y, 2, grid(50)), (x[clip, 1], y[clip, 1]), pull[clip, 1]
        )
        assert_same_bits(alone, [tensor[clip, 1] for tensor in together])


@pytest.mark.parametrize("degree", DEGREES)
def test_gradient_and_its_gradient_equal_finite_differences(degree: int) -> None:
    x, y = points_of((2,), degree, 3, torch.float64, 8, least=0.4)
    inputs = (x.requires_grad_(), y.requires_grad_())
    time = torch.tensor([0.013, 0.21, 0.43, 0.58, 0.77, 0.967], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x, y: evaluate_over_time(x, y, degree, time), inputs)
    assert torch.autograd.gradgradcheck(lambda x, y: evaluate_over_time(x, y, degree, time), inputs)


def test_what_is_not_a_number_is_not_hidden() -> None:
    x, y = points_of((2,), 3, 4, torch.float32, 9)
    y[0, 6] = torch.nan
    curve = evaluate_over_time(x, y, 3, grid(41))
    assert bool(curve[0].isnan().any())
    assert bool(curve[1].isfinite().all())


def test_a_wrong_number_of_control_points_is_refused() -> None:
    x, y = points_of((1,), 3, 2, torch.float32, 10)
    with pytest.raises(ValueError, match="segments of degree 3 need a multiple of 3 control points plus one; got 6"):
        evaluate_over_time(x[:, :-1], y[:, :-1], 3, grid(9))
