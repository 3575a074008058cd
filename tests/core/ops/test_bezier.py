"""Bezier curves at given parameters: the kernel against the reference, values and gradients of both inputs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops.bezier import evaluate, evaluate_reference
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
DEGREES = (1, 2, 3, 5)


def inputs_of(
    shape: tuple[int, ...], degree: int, n_segments: int, n_frames: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, Tensor]:
    """Points, and parameters in any order and away from segment ends, where the gradient is discontinuous."""
    draw = generator(seed, "curve")
    points = torch.rand(*shape, degree * n_segments + 1, dtype=torch.float64, generator=draw)
    segment = torch.randint(n_segments, (*shape, n_frames), generator=draw)
    local = 0.01 + 0.98 * torch.rand(*shape, n_frames, dtype=torch.float64, generator=draw)
    return points.to(dtype), ((segment + local) / n_segments).to(dtype)


def curve_of(degree: int) -> Function:
    return lambda points, parameter: evaluate(points, degree, parameter)


def reference_of(degree: int) -> Function:
    return lambda points, parameter: evaluate_reference(points, degree, parameter)


@given(
    st.lists(st.integers(1, 3), max_size=2),
    st.sampled_from(DEGREES),
    st.integers(1, 12),
    st.integers(1, 150),
    st.booleans(),
    st.sampled_from(FLOATS),
)
@settings(max_examples=50, derandomize=True)
def test_kernel_equals_reference_at_any_size(
    shape: list[int], degree: int, n_segments: int, n_frames: int, is_sorted: bool, dtype: torch.dtype
) -> None:
    points, parameter = inputs_of(tuple(shape), degree, n_segments, n_frames, dtype, n_frames)
    inputs = (points, parameter.sort(-1).values if is_sorted else parameter)
    assert_as_exact_as_reference(curve_of(degree), reference_of(degree), inputs)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n_segments", [1, 3, 8, 7])
def test_kernel_equals_reference_at_segment_ends_and_outside_the_curve(
    n_segments: int, dtype: torch.dtype, degree: int
) -> None:
    points, _ = inputs_of((), degree, n_segments, 1, dtype, 1)
    inside = torch.arange(2 * n_segments + 1, dtype=torch.float64) / (2 * n_segments)
    parameter = torch.cat([torch.tensor([-0.03, -0.0]), inside, torch.tensor([1.04])]).to(dtype)
    results = value_and_grads(curve_of(degree), (points, parameter))
    expected = value_and_grads(reference_of(degree), (points, parameter))
    tolerance = 1e-11 if dtype == torch.float64 else 2e-5
    for result, truth in zip(results, expected, strict=True):
        torch.testing.assert_close(result, truth, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("degree", DEGREES)
def test_end_points_are_exact_and_the_curve_stays_between_its_points(degree: int, dtype: torch.dtype) -> None:
    points, parameter = inputs_of((3,), degree, 6, 500, dtype, 2)
    ends = torch.linspace(0, 1, 4, dtype=dtype)[[0, -1]].expand(3, -1)
    assert torch.equal(evaluate(points, degree, ends), points[:, [0, -1]])
    curve = evaluate(points, degree, parameter)
    tolerance = 1e-15 if dtype == torch.float64 else 0.0
    assert bool((curve >= points.min(-1, keepdim=True).values - tolerance).all())
    assert bool((curve <= points.max(-1, keepdim=True).values + tolerance).all())


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    assert_independent_of_memory_layout(curve_of(3), inputs_of((2, 3), 3, 4, 13, dtype, 3))


@pytest.mark.parametrize("dtype", FLOATS)
def test_curve_has_the_same_result_alone_and_in_a_batch(dtype: torch.dtype) -> None:
    points, parameter = inputs_of((4, 3), 2, 6, 50, dtype, 4)
    grad_output = torch.randn(4, 3, 50, generator=generator(4, "gradient")).to(dtype)
    batched = value_and_grads(curve_of(2), (points, parameter), grad_output)
    for clip in range(4):
        single = value_and_grads(curve_of(2), (points[clip, 1], parameter[clip, 1]), grad_output[clip, 1])
        assert_same_bits(single, [tensor[clip, 1] for tensor in batched])


@pytest.mark.parametrize("degree", DEGREES)
def test_first_and_second_derivatives_equal_finite_differences(degree: int) -> None:
    assert_twice_differentiable(curve_of(degree), inputs_of((2,), degree, 3, 7, torch.float64, 5))


@pytest.mark.parametrize("degree", [1, 3])
def test_derivatives_equal_finite_differences_where_one_input_is_constant(degree: int) -> None:
    points, parameter = inputs_of((2,), degree, 3, 7, torch.float64, 6)
    assert_twice_differentiable(lambda points: evaluate(points, degree, parameter), (points,))
    assert_twice_differentiable(lambda parameter: evaluate(points, degree, parameter), (parameter,))


@pytest.mark.parametrize("index", [0, 1])
def test_nan_propagates_as_in_the_reference(index: int) -> None:
    inputs = inputs_of((2,), 3, 4, 41, torch.float32, 7)
    inputs[index][0, 6] = torch.nan
    result, expected = evaluate(inputs[0], 3, inputs[1]), evaluate_reference(inputs[0], 3, inputs[1])
    assert bool(result[0].isnan().any())
    assert torch.equal(result.isnan(), expected.isnan())


def test_wrong_number_of_control_points_raises() -> None:
    points, parameter = inputs_of((1,), 3, 2, 9, torch.float32, 8)
    with pytest.raises(ValueError, match="segments of degree 3 need a multiple of 3 control points plus one; got 6"):
        evaluate(points[:, :-1], 3, parameter)
