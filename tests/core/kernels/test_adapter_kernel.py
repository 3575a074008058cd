"""The adapters' kernels: their reference's numbers and gradients at any size and slope."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.seeding import generator
from core.synths import adapters
from core.synths.adapters import Adapter, adapt, adapt_reference
from tests.core.kernels.closeness import (
    assert_as_exact_as_reference,
    assert_memory_order_does_not_matter,
    value_and_gradients,
)

FLOATS = (torch.float32, torch.float64)


def inputs_of(
    batch: int, n_frames: int, n_controls: int, hidden: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, ...]:
    """A curve and weights, of which one slope is negative."""
    draw = generator(seed, "adapter")

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=draw).to(dtype)

    curve = torch.rand(batch, n_frames, dtype=torch.float64, generator=draw).to(dtype)
    first = normal(n_controls, 2, hidden), normal(n_controls, 1, hidden), torch.tensor([-0.4], dtype=dtype)
    middle = normal(n_controls, hidden, hidden), normal(n_controls, 1, hidden), torch.tensor([0.25], dtype=dtype)
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
def test_kernel_equals_its_reference_at_any_size_and_number_of_blocks(
    batch: int, n_frames: int, n_controls: int, hidden: int, block: int, dtype: torch.dtype
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapters, "_BLOCK", block)
        assert_as_exact_as_reference(
            adapt, adapt_reference, inputs_of(batch, n_frames, n_controls, hidden, dtype, n_frames)
        )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("slopes", [(-0.7, -0.1), (0.0, 0.25), (0.25, 0.0), (0.0, 0.0), (1.0, 3.0)])
def test_kernel_equals_its_reference_for_any_slope(slopes: tuple[float, float], dtype: torch.dtype) -> None:
    inputs = list(inputs_of(2, 33, 5, 3, dtype, 1))
    inputs[3], inputs[6] = (torch.tensor([slope], dtype=dtype) for slope in slopes)
    assert_as_exact_as_reference(adapt, adapt_reference, inputs)


@pytest.mark.parametrize("n_controls", [1, 5, 33, 61])
def test_slope_gradients_of_a_real_size_are_exact(n_controls: int) -> None:
    inputs = inputs_of(4, 129, n_controls, (2 + n_controls) // 2, torch.float32, 2)
    # Its error would hide behind a pull that cancels.
    pull = torch.rand(4, 129, n_controls, generator=generator(2, "pull"))
    exact = value_and_gradients(adapt_reference, [tensor.double() for tensor in inputs], pull)
    found = value_and_gradients(adapt, inputs, pull)
    for slope in (4, 7):
        torch.testing.assert_close(found[slope].double(), exact[slope], rtol=2e-6, atol=0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_memory_order_does_not_matter(dtype: torch.dtype) -> None:
    assert_memory_order_does_not_matter(adapt, inputs_of(3, 11, 5, 4, dtype, 3))


def test_a_value_that_is_not_a_number_stays_in_its_frame() -> None:
    curve, *weights = inputs_of(2, 7, 3, 4, torch.float32, 4)
    curve[1, 2] = torch.nan
    found = adapt(curve, *weights).isnan()
    assert bool(found[1, 2].all())
    assert int(found.sum()) == 3
    gradients, expected = (value_and_gradients(function, (curve, *weights)) for function in (adapt, adapt_reference))
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other, equal_nan=True)


def test_a_graph_that_is_kept_can_be_walked_twice() -> None:
    inputs = [tensor.requires_grad_() for tensor in inputs_of(2, 9, 5, 3, torch.float64, 5)]
    total = adapt(*inputs).square().sum()
    first = torch.autograd.grad(total, inputs, retain_graph=True)
    second = torch.autograd.grad(total, inputs)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_weights_written_to_before_the_gradient_are_noticed() -> None:
    adapter = Adapter(5)
    total = adapter(torch.rand(2, 9)).sum()
    with torch.no_grad():
        adapter.layers[1].weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_frozen_weights_leave_the_curve_its_gradient() -> None:
    curve, *weights = inputs_of(2, 9, 5, 3, torch.float64, 6)
    _, expected, *_ = value_and_gradients(adapt, (curve, *weights))
    _, found = value_and_gradients(lambda curve: adapt(curve, *weights), (curve,))
    assert torch.equal(found, expected)


@pytest.mark.parametrize(("n_controls", "hidden"), [(1, 1), (3, 2)])
def test_gradient_and_its_gradient_equal_finite_differences(n_controls: int, hidden: int) -> None:
    inputs = [tensor.requires_grad_() for tensor in inputs_of(2, 3, n_controls, hidden, torch.float64, 7)]
    assert torch.autograd.gradcheck(adapt, inputs)
    assert torch.autograd.gradgradcheck(adapt, inputs)
