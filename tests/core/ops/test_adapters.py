"""Adapters: the kernels against the reference, values and gradients at any size and slope."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops import adapters
from core.ops.adapters import adapt, adapt_reference
from core.seeding import generator
from core.synths.adapters import Adapter
from tests.support.closeness import (
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    distance,
    value_and_grads,
)

FLOATS = (torch.float32, torch.float64)


def inputs_of(
    batch: int, n_frames: int, n_controls: int, hidden: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, ...]:
    """A curve and weights; each control has other slopes, and some are negative."""
    draw = generator(seed, "adapter")

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=draw).to(dtype)

    curve = torch.rand(batch, n_frames, dtype=torch.float64, generator=draw).to(dtype)
    slopes = torch.linspace(-0.4, 0.6, 2 * n_controls).to(dtype).view(2, n_controls)
    first = normal(n_controls, 2, hidden), normal(n_controls, 1, hidden), slopes[0]
    middle = normal(n_controls, hidden, hidden), normal(n_controls, 1, hidden), slopes[1]
    return curve, *first, *middle, normal(n_controls, hidden, 1), normal(n_controls, 1, 1)


@given(
    st.integers(1, 4),
    st.integers(1, 70),
    st.integers(1, 12),
    st.integers(1, 20),
    st.integers(1, 4000),
    st.sampled_from(FLOATS),
)
@settings(max_examples=40, derandomize=True)
def test_kernel_equals_reference_for_any_size_and_number_of_blocks(
    batch: int, n_frames: int, n_controls: int, hidden: int, block_size: int, dtype: torch.dtype
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapters, "_BLOCK_SIZE", block_size)
        assert_as_exact_as_reference(
            adapt, adapt_reference, inputs_of(batch, n_frames, n_controls, hidden, dtype, n_frames)
        )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("slopes", [(-0.7, -0.1), (0.0, 0.25), (0.25, 0.0), (0.0, 0.0), (1.0, 3.0)])
def test_kernel_equals_reference_for_any_slope(slopes: tuple[float, float], dtype: torch.dtype) -> None:
    inputs = list(inputs_of(2, 33, 5, 3, dtype, 1))
    inputs[3], inputs[6] = (torch.full((5,), slope, dtype=dtype) for slope in slopes)
    assert_as_exact_as_reference(adapt, adapt_reference, inputs)


@pytest.mark.parametrize("n_controls", [1, 5, 33, 61])
def test_slope_gradients_are_exact_at_realistic_sizes(n_controls: int) -> None:
    inputs = inputs_of(4, 129, n_controls, (2 + n_controls) // 2, torch.float32, 2)
    # All of one sign, so that most sums over all frames do not cancel; the error is relative to the largest.
    grad_output = torch.rand(4, 129, n_controls, generator=generator(2, "gradient"))
    exact = value_and_grads(adapt_reference, [tensor.double() for tensor in inputs], grad_output)
    results = value_and_grads(adapt, inputs, grad_output)
    for slope in (4, 7):
        assert distance(results[slope], exact[slope]) < 2e-6


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    assert_independent_of_memory_layout(adapt, inputs_of(3, 11, 5, 4, dtype, 3))


def test_nan_stays_in_its_frame() -> None:
    curve, *weights = inputs_of(2, 7, 3, 4, torch.float32, 4)
    curve[1, 2] = torch.nan
    is_nan = adapt(curve, *weights).isnan()
    assert bool(is_nan[1, 2].all())
    assert int(is_nan.sum()) == 3
    results, expected = (value_and_grads(function, (curve, *weights)) for function in (adapt, adapt_reference))
    for result, truth in zip(results, expected, strict=True):
        torch.testing.assert_close(result, truth, equal_nan=True)


def test_backward_can_run_twice_with_retain_graph() -> None:
    inputs = [tensor.requires_grad_() for tensor in inputs_of(2, 9, 5, 3, torch.float64, 5)]
    loss = adapt(*inputs).square().sum()
    first = torch.autograd.grad(loss, inputs, retain_graph=True)
    second = torch.autograd.grad(loss, inputs)
    assert_same_bits(first, second)


def test_backward_raises_after_weights_were_modified_in_place() -> None:
    adapter = Adapter(5)
    loss = adapter(torch.rand(2, 9)).sum()
    with torch.no_grad():
        for weight in adapter.parameters():
            weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, list(adapter.parameters()))


def test_gradient_of_the_curve_is_the_same_with_frozen_weights() -> None:
    curve, *weights = inputs_of(2, 9, 5, 3, torch.float64, 6)
    _, expected, *_ = value_and_grads(adapt, (curve, *weights))
    _, result = value_and_grads(lambda curve: adapt(curve, *weights), (curve,))
    assert torch.equal(result, expected)


@pytest.mark.parametrize(("n_controls", "hidden"), [(1, 1), (3, 2)])
def test_first_and_second_derivatives_equal_finite_differences(n_controls: int, hidden: int) -> None:
    assert_twice_differentiable(adapt, inputs_of(2, 3, n_controls, hidden, torch.float64, 7))
