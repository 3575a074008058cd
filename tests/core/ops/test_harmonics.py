"""Harmonic oscillator: the kernels against the references, and the exactness of the sine recurrence."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops.harmonic_shares import (
    exp_sigmoid,
    exp_sigmoid_reference,
    n_below_nyquist,
    normalize_harmonics,
    normalize_harmonics_reference,
)
from core.ops.harmonics import (
    sum_of_harmonics,
    sum_of_harmonics_at,
    sum_of_harmonics_at_reference,
    sum_of_harmonics_reference,
)
from core.seeding import generator
from tests.support.closeness import (
    EXACT,
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    distance,
    value_and_grads,
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


def reference(
    amplitudes: Tensor, f0_hz: Tensor, phase: Tensor, n_samples: int, sample_rate: int, hop_length: int
) -> Tensor:
    count = n_below_nyquist(f0_hz, amplitudes.shape[2], sample_rate)
    increment = f0_hz.double() / sample_rate
    return sum_of_harmonics_reference(amplitudes, count, increment, phase.double(), n_samples, hop_length)


@given(st.integers(1, 3), st.integers(1, 30), st.integers(1, 301), st.integers(1, 60), st.integers(0, 2), st.data())
@settings(max_examples=40, derandomize=True)
def test_sum_equals_reference_at_any_size(
    batch: int, n_harmonics: int, n_samples: int, hop_length: int, spare: int, data: st.DataObject
) -> None:
    n_frames = -(-n_samples // hop_length) + 1 + spare
    dtype = data.draw(st.sampled_from(FLOATS))
    amplitudes, f0_hz, phase = inputs_of(batch, n_frames, n_harmonics, dtype, n_samples)
    arguments = (f0_hz, phase, n_samples, SAMPLE_RATE, hop_length)
    assert_as_exact_as_reference(
        lambda a: sum_of_harmonics(a, *arguments), lambda a: reference(a, *arguments), (amplitudes,), times=10
    )


@pytest.mark.parametrize(
    ("f0_hz", "phase"), [(20.0, 0.0), (20.0, 0.5), (440.0, 0.25), (500.0, 0.0), (2000.0, 0.0), (7999.0, 0.1)]
)
def test_recurrence_stays_exact_over_a_second_and_many_harmonics(f0_hz: float, phase: float) -> None:
    amplitudes, _, _ = inputs_of(1, 129, 150, torch.float64, 1)
    arguments = (torch.tensor([f0_hz]), torch.tensor([phase]), 48_000, 48_000, 375)
    expected = value_and_grads(lambda a: reference(a, *arguments), (amplitudes,))
    results = value_and_grads(lambda a: sum_of_harmonics(a, *arguments), (amplitudes,))
    for result, exact in zip(results, expected, strict=True):
        assert distance(result, exact) < EXACT


def test_harmonics_at_or_above_nyquist_are_left_out_and_have_no_gradient() -> None:
    f0_hz = torch.tensor([2000.0, 1999.0, 9000.0, 100.0])
    assert n_below_nyquist(f0_hz, 10, SAMPLE_RATE).tolist() == [3, 4, 0, 10]
    amplitudes, _, phase = inputs_of(4, 5, 10, torch.float64, 2)
    audio, grad = value_and_grads(lambda a: sum_of_harmonics(a, f0_hz, phase, 40, SAMPLE_RATE, 10), (amplitudes,))
    for clip, count in enumerate([3, 4, 0, 10]):
        i = slice(clip, clip + 1)
        assert float(grad[clip, :, count:].abs().sum()) == 0
        assert bool((grad[clip, :, :count].abs().sum(0) > 0).all())
        if count:
            single = sum_of_harmonics(amplitudes[i, :, :count], f0_hz[i], phase[i], 40, SAMPLE_RATE, 10)
            assert torch.equal(single, audio[i])
    assert float(audio[2].abs().max()) == 0
    shares = normalize_harmonics(amplitudes, f0_hz, SAMPLE_RATE)
    assert torch.equal(
        shares != 0, torch.arange(10) < n_below_nyquist(f0_hz, 10, SAMPLE_RATE)[:, None, None].expand(4, 5, 1)
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    amplitudes, f0_hz, phase = inputs_of(3, 11, 9, dtype, 3)
    assert_independent_of_memory_layout(
        lambda a: sum_of_harmonics(a, f0_hz, phase, 101, SAMPLE_RATE, 11), (amplitudes,)
    )
    assert_independent_of_memory_layout(lambda a: normalize_harmonics(a, f0_hz, SAMPLE_RATE), (amplitudes,))


@pytest.mark.parametrize("dtype", FLOATS)
def test_clip_has_the_same_result_alone_and_in_a_batch(dtype: torch.dtype) -> None:
    amplitudes, f0_hz, phase = inputs_of(4, 11, 9, dtype, 4)
    grad_output = torch.randn(4, 101, generator=generator(4, "gradient")).to(dtype)
    batched = value_and_grads(
        lambda a: sum_of_harmonics(a, f0_hz, phase, 101, SAMPLE_RATE, 11), (amplitudes,), grad_output
    )
    for clip in range(4):
        i = slice(clip, clip + 1)
        single = value_and_grads(
            lambda a, i=i: sum_of_harmonics(a, f0_hz[i], phase[i], 101, SAMPLE_RATE, 11),
            (amplitudes[i],),
            grad_output[i],
        )
        assert_same_bits(single, [tensor[i] for tensor in batched])


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 70), st.sampled_from(FLOATS))
@settings(max_examples=25, derandomize=True)
def test_normalized_harmonics_equal_reference_at_any_size(
    batch: int, n_frames: int, n_harmonics: int, dtype: torch.dtype
) -> None:
    distribution, f0_hz, _ = inputs_of(batch, n_frames, n_harmonics, dtype, n_harmonics)
    count = n_below_nyquist(f0_hz, n_harmonics, SAMPLE_RATE)
    # Times the distribution, since the share of a single harmonic is constant and its gradient only rounding error.
    assert_as_exact_as_reference(
        lambda d: d * normalize_harmonics(d, f0_hz, SAMPLE_RATE),
        lambda d: d * normalize_harmonics_reference(d, count),
        (distribution + 0.01,),
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_normalized_harmonics_equal_reference_where_their_sum_is_almost_zero(dtype: torch.dtype) -> None:
    distribution, f0_hz, _ = inputs_of(2, 3, 5, dtype, 5)
    count = n_below_nyquist(f0_hz, 5, SAMPLE_RATE)
    for scale in (0.0, 1e-14):
        assert_as_exact_as_reference(
            lambda d: normalize_harmonics(d, f0_hz, SAMPLE_RATE),
            lambda d: normalize_harmonics_reference(d, count),
            (scale * distribution,),
        )


@pytest.mark.parametrize("dtype", FLOATS)
def test_exp_sigmoid_equals_reference(dtype: torch.dtype) -> None:
    x = torch.cat([torch.linspace(-30, 30, 4001), torch.tensor([-1e4, -200.0, -104.0, -90.0, 0.0, 90.0, 1e4])])
    assert_as_exact_as_reference(exp_sigmoid, exp_sigmoid_reference, (x.to(dtype),))
    defined = 2 * torch.sigmoid(x.double()) ** math.log(10) + 1e-7
    torch.testing.assert_close(exp_sigmoid(x.to(dtype)).double(), defined, rtol=1e-6, atol=0)


def test_first_and_second_derivatives_equal_finite_differences() -> None:
    amplitudes, _, phase = inputs_of(2, 4, 6, torch.float64, 6)
    f0_hz = torch.tensor([500.0, 1900.0])
    # The sum is linear in the amplitudes; without the square its second derivative would be zero.
    assert_twice_differentiable(lambda a: sum_of_harmonics(a.square(), f0_hz, phase, 25, SAMPLE_RATE, 9), (amplitudes,))
    assert_twice_differentiable(lambda a: normalize_harmonics(a, f0_hz, SAMPLE_RATE), (amplitudes + 0.1,))
    assert_twice_differentiable(lambda a: exp_sigmoid(4 * a - 2), (amplitudes,))


@given(st.integers(1, 3), st.integers(1, 30), st.integers(2, 120), st.integers(1, 60), st.sampled_from(FLOATS))
@settings(max_examples=25, derandomize=True)
def test_sum_at_given_phases_equals_reference_at_any_size(
    batch: int, n_harmonics: int, n_samples: int, hop_length: int, dtype: torch.dtype
) -> None:
    n_frames = -(-n_samples // hop_length) + 1
    amplitudes, highest_hz, _ = inputs_of(batch, n_frames, n_harmonics, dtype, n_samples)
    phase = 9 * torch.rand(batch, n_samples, dtype=torch.float64, generator=generator(n_samples, "phase")) - 3
    count = n_below_nyquist(highest_hz, n_harmonics, SAMPLE_RATE)
    assert_as_exact_as_reference(
        lambda a: sum_of_harmonics_at(a, phase, highest_hz, SAMPLE_RATE, hop_length),
        lambda a: sum_of_harmonics_at_reference(a, phase, count, hop_length),
        (amplitudes,),
        times=10,
    )


def test_derivatives_at_given_phases_equal_finite_differences() -> None:
    amplitudes, _, _ = inputs_of(2, 4, 6, torch.float64, 6)
    phase = 3 * torch.rand(2, 25, dtype=torch.float64, generator=generator(6, "phase"))
    highest_hz = torch.tensor([500.0, 1900.0])
    assert_twice_differentiable(
        lambda a, p: sum_of_harmonics_at(a.square(), p, highest_hz, SAMPLE_RATE, 9), (amplitudes, phase)
    )


def test_given_phases_of_a_constant_pitch_make_the_same_sound() -> None:
    amplitudes, f0_hz, start = inputs_of(3, 5, 12, torch.float64, 7)
    phase = start.double()[:, None] + f0_hz.double()[:, None] * torch.arange(40) / SAMPLE_RATE
    expected = sum_of_harmonics(amplitudes, f0_hz, start, 40, SAMPLE_RATE, 10)
    torch.testing.assert_close(sum_of_harmonics_at(amplitudes, phase, f0_hz, SAMPLE_RATE, 10), expected)
