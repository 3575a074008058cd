"""Two-operator FM: Bessel's sidebands, the kernel against the reference, and the index that keeps below Nyquist."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import jv
from torch import Tensor

from core.ops.phase import constant_pitch_phase
from core.ops.phase_modulation import SIDEBAND_FLOOR, largest_index, modulate_phase, modulate_phase_reference
from core.seeding import generator
from tests.support.closeness import (
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    value_and_grads,
)

FLOATS = (torch.float32, torch.float64)


def inputs_of(batch: int, n_frames: int, n_samples: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, Tensor]:
    """Indices up to 9 and phases over some cycles."""
    draw = generator(seed, "modulate")
    index = 9 * torch.rand(batch, n_frames, dtype=torch.float64, generator=draw)
    return index.to(dtype), 9 * torch.rand(batch, n_samples, dtype=torch.float64, generator=draw)


def test_sidebands_have_the_amplitudes_of_bessel_functions() -> None:
    """One second, so that bin k is k Hz: sidebands at 1000 +- 200 k Hz, negative ones mirrored with their sign."""
    rate, index = 8000, 3.0
    phase = constant_pitch_phase(torch.tensor([1000.0]), torch.zeros(1), rate, rate)
    audio = modulate_phase(torch.full((1, 81), index, dtype=torch.float64), phase, 0.2, 100)[0]
    found = np.fft.rfft(audio.numpy()) * 2 / rate
    expected = np.zeros(rate // 2 + 1)
    for k in range(-14, 15):
        hz = 1000 + 200 * k
        expected[abs(hz)] += math.copysign(1.0, hz) * jv(k, index) if hz else 0.0
    np.testing.assert_allclose(-found.imag, expected, atol=1e-8)
    np.testing.assert_allclose(found.real, 0, atol=1e-8)


@given(st.integers(1, 3), st.integers(1, 90), st.integers(1, 30), st.sampled_from([1.0, 2.0, 1.41]), st.data())
@settings(max_examples=30, derandomize=True)
def test_it_equals_the_reference_at_any_size(
    batch: int, n_samples: int, hop_length: int, ratio: float, data: st.DataObject
) -> None:
    n_frames = -(-n_samples // hop_length) + 1 + data.draw(st.integers(0, 2))
    index, phase = inputs_of(batch, n_frames, n_samples, data.draw(st.sampled_from(FLOATS)), n_samples)
    assert_as_exact_as_reference(
        lambda i: modulate_phase(i, phase, ratio, hop_length),
        lambda i: modulate_phase_reference(i, phase, ratio, hop_length),
        (index,),
    )


def test_first_and_second_derivatives_equal_finite_differences() -> None:
    index, phase = inputs_of(2, 3, 7, torch.float64, 1)
    assert_twice_differentiable(lambda i, p: modulate_phase(i, p, 1.5, 4), (index, phase))


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout_or_batch(dtype: torch.dtype) -> None:
    index, phase = inputs_of(3, 6, 41, dtype, 2)
    assert_independent_of_memory_layout(lambda i: modulate_phase(i, phase, 2.5, 10), (index,))
    grad_output = torch.randn(3, 41, generator=generator(2, "gradient")).to(dtype)
    batched = value_and_grads(lambda i: modulate_phase(i, phase, 2.5, 10), (index,), grad_output)
    for clip in range(3):
        i = slice(clip, clip + 1)
        single = value_and_grads(lambda x, i=i: modulate_phase(x, phase[i], 2.5, 10), (index[i],), grad_output[i])
        assert_same_bits(single, [tensor[i] for tensor in batched])


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0, 3.7])
@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
def test_no_sideband_above_nyquist_is_louder_than_the_floor(ratio: float, sample_rate: int) -> None:
    pitch_hz = torch.tensor([32.7, 110.0, 523.25, 3000.0, 7900.0])
    for pitch, index in zip(pitch_hz.tolist(), largest_index(pitch_hz, ratio, sample_rate).tolist(), strict=True):
        first = max(math.ceil((sample_rate / 2 / pitch - 1) / ratio), 1)
        above = np.abs(jv(np.arange(first, first + 400), index))
        assert above.max() <= SIDEBAND_FLOOR * (1 + 1e-6)
        assert np.abs(jv(first, 1.5 * index)) > SIDEBAND_FLOOR, "the bound is not far from the exact one"


def test_a_higher_pitch_never_allows_a_larger_index() -> None:
    index = largest_index(torch.logspace(1.5, 4, 300), 1.0, 48_000)
    assert bool((index.diff() <= 0).all())
    assert float(index[-1]) == pytest.approx(2 * math.sqrt(2 * SIDEBAND_FLOOR), rel=1e-5)
