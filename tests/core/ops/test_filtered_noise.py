"""Filtered noise: convolution tap by tap against FFTs of blocks, and the filters against an inverse FFT."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops.filtered_noise import band_filters, band_filters_reference, filter_noise, filter_noise_reference
from core.seeding import generator
from tests.support.closeness import (
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    memory_layouts,
    value_and_grads,
)

FLOATS = (torch.float32, torch.float64)


def inputs_of(
    batch: int, n_blocks: int, hop_length: int, n_taps: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, Tensor]:
    """Noise, and filters for one frame more than it has blocks."""
    draw = generator(seed, "noise")
    noise = 2 * torch.rand(batch, n_blocks * hop_length, dtype=torch.float64, generator=draw) - 1
    filters = torch.randn(batch, n_blocks + 1, n_taps, dtype=torch.float64, generator=draw)
    return noise.to(dtype), filters.to(dtype)


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 60), st.integers(1, 70), st.sampled_from(FLOATS))
@settings(max_examples=40, derandomize=True)
def test_kernel_equals_reference_at_any_size(
    batch: int, n_blocks: int, hop_length: int, n_taps: int, dtype: torch.dtype
) -> None:
    noise, filters = inputs_of(batch, n_blocks, hop_length, n_taps, dtype, n_taps)
    assert_as_exact_as_reference(
        lambda f: filter_noise(noise.to(f.dtype), f, hop_length),
        lambda f: filter_noise_reference(noise.to(f.dtype), f, hop_length),
        (filters,),
    )


def test_frames_after_the_last_block_have_no_gradient() -> None:
    noise, filters = inputs_of(2, 4, 10, 8, torch.float32, 1)
    _, grad = value_and_grads(lambda f: filter_noise(noise, f, 10), (filters,))
    assert float(grad[:, 4:].abs().max()) == 0
    assert bool((grad[:, :4].abs().sum(2) > 0).all())


@pytest.mark.parametrize(("n_samples", "n_frames"), [(41, 5), (50, 4), (50, 1)])
def test_incomplete_blocks_and_too_few_frames_raise(n_samples: int, n_frames: int) -> None:
    with pytest.raises(ValueError, match=re.escape(f"got {n_samples} samples and {n_frames} frames")):
        filter_noise(torch.zeros(1, n_samples), torch.zeros(1, n_frames, 8), 10)


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    noise, filters = inputs_of(3, 5, 11, 8, dtype, 2)
    assert_independent_of_memory_layout(lambda f: filter_noise(noise, f, 11), (filters,))
    expected = filter_noise(noise, filters, 11)
    assert all(torch.equal(filter_noise(strided, filters, 11), expected) for strided in memory_layouts(noise))


@pytest.mark.parametrize("dtype", FLOATS)
def test_clip_has_the_same_result_alone_and_in_a_batch(dtype: torch.dtype) -> None:
    noise, filters = inputs_of(4, 5, 11, 8, dtype, 3)
    grad_output = torch.randn(4, 55, generator=generator(4, "gradient")).to(dtype)
    batched = value_and_grads(lambda f: filter_noise(noise, f, 11), (filters,), grad_output)
    for clip in range(4):
        i = slice(clip, clip + 1)
        single = value_and_grads(lambda f, i=i: filter_noise(noise[i], f, 11), (filters[i],), grad_output[i])
        assert_same_bits(single, [tensor[i] for tensor in batched])


def test_noise_that_requires_a_gradient_gets_that_of_the_reference() -> None:
    noise, filters = inputs_of(2, 3, 10, 8, torch.float64, 4)
    assert_as_exact_as_reference(
        lambda n, f: filter_noise(n, f, 10), lambda n, f: filter_noise_reference(n, f, 10), (noise, filters)
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("n_bands", "n_taps"), [(2, 2), (3, 4), (33, 64), (33, 30), (65, 64)])
def test_band_filters_equal_reference(n_bands: int, n_taps: int, dtype: torch.dtype) -> None:
    magnitudes = torch.rand(2, 5, n_bands, dtype=torch.float64, generator=generator(5, "bands")).to(dtype)
    assert_as_exact_as_reference(
        lambda m: band_filters(m, n_taps), lambda m: band_filters_reference(m, n_taps), (magnitudes,)
    )


def test_first_and_second_derivatives_equal_finite_differences() -> None:
    # Both are linear; without the squares their second derivatives would be zero.
    noise, filters = inputs_of(2, 3, 7, 6, torch.float64, 6)
    assert_twice_differentiable(lambda f: filter_noise(noise, f.square(), 7), (filters,))
    magnitudes = torch.rand(1, 3, 5, dtype=torch.float64, generator=generator(6, "bands"))
    assert_twice_differentiable(lambda m: band_filters(m, 8).square(), (magnitudes,))
