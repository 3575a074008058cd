"""Control points: the kernel against the reference, values and gradients."""

from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops.bezier import evaluate_over_time_reference, evaluate_reference
from core.ops.control_points import control_points, control_points_reference
from core.parameterizations.spline import Spline
from core.seeding import generator
from tests.support.closeness import (
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    value_and_grads,
)

FLOATS = (torch.float32, torch.float64)
DEGREES = (1, 2, 3)


def logits_of(shape: tuple[int, ...], n_intervals: int, dtype: torch.dtype, seed: int) -> Tensor:
    draw = generator(seed, "logits")
    return torch.randn(*shape, n_intervals + 1, 2, dtype=torch.float64, generator=draw).to(dtype)


def points_of(logits: Tensor, degree: int, curriculum: float, temperature: float = 0.25) -> Tensor:
    return torch.stack(control_points(logits, degree, temperature, 0.05, curriculum))


def reference_points_of(logits: Tensor, degree: int, curriculum: float, temperature: float = 0.25) -> Tensor:
    return torch.stack(control_points_reference(logits, degree, temperature, 0.05, curriculum))


@given(
    st.lists(st.integers(1, 3), max_size=2),
    st.sampled_from(DEGREES),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([0.1, 0.25, 2.0]),
    st.sampled_from(FLOATS),
)
@settings(max_examples=50, derandomize=True)
def test_kernel_equals_reference_at_any_size(
    shape: list[int], degree: int, n_segments: int, curriculum: float, temperature: float, dtype: torch.dtype
) -> None:
    assert_as_exact_as_reference(
        lambda logits: points_of(logits, degree, curriculum, temperature),
        lambda logits: reference_points_of(logits, degree, curriculum, temperature),
        (logits_of(tuple(shape), degree * n_segments, dtype, n_segments),),
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("curriculum", [0.0, 0.7])
def test_kernel_equals_reference_for_large_logits(curriculum: float, dtype: torch.dtype) -> None:
    logits = 1e3 * logits_of((2, 3), 24, dtype, 1)
    result, expected = points_of(logits, 3, curriculum), reference_points_of(logits, 3, curriculum)
    torch.testing.assert_close(result, expected, atol=1e-12 if dtype == torch.float64 else 1e-6, rtol=0)
    assert bool((result[0].diff(dim=-1) > 0).all())
    assert torch.equal(result[0, ..., [0, -1]], torch.tensor([0.0, 1.0], dtype=dtype).expand(2, 3, -1))


@pytest.mark.parametrize("curriculum", [0.0, 0.4])
@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype, curriculum: float) -> None:
    assert_independent_of_memory_layout(
        lambda logits: points_of(logits, 3, curriculum), (logits_of((2, 3), 12, dtype, 2),)
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_spline_has_the_same_result_alone_and_in_a_batch(dtype: torch.dtype) -> None:
    logits = logits_of((4, 3), 12, dtype, 3)
    grad_output = logits_of((2, 4), 12, dtype, 4)[..., 0][:, :, None].expand(2, 4, 3, 13)
    batched = value_and_grads(lambda logits: points_of(logits, 2, 0.3), (logits,), grad_output)
    for clip in range(4):
        single = value_and_grads(lambda logits: points_of(logits, 2, 0.3), (logits[clip, 1],), grad_output[:, clip, 1])
        assert_same_bits(single, [batched[0][:, clip, 1], batched[1][clip, 1]])


@pytest.mark.parametrize("curriculum", [0.0, 0.6])
@pytest.mark.parametrize("degree", DEGREES)
def test_first_and_second_derivatives_equal_finite_differences(degree: int, curriculum: float) -> None:
    logits = logits_of((2,), 2 * degree, torch.float64, 5)
    assert_twice_differentiable(lambda logits: points_of(logits, degree, curriculum), (logits,))


@pytest.mark.parametrize("output", [0, 1])
def test_gradient_equals_reference_where_only_knots_or_only_values_are_used(output: int) -> None:
    logits = logits_of((2,), 6, torch.float64, 6)
    result = value_and_grads(lambda logits: control_points(logits, 3, 0.25, 0.05, 0.5)[output], (logits,))
    expected = value_and_grads(lambda logits: reference_points_of(logits, 3, 0.5)[output], (logits,))
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("output", [0, 1])
def test_nan_propagates_as_in_the_reference(output: int) -> None:
    logits = logits_of((2,), 6, torch.float32, 7)
    logits[0, 3, output] = torch.nan
    result, expected = points_of(logits, 3, 0.5), reference_points_of(logits, 3, 0.5)
    assert bool(result[output, 0].isnan().any())
    assert bool(result[:, 1].isfinite().all())
    assert torch.equal(result.isnan(), expected.isnan())


@pytest.mark.parametrize("curriculum", [0.0, 0.5])
@pytest.mark.parametrize("evaluation", ["inverse", "forward_warp"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_spline_equals_the_composition_of_its_references(
    dtype: torch.dtype, evaluation: Literal["inverse", "forward_warp"], curriculum: float
) -> None:
    spline = Spline(129, 4, 3, evaluation=evaluation)
    # Away from segment ends, where gradients are discontinuous.
    spline.time = spline.time * 0.99 + 0.00317

    def reference(logits: Tensor) -> Tensor:
        x, y = control_points_reference(logits, 3, spline.temperature, spline.min_spacing, curriculum)
        if evaluation == "inverse":
            return evaluate_over_time_reference(x, y, 3, spline.time)
        warp = evaluate_reference(x, 3, spline.time.to(x.dtype).expand(*x.shape[:-1], -1))
        return evaluate_reference(y, 3, warp)

    assert_as_exact_as_reference(
        lambda logits: spline(logits, curriculum), reference, (logits_of((4, 3), spline.n_intervals, dtype, 8),)
    )


def test_curriculum_strength_has_no_effect_where_the_curriculum_is_off() -> None:
    logits = logits_of((2, 3), 12, torch.float32, 9)
    assert torch.equal(Spline(129, 4, 3, chord_curriculum=False)(logits, 0.9), Spline(129, 4, 3)(logits, 0.0))
