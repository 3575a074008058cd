"""Pool, PReLU and norm in two passes against the three layers of the library."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.encoder.pooling import pool_activate, pool_activate_reference
from core.seeding import generator
from tests.core.kernels.closeness import (
    assert_as_exact_as_reference,
    assert_memory_order_does_not_matter,
    assert_same_bits,
    value_and_gradients,
)

FLOATS = (torch.float32, torch.float64)


def inputs_of(
    batch: int, channels: int, n_mels: int, n_frames: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, Tensor]:
    """Noise, and slopes of which some are negative."""
    draw = generator(seed, "pooling")
    x = torch.randn(batch, channels, n_mels, n_frames, dtype=torch.float64, generator=draw)
    slope = torch.rand(channels, dtype=torch.float64, generator=draw) - 0.3
    return x.to(dtype), slope.to(dtype)


def assert_equals_reference(x: Tensor, slope: Tensor, normalise: bool, times: float = 4.0) -> None:
    assert_as_exact_as_reference(
        lambda x, slope: pool_activate(x, slope, normalise=normalise),
        lambda x, slope: pool_activate_reference(x, slope, normalise),
        (x, slope),
        times,
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
def test_kernel_equals_its_reference_at_any_size(
    batch: int, channels: int, n_mels: int, n_frames: int, normalise: bool, dtype: torch.dtype
) -> None:
    # The norm of two or three numbers magnifies rounding.
    normalise = normalise and (n_mels // 2) * n_frames > 3
    assert_equals_reference(*inputs_of(batch, channels, n_mels, n_frames, dtype, n_frames), normalise)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("slope", [-0.7, 0.0, 0.25, 1.0, 3.0])
@pytest.mark.parametrize("n_mels", [8, 9])
def test_kernel_equals_its_reference_for_any_slope_and_odd_bands(
    n_mels: int, slope: float, normalise: bool, dtype: torch.dtype
) -> None:
    x, slopes = inputs_of(2, 5, n_mels, 33, dtype, 1)
    assert_equals_reference(x, torch.full_like(slopes, slope), normalise)


@pytest.mark.parametrize("normalise", [False, True])
def test_a_band_without_partner_has_no_gradient(normalise: bool) -> None:
    inputs = inputs_of(2, 3, 7, 11, torch.float32, 2)
    _, gradient, _ = value_and_gradients(lambda x, s: pool_activate(x, s, normalise=normalise), inputs)
    assert float(gradient[:, :, -1].abs().max()) == 0
    assert bool((gradient[:, :, :-1].abs().sum((0, 1, 3)) > 0).all())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("normalise", [False, True])
def test_of_equal_bands_the_first_gets_the_gradient_as_in_the_library(normalise: bool, dtype: torch.dtype) -> None:
    x, slope = inputs_of(2, 4, 8, 20, dtype, 3)
    coarse = (2 * x).round() / 2
    assert float((coarse[:, :, ::2] == coarse[:, :, 1::2]).double().mean()) > 0.1
    assert bool((coarse == 0).any())
    assert_equals_reference(coarse, slope, normalise)
    assert_equals_reference(x[:, :, :1].expand(-1, -1, 8, -1).contiguous(), slope, normalise)


@pytest.mark.parametrize("band", [2, 3, 6])
@pytest.mark.parametrize("normalise", [False, True])
def test_what_is_not_a_number_is_not_hidden(normalise: bool, band: int) -> None:
    x, slope = inputs_of(2, 3, 7, 5, torch.float32, 4)
    x[0, 1, band, 2] = torch.nan
    found, expected = pool_activate(x, slope, normalise=normalise), pool_activate_reference(x, slope, normalise)
    assert torch.equal(found.isnan(), expected.isnan())
    assert bool(found.isnan().any()) == (band < 6)
    torch.testing.assert_close(found, expected, equal_nan=True)


@pytest.mark.parametrize("offset", [1.0, 10.0, -10.0])
def test_a_mean_of_ten_deviations_costs_little(offset: float) -> None:
    x, slope = inputs_of(2, 4, 8, 101, torch.float32, 5)
    exact = pool_activate_reference((x + offset).double(), slope.double(), True)
    torch.testing.assert_close(pool_activate(x + offset, slope, normalise=True).double(), exact, atol=2e-5, rtol=0)


def test_a_constant_channel_stays_near_zero_and_finite() -> None:
    x, slope = torch.full((1, 2, 8, 50), 0.7), torch.tensor([0.25, -0.25])
    x[:, 1] = -3.0
    found = value_and_gradients(lambda x, slope: pool_activate(x, slope, normalise=True), (x, slope))
    assert all(bool(tensor.isfinite().all()) for tensor in found)
    assert float(found[0].abs().max()) < 1e-3


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_memory_order_does_not_matter(normalise: bool, dtype: torch.dtype) -> None:
    x, slope = inputs_of(2, 4, 7, 9, dtype, 6)
    assert_memory_order_does_not_matter(lambda x, s: pool_activate(x, s, normalise=normalise), (x, slope))
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(pool_activate(last, slope, normalise=normalise), pool_activate(x, slope, normalise=normalise))


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_clip_alone_equals_the_clip_in_a_batch(normalise: bool, dtype: torch.dtype) -> None:
    x, slope = inputs_of(4, 5, 8, 21, dtype, 7)
    pull = torch.randn(4, 5, 4, 21, generator=generator(4, "pull")).to(dtype)
    together = value_and_gradients(lambda x: pool_activate(x, slope, normalise=normalise), (x,), pull)
    for clip in range(4):
        i = slice(clip, clip + 1)
        alone = value_and_gradients(lambda x: pool_activate(x, slope, normalise=normalise), (x[i],), pull[i])
        assert_same_bits(alone, [tensor[i] for tensor in together])


@pytest.mark.parametrize("normalise", [False, True])
def test_gradient_equals_finite_differences(normalise: bool) -> None:
    inputs = [tensor.requires_grad_() for tensor in inputs_of(2, 3, 5, 4, torch.float64, 8)]
    assert torch.autograd.gradcheck(lambda x, s: pool_activate(x, s, normalise=normalise), inputs)


def test_a_second_derivative_is_refused() -> None:
    x, slope = inputs_of(1, 2, 4, 5, torch.float32, 9)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(pool_activate(x, slope, normalise=True).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
