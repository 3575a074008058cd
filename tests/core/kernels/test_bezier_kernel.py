"""Curves at given parameters: the kernel against its reference, values and gradients in points and parameter."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.parameterizations.bezier import evaluate, evaluate_reference
from core.seeding import generator
from tests.core.kernels.closeness import (
    assert_as_exact_as_reference,
    assert_memory_order_does_not_matter,
    assert_same_bits,
    value_and_gradients,
)

FLOATS = (torch.float32, torch.float64)
DEGREES = (1, 2, 3, 5)


def inputs_of(
    shape: tuple[int, ...], degree: int, n_segments: int, n_frames: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, Tensor]:
    """Points, and parameters in any order and off the ends of segments, where the gradient has a corner."""
    draw = generator(seed, "curve")
    points = torch.rand(*shape, degree * n_segments + 1, dtype=torch.float64, generator=draw)
    segment = torch.randint(n_segments, (*shape, n_frames), generator=draw)
    local = 0.01 + 0.98 * torch.rand(*shape, n_frames, dtype=torch.float64, generator=draw)
    return points.to(dtype), ((segment + local) / n_segments).to(dtype)


def assert_equals_reference(points: Tensor, degree: int, parameter: Tensor) -> None:
    assert_as_exact_as_reference(
        lambda points, parameter: evaluate(points, degree, parameter),
        lambda points, parameter: evaluate_reference(points, degree, parameter),
        (points, parameter),
    )


@given(
    st.lists(st.integers(1, 3), max_size=2),
    st.sampled_from(DEGREES),
    st.integers(1, 12),
    st.integers(1, 150),
    st.booleans(),
    st.sampled_from(FLOATS),
)
@settings(max_examples=50, derandomize=True)
def test_kernel_equals_its_reference_at_any_size(
    shape: list[int], degree: int, n_segments: int, n_frames: int, in_order: bool, dtype: torch.dtype
) -> None:
    points, parameter = inputs_of(tuple(shape), degree, n_segments, n_frames, dtype, n_frames)
    assert_equals_reference(points, degree, parameter.sort(-1).values if in_order else parameter)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n_segments", [1, 3, 8, 7])
def test_segments_are_the_reference_s_at_their_ends_and_beyond_those_of_the_curve(
    n_segments: int, dtype: torch.dtype, degree: int
) -> None:
    points, _ = inputs_of((), degree, n_segments, 1, dtype, 1)
    inside = torch.arange(2 * n_segments + 1, dtype=torch.float64) / (2 * n_segments)
    parameter = torch.cat([torch.tensor([-0.03, -0.0]), inside, torch.tensor([1.04])]).to(dtype)
    found, expected = (
        value_and_gradients(lambda points, parameter, f=f: f(points, degree, parameter), (points, parameter))
        for f in (evaluate, evaluate_reference)
    )
    tolerance = 1e-11 if dtype == torch.float64 else 2e-5
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("degree", DEGREES)
def test_ends_are_exact_and_the_curve_stays_between_its_points(degree: int, dtype: torch.dtype) -> None:
    points, parameter = inputs_of((3,), degree, 6, 500, dtype, 2)
    ends = torch.linspace(0, 1, 4, dtype=dtype)[[0, -1]].expand(3, -1)
    assert torch.equal(evaluate(points, degree, ends), points[:, [0, -1]])
    curve = evaluate(points, degree, parameter)
    slack = 1e-15 if dtype == torch.float64 else 0.0
    assert bool((curve >= points.min(-1, keepdim=True).values - slack).all())
    assert bool((curve <= points.max(-1, keepdim=True).values + slack).all())


@pytest.mark.parametrize("dtype", FLOATS)
def test_memory_order_does_not_matter(dtype: torch.dtype) -> None:
    inputs = inputs_of((2, 3), 3, 4, 13, dtype, 3)
    assert_memory_order_does_not_matter(lambda points, parameter: evaluate(points, 3, parameter), inputs)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_curve_alone_equals_the_curve_in_a_batch(dtype: torch.dtype) -> None:
    points, parameter = inputs_of((4, 3), 2, 6, 50, dtype, 4)
    pull = torch.randn(4, 3, 50, generator=generator(4, "pull")).to(dtype)

    def curve(points: Tensor, parameter: Tensor) -> Tensor:
        return evaluate(points, 2, parameter)

    together = value_and_gradients(curve, (points, parameter), pull)
    for clip in range(4):
        alone = value_and_gradients(curve, (points[clip, 1], parameter[clip, 1]), pull[clip, 1])
        assert_same_bits(alone, [tensor[clip, 1] for tensor in together])


@pytest.mark.parametrize("degree", DEGREES)
def test_gradient_and_its_gradient_equal_finite_differences(degree: int) -> None:
    points, parameter = inputs_of((2,), degree, 3, 7, torch.float64, 5)
    inputs = (points.requires_grad_(), parameter.requires_grad_())
    assert torch.autograd.gradcheck(lambda points, parameter: evaluate(points, degree, parameter), inputs)
    assert torch.autograd.gradgradcheck(lambda points, parameter: evaluate(points, degree, parameter), inputs)


@pytest.mark.parametrize("degree", [1, 3])
def test_gradient_of_one_input_alone(degree: int) -> None:
    points, parameter = inputs_of((2,), degree, 3, 7, torch.float64, 6)
    for moving in (0, 1):
        leaves = [points.clone(), parameter.clone()]
        leaves[moving].requires_grad_()
        assert torch.autograd.gradcheck(lambda points, parameter: evaluate(points, degree, parameter), leaves)
        assert torch.autograd.gradgradcheck(lambda points, parameter: evaluate(points, degree, parameter), leaves)


@pytest.mark.parametrize("part", [0, 1])
def test_what_is_not_a_number_is_not_hidden(part: int) -> None:
    inputs = inputs_of((2,), 3, 4, 41, torch.float32, 7)
    inputs[part][0, 6] = torch.nan
    found, expected = evaluate(inputs[0], 3, inputs[1]), evaluate_reference(inputs[0], 3, inputs[1])
    assert bool(found[0].isnan().any())
    assert torch.equal(found.isnan(), expected.isnan())


def test_a_wrong_number_of_control_points_is_refused() -> None:
    points, parameter = inputs_of((1,), 3, 2, 9, torch.float32, 8)
    with pytest.raises(ValueError, match="segments of degree 3 need a multiple of 3 control points plus one; got 6"):
        evaluate(points[:, :-1], 3, parameter)
