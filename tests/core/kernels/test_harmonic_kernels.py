"""The harmonic oscillator's kernels: their references' numbers and gradients, and a recurrence that stays exact."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.seeding import generator
from core.synths.harmonic import (
    audible,
    audible_reference,
    exp_sigmoid,
    exp_sigmoid_reference,
    n_audible,
    sum_of_harmonics,
    sum_of_harmonics_reference,
)
from tests.core.kernels.closeness import (
    EXACT,
    assert_as_exact_as_reference,
    assert_memory_order_does_not_matter,
    assert_same_bits,
    distance,
    value_and_gradients,
)

FLOATS = (torch.float32, torch.float64)
SAMPLE_RATE = 16_000


def inputs_of(
    batch: int, n_frames: int, n_harmonics: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Amplitudes, pitches from 20 Hz to 9 kHz, phases."""
    draw = generator(seed, "harmonics")
    amplitudes = torch.rand(batch, n_frames, n_harmonics, dtype=torch.float64, generator=draw)
    f0_hz = 20 * 450 ** torch.rand(batch, generator=draw)
    return amplitudes.to(dtype), f0_hz, torch.rand(batch, generator=draw)


def slow(amplitudes: Tensor, f0_hz: Tensor, phase: Tensor, n_samples: int, sample_rate: int, hop_length: int) -> Tensor:
    count = n_audible(f0_hz, amplitudes.shape[2], sample_rate)
    increment = f0_hz.double() / sample_rate
    return sum_of_harmonics_reference(amplitudes, count, increment, phase.double(), n_samples, hop_length)


@given(st.integers(1, 3), st.integers(1, 30), st.integers(1, 301), st.integers(1, 60), st.integers(0, 2), st.data())
@settings(max_examples=40, derandomize=True)
def test_sum_equals_its_reference_at_any_size(
    batch: int, n_harmonics: int, n_samples: int, hop_length: int, spare: int, data: st.DataObject
) -> None:
    n_frames = -(-n_samples // hop_length) + 1 + spare
    dtype = data.draw(st.sampled_from(FLOATS))
    amplitudes, f0_hz, phase = inputs_of(batch, n_frames, n_harmonics, dtype, n_samples)
    what = (f0_hz, phase, n_samples, SAMPLE_RATE, hop_length)
    assert_as_exact_as_reference(
        lambda a: sum_of_harmonics(a, *what), lambda a: slow(a, *what), (amplitudes,), times=10
    )


@pytest.mark.parametrize(
    ("f0_hz", "phase"), [(20.0, 0.0), (20.0, 0.5), (440.0, 0.25), (500.0, 0.0), (2000.0, 0.0), (7999.0, 0.1)]
)
def test_recurrence_stays_exact_over_a_second_and_many_harmonics(f0_hz: float, phase: float) -> None:
    amplitudes, _, _ = inputs_of(1, 129, 150, torch.float64, 1)
    what = (torch.tensor([f0_hz]), torch.tensor([phase]), 48_000, 48_000, 375)
    exact, pulled = value_and_gradients(lambda a: slow(a, *what), (amplitudes,))
    found, found_pull = value_and_gradients(lambda a: sum_of_harmonics(a, *what), (amplitudes,))
    assert distance(found, exact) < EXACT
    assert distance(found_pull, pulled) < EXACT


def test_harmonics_at_or_above_nyquist_are_left_out_and_have_no_gradient() -> None:
    f0_hz = torch.tensor([2000.0, 1999.0, 9000.0, 100.0])
    assert n_audible(f0_hz, 10, SAMPLE_RATE).tolist() == [3, 4, 0, 10]
    amplitudes, _, phase = inputs_of(4, 5, 10, torch.float64, 2)
    audio, gradient = value_and_gradients(
        lambda a: sum_of_harmonics(a, f0_hz, phase, 40, SAMPLE_RATE, 10), (amplitudes,)
    )
    for clip, count in enumerate([3, 4, 0, 10]):
        i = slice(clip, clip + 1)
        assert float(gradient[clip, :, count:].abs().sum()) == 0
        assert bool((gradient[clip, :, :count].abs().sum(0) > 0).all())
        if count:
            alone = sum_of_harmonics(amplitudes[i, :, :count], f0_hz[i], phase[i], 40, SAMPLE_RATE, 10)
            assert torch.equal(alone, audio[i])
    assert float(audio[2].abs().max()) == 0
    shares = audible(amplitudes, f0_hz, SAMPLE_RATE)
    assert torch.equal(shares != 0, torch.arange(10) < n_audible(f0_hz, 10, SAMPLE_RATE)[:, None, None].expand(4, 5, 1))


@pytest.mark.parametrize("dtype", FLOATS)
def test_memory_order_does_not_matter(dtype: torch.dtype) -> None:
    amplitudes, f0_hz, phase = inputs_of(3, 11, 9, dtype, 3)
    assert_memory_order_does_not_matter(
        lambda a: sum_of_harmonics(a, f0_hz, phase, 101, SAMPLE_RATE, 11), (amplitudes,)
    )
    assert_memory_order_does_not_matter(lambda a: audible(a, f0_hz, SAMPLE_RATE), (amplitudes,))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_clip_alone_equals_the_clip_in_a_batch(dtype: torch.dtype) -> None:
    amplitudes, f0_hz, phase = inputs_of(4, 11, 9, dtype, 4)
    pull = torch.randn(4, 101, generator=generator(4, "pull")).to(dtype)
    together = value_and_gradients(
        lambda a: sum_of_harmonics(a, f0_hz, phase, 101, SAMPLE_RATE, 11), (amplitudes,), pull
    )
    for clip in range(4):
        i = slice(clip, clip + 1)
        alone = value_and_gradients(
            lambda a, i=i: sum_of_harmonics(a, f0_hz[i], phase[i], 101, SAMPLE_RATE, 11), (amplitudes[i],), pull[i]
        )
        assert_same_bits(alone, [tensor[i] for tensor in together])


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 70), st.sampled_from(FLOATS))
@settings(max_examples=25, derandomize=True)
def test_shares_equal_their_reference_at_any_size(
    batch: int, n_frames: int, n_harmonics: int, dtype: torch.dtype
) -> None:
    distribution, f0_hz, _ = inputs_of(batch, n_frames, n_harmonics, dtype, n_harmonics)
    count = n_audible(f0_hz, n_harmonics, SAMPLE_RATE)
    assert_as_exact_as_reference(
        lambda d: audible(d, f0_hz, SAMPLE_RATE), lambda d: audible_reference(d, count), (distribution + 0.01,)
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_shares_of_nearly_nothing_equal_their_reference(dtype: torch.dtype) -> None:
    distribution, f0_hz, _ = inputs_of(2, 3, 5, dtype, 5)
    count = n_audible(f0_hz, 5, SAMPLE_RATE)
    for scale in (0.0, 1e-14):
        assert_as_exact_as_reference(
            lambda d: audible(d, f0_hz, SAMPLE_RATE), lambda d: audible_reference(d, count), (scale * distribution,)
        )


@pytest.mark.parametrize("dtype", FLOATS)
def test_exp_sigmoid_equals_its_definition(dtype: torch.dtype) -> None:
    x = torch.cat([torch.linspace(-30, 30, 4001), torch.tensor([-1e4, -200.0, -104.0, -90.0, 0.0, 90.0, 1e4])])
    assert_as_exact_as_reference(exp_sigmoid, exp_sigmoid_reference, (x.to(dtype),))
    defined = 2 * torch.sigmoid(x.double()) ** math.log(10) + 1e-7
    torch.testing.assert_close(exp_sigmoid(x.to(dtype)).double(), defined, rtol=1e-6, atol=0)


def test_gradients_and_their_gradients_equal_finite_differences() -> None:
    amplitudes, _, phase = inputs_of(2, 4, 6, torch.float64, 6)
    amplitudes = (amplitudes + 0.1).requires_grad_()
    f0_hz = torch.tensor([500.0, 1900.0])
    for function in (
        lambda a: sum_of_harmonics(a.square(), f0_hz, phase, 25, SAMPLE_RATE, 9),
        lambda a: audible(a, f0_hz, SAMPLE_RATE),
        lambda a: exp_sigmoid(4 * a - 2),
    ):
        assert torch.autograd.gradcheck(function, (amplitudes,))
        assert torch.autograd.gradgradcheck(function, (amplitudes,))
