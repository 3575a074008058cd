"""The low-pass's kernel against the library's padding and convolution."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.parameterizations.lowpass import LowPass, convolve, convolve_reference, lowpass_kernel
from core.seeding import generator
from tests.core.kernels.closeness import (
    assert_as_exact_as_reference,
    assert_memory_order_does_not_matter,
    assert_same_bits,
    value_and_gradients,
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
def test_kernel_equals_its_reference_at_any_size(
    shape: list[int], n_frames: int, half: int, dtype: torch.dtype
) -> None:
    taps = torch.rand(half + 1, dtype=torch.float64, generator=generator(half, "taps")).float()
    assert_equals_reference(frames_of((*shape, n_frames), dtype, n_frames), torch.cat([taps, taps[:-1].flip(0)]))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("cutoff_hz", "frame_rate", "n_frames"), [(8.0, 128.0, 129), (8.0, 500.0, 1501)])
def test_module_equals_the_reference(cutoff_hz: float, frame_rate: float, n_frames: int, dtype: torch.dtype) -> None:
    lowpass, frames = LowPass(cutoff_hz, frame_rate), frames_of((2, 3, n_frames), dtype, 1)
    torch.testing.assert_close(lowpass(frames), convolve_reference(frames, lowpass.taps.to(dtype)))
    assert_equals_reference(frames, lowpass.taps)


@pytest.mark.parametrize("dtype", FLOATS)
def test_memory_order_does_not_matter(dtype: torch.dtype) -> None:
    taps = lowpass_kernel(8.0, 128.0).to(dtype)
    assert_memory_order_does_not_matter(lambda frames: convolve(frames, taps), (frames_of((3, 2, 40), dtype, 2),))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_curve_alone_equals_the_curve_in_a_batch(dtype: torch.dtype) -> None:
    taps, frames = lowpass_kernel(8.0, 128.0).to(dtype), frames_of((4, 3, 51), dtype, 3)
    pull = frames_of((4, 3, 51), dtype, 4)
    together = value_and_gradients(lambda frames: convolve(frames, taps), (frames,), pull)
    for clip in range(4):
        alone = value_and_gradients(lambda frames: convolve(frames, taps), (frames[clip, 1],), pull[clip, 1])
        assert_same_bits(alone, [tensor[clip, 1] for tensor in together])


@pytest.mark.parametrize("n_frames", [1, 2, 5, 30])
def test_gradient_and_its_gradient_equal_finite_differences(n_frames: int) -> None:
    taps, frames = lowpass_kernel(8.0, 128.0), frames_of((2, n_frames), torch.float64, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda frames: convolve(frames, taps), (frames,))
    assert torch.autograd.gradgradcheck(lambda frames: convolve(frames.square(), taps), (frames,))


def test_what_is_not_a_number_stays_as_near_as_the_taps_reach() -> None:
    taps, frames = lowpass_kernel(8.0, 128.0).float(), frames_of((2, 60), torch.float32, 6)
    frames[0, 30] = torch.nan
    found = convolve(frames, taps)
    assert torch.equal(found.isnan(), convolve_reference(frames, taps).isnan())
    assert int(found.isnan().sum()) == len(taps)
