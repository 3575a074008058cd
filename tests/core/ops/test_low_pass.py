"""Low-pass: the kernel against the reference, values and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops.low_pass import convolve, convolve_reference, lowpass_kernel
from core.seeding import generator
from tests.support.closeness import (
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    value_and_grads,
)

FLOATS = (torch.float32, torch.float64)


def frames_of(shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=generator(seed, "frames")).to(dtype)


def assert_equals_reference(frames: Tensor, taps: Tensor) -> None:
    assert_as_exact_as_reference(
        lambda frames: convolve(frames, taps.to(frames.dtype)),
        lambda frames: convolve_reference(frames, taps.to(frames.dtype)),
        (frames,),
    )


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=2),
    st.integers(1, 300),
    st.integers(0, 40),
    st.sampled_from(FLOATS),
)
@settings(max_examples=60, derandomize=True)
def test_kernel_equals_reference_at_any_size(shape: list[int], n_frames: int, half: int, dtype: torch.dtype) -> None:
    taps = torch.rand(half + 1, dtype=torch.float64, generator=generator(half, "taps")).float()
    assert_equals_reference(frames_of((*shape, n_frames), dtype, n_frames), torch.cat([taps, taps[:-1].flip(0)]))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("cutoff_hz", "frame_rate", "n_frames"), [(8.0, 128.0, 129), (8.0, 500.0, 1501)])
def test_kernel_equals_reference_at_realistic_sizes(
    cutoff_hz: float, frame_rate: float, n_frames: int, dtype: torch.dtype
) -> None:
    assert_equals_reference(frames_of((2, 3, n_frames), dtype, 1), lowpass_kernel(cutoff_hz, frame_rate))


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    taps = lowpass_kernel(8.0, 128.0).to(dtype)
    assert_independent_of_memory_layout(lambda frames: convolve(frames, taps), (frames_of((3, 2, 40), dtype, 2),))


@pytest.mark.parametrize("dtype", FLOATS)
def test_curve_has_the_same_result_alone_and_in_a_batch(dtype: torch.dtype) -> None:
    taps, frames = lowpass_kernel(8.0, 128.0).to(dtype), frames_of((4, 3, 51), dtype, 3)
    grad_output = frames_of((4, 3, 51), dtype, 4)
    batched = value_and_grads(lambda frames: convolve(frames, taps), (frames,), grad_output)
    for clip in range(4):
        single = value_and_grads(lambda frames: convolve(frames, taps), (frames[clip, 1],), grad_output[clip, 1])
        assert_same_bits(single, [tensor[clip, 1] for tensor in batched])


@pytest.mark.parametrize("n_frames", [1, 2, 5, 30])
def test_first_and_second_derivatives_equal_finite_differences(n_frames: int) -> None:
    taps, frames = lowpass_kernel(8.0, 128.0), frames_of((2, n_frames), torch.float64, 5)
    # The convolution is linear; without the square its second derivative would be zero.
    assert_twice_differentiable(lambda frames: convolve(frames.square(), taps), (frames,))


def test_nan_reaches_as_far_as_the_taps() -> None:
    taps, frames = lowpass_kernel(8.0, 128.0).float(), frames_of((2, 60), torch.float32, 6)
    frames[0, 30] = torch.nan
    result = convolve(frames, taps)
    assert torch.equal(result.isnan(), convolve_reference(frames, taps).isnan())
    assert int(result.isnan().sum()) == len(taps)
