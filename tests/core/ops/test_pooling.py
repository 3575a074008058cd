"""Max-pool, PReLU and layer norm: the kernel against torch's three layers, values and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops.pooling import pool_activate, pool_activate_reference
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


def inputs_of(
    batch: int, channels: int, n_mels: int, n_frames: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, Tensor]:
    """Noise and slopes; some slopes are negative."""
    draw = generator(seed, "pooling")
    x = torch.randn(batch, channels, n_mels, n_frames, dtype=torch.float64, generator=draw)
    slope = torch.rand(channels, dtype=torch.float64, generator=draw) - 0.3
    return x.to(dtype), slope.to(dtype)


def fast(normalise: bool) -> Function:
    return lambda x, slope: pool_activate(x, slope, normalise=normalise)


def assert_equals_reference(x: Tensor, slope: Tensor, normalise: bool) -> None:
    assert_as_exact_as_reference(
        fast(normalise), lambda x, slope: pool_activate_reference(x, slope, normalise), (x, slope)
    )


@given(
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(2, 17),
    st.integers(1, 40),
    st.booleans(),
    st.sampled_from(FLOATS),
)
@settings(max_examples=25, derandomize=True)
def test_kernel_equals_reference_at_any_size(
    batch: int, channels: int, n_mels: int, n_frames: int, normalise: bool, dtype: torch.dtype
) -> None:
    # Normalising two or three values amplifies rounding errors.
    normalise = normalise and (n_mels // 2) * n_frames > 3
    assert_equals_reference(*inputs_of(batch, channels, n_mels, n_frames, dtype, n_frames), normalise)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("slope", [-0.7, 0.0, 0.25, 1.0, 3.0])
@pytest.mark.parametrize("n_mels", [8, 9])
def test_kernel_equals_reference_for_any_slope_and_odd_numbers_of_bands(
    n_mels: int, slope: float, normalise: bool, dtype: torch.dtype
) -> None:
    x, slopes = inputs_of(2, 5, n_mels, 33, dtype, 1)
    assert_equals_reference(x, torch.full_like(slopes, slope), normalise)


@pytest.mark.parametrize("normalise", [False, True])
def test_last_of_an_odd_number_of_bands_has_no_gradient(normalise: bool) -> None:
    _, grad, _ = value_and_grads(fast(normalise), inputs_of(2, 3, 7, 11, torch.float32, 2))
    assert float(grad[:, :, -1].abs().max()) == 0
    assert bool((grad[:, :, :-1].abs().sum((0, 1, 3)) > 0).all())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("normalise", [False, True])
def test_first_of_two_equal_bands_gets_the_gradient_as_in_torch(normalise: bool, dtype: torch.dtype) -> None:
    x, slope = inputs_of(2, 4, 8, 20, dtype, 3)
    coarse = (2 * x).round() / 2
    assert float((coarse[:, :, ::2] == coarse[:, :, 1::2]).double().mean()) > 0.1
    assert bool((coarse == 0).any())
    assert_equals_reference(coarse, slope, normalise)
    assert_equals_reference(x[:, :, :1].expand(-1, -1, 8, -1).contiguous(), slope, normalise)


@pytest.mark.parametrize("band", [2, 3, 6])
@pytest.mark.parametrize("normalise", [False, True])
def test_nan_propagates_as_in_the_reference(normalise: bool, band: int) -> None:
    x, slope = inputs_of(2, 3, 7, 5, torch.float32, 4)
    x[0, 1, band, 2] = torch.nan
    result, expected = pool_activate(x, slope, normalise=normalise), pool_activate_reference(x, slope, normalise)
    assert torch.equal(result.isnan(), expected.isnan())
    assert bool(result.isnan().any()) == (band < 6)
    torch.testing.assert_close(result, expected, equal_nan=True)


@pytest.mark.parametrize("offset", [1.0, 10.0, -10.0])
def test_error_is_small_for_a_mean_of_ten_standard_deviations(offset: float) -> None:
    x, slope = inputs_of(2, 4, 8, 101, torch.float32, 5)
    exact = pool_activate_reference((x + offset).double(), slope.double(), True)
    torch.testing.assert_close(pool_activate(x + offset, slope, normalise=True).double(), exact, atol=2e-5, rtol=0)


def test_constant_channel_gives_finite_values_near_zero() -> None:
    x, slope = torch.full((1, 2, 8, 50), 0.7), torch.tensor([0.25, -0.25])
    x[:, 1] = -3.0
    value, *grads = value_and_grads(fast(True), (x, slope))
    assert all(bool(tensor.isfinite().all()) for tensor in (value, *grads))
    assert float(value.abs().max()) < 1e-3


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(normalise: bool, dtype: torch.dtype) -> None:
    x, slope = inputs_of(2, 4, 7, 9, dtype, 6)
    assert_independent_of_memory_layout(fast(normalise), (x, slope))
    channels_last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(fast(normalise)(channels_last, slope), fast(normalise)(x, slope))


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_clip_has_the_same_result_alone_and_in_a_batch(normalise: bool, dtype: torch.dtype) -> None:
    x, slope = inputs_of(4, 5, 8, 21, dtype, 7)
    grad_output = torch.randn(4, 5, 4, 21, generator=generator(4, "gradient")).to(dtype)
    batched = value_and_grads(lambda x: pool_activate(x, slope, normalise=normalise), (x,), grad_output)
    for clip in range(4):
        i = slice(clip, clip + 1)
        single = value_and_grads(lambda x: pool_activate(x, slope, normalise=normalise), (x[i],), grad_output[i])
        assert_same_bits(single, [tensor[i] for tensor in batched])


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("n_mels", [4, 5])
def test_first_and_second_derivatives_equal_finite_differences(n_mels: int, normalise: bool) -> None:
    x, slope = inputs_of(2, 2, n_mels, 3, torch.float64, 8)
    assert_twice_differentiable(fast(normalise), (x, slope))
    assert_twice_differentiable(lambda x: pool_activate(x, slope, normalise=normalise), (x,))
    assert_twice_differentiable(lambda slope: pool_activate(x, slope, normalise=normalise), (slope,))


def test_backward_can_run_twice_with_retain_graph() -> None:
    x, slope = inputs_of(1, 2, 4, 5, torch.float32, 10)
    x.requires_grad_()
    loss = pool_activate(x, slope, normalise=True).square().sum()
    first, second = (torch.autograd.grad(loss, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
