"""Ladder: bounded at any coefficients, scipy's filter where they are constant, and the kernel against the reference."""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from torch import Tensor

from core.ops.frames import to_samples
from core.ops.ladder import denominator, ladder, ladder_reference
from core.ops.linear_recurrence import CHUNK_SAMPLES, linear_recurrence
from core.seeding import generator
from core.synths.filters import stable_poles
from tests.support.closeness import (
    Function,
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    value_and_grads,
)

FLOATS = (torch.float32, torch.float64)
EDGE = 1 - 1e-3
"""Largest reflection coefficient of the learned filter."""


def fast(hop_length: int) -> Function:
    return lambda audio, b, k, gain: ladder(audio, b, k, gain, hop_length)


def reference(hop_length: int) -> Function:
    return lambda audio, b, k, gain: ladder_reference(audio, b, k, gain, hop_length)


def inputs_of(
    batch: int, n_samples: int, hop_length: int, dtype: torch.dtype, seed: int, spare: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Noise, and coefficients for `spare` more frames than it needs."""
    draw = generator(seed, "ladder")
    n_frames = -(-n_samples // hop_length) + 1 + spare

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=draw)

    audio, b, gain = normal(batch, n_samples), normal(batch, n_frames, 3), normal(batch, n_frames)
    k = 0.99 * torch.tanh(normal(batch, n_frames, 2))
    return audio.to(dtype), b.to(dtype), k.to(dtype), gain.to(dtype)


def taps(b: Tensor, k: Tensor) -> Tensor:
    """The weights (v0, v1, v2) of s0, s1 and g2."""
    (b0, b1, b2), (k1, k2) = b.unbind(-1), k.unbind(-1)
    c1, c2 = (1 - k1**2).sqrt(), (1 - k2**2).sqrt()
    v1 = (b1 - b2 * k1 * (1 + k2)) / c2
    return torch.stack([(b0 - b2 * k2 - v1 * c2 * k1) / (c1 * c2), v1, b2], -1)


@pytest.mark.parametrize("function", [fast, reference], ids=["kernel", "reference"])
def test_constant_coefficients_are_scipys_filter(function: Callable[[int], Function]) -> None:
    audio, b, k, _ = inputs_of(3, 200, 50, torch.float64, 0)
    b, k = (tensor[:, :1].expand_as(tensor) for tensor in (b, k))
    filtered = function(50)(audio, b, k, torch.ones(3, 5, dtype=torch.float64))
    for clip in range(3):
        expected = lfilter(b[clip, 0].numpy(), [1, *denominator(k[clip, 0]).tolist()], audio[clip].numpy())
        np.testing.assert_allclose(filtered[clip].numpy(), expected, atol=1e-10)


def test_every_stable_filter_is_a_ladder() -> None:
    a = stable_poles(torch.randn(1000, 2, dtype=torch.float64, generator=generator(1, "poles")), 1e-3)
    k = torch.stack([a[:, 0] / (1 + a[:, 1]), a[:, 1]], -1)
    assert float(k.abs().max()) < 1
    torch.testing.assert_close(denominator(k), a)


def test_white_noise_gets_as_loud_as_the_taps_wherever_the_poles_are() -> None:
    _, b, k, _ = inputs_of(1, 1, 1, torch.float64, 2)
    impulse = torch.zeros(1, 20_000, dtype=torch.float64)
    impulse[0, 0] = 1
    constant_b, constant_k = (tensor[:, :1].expand(-1, 21, -1) for tensor in (b, k))
    response = ladder(impulse, constant_b, constant_k, torch.ones(1, 21, dtype=torch.float64), 1000)
    assert float(response.norm()) == pytest.approx(float(taps(b, k)[0, 0].norm()), rel=1e-6)


def test_recursion_written_out_where_coefficients_vary() -> None:
    n_samples = 3 * CHUNK_SAMPLES + 5
    audio, b, k, gain = inputs_of(1, n_samples, 1, torch.float64, 3)
    s0 = s1 = 0.0
    expected = []
    for n, x in enumerate(audio[0].tolist()):
        (k1, k2), v = k[0, n].tolist(), taps(b, k)[0, n].tolist()
        c1, c2 = math.sqrt(1 - k1**2), math.sqrt(1 - k2**2)
        f1, g2 = c2 * x - k2 * s1, k2 * x + c2 * s1
        s0, s1 = c1 * f1 - k1 * s0, k1 * f1 + c1 * s0
        expected.append((v[0] * s0 + v[1] * s1 + v[2] * g2) * float(gain[0, n]))
    for function in (fast(1), reference(1)):
        np.testing.assert_allclose(function(audio, b, k, gain)[0].numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("hop_length", [1, 64, 125])
@pytest.mark.parametrize("coefficients", ["swapping", "random signs", "random"])
def test_the_sound_keeps_its_bound_in_the_worst_sweeps(coefficients: str, hop_length: int) -> None:
    n_samples, draw = 4000, generator(4, "sweep")
    n_frames = -(-n_samples // hop_length) + 1
    audio = 2 * torch.rand(1, n_samples, generator=draw) - 1
    k = {
        "swapping": torch.where(torch.arange(n_frames)[:, None] % 2 == 0, EDGE, -EDGE).expand(-1, 2),
        "random signs": EDGE * torch.randn(n_frames, 2, generator=draw).sign(),
        "random": EDGE * torch.tanh(4 * torch.randn(n_frames, 2, generator=draw)),
    }[coefficients][None]
    b, gain = torch.randn(1, n_frames, 3, generator=draw), torch.ones(1, n_frames)
    filtered, *grads = value_and_grads(fast(hop_length), (audio, b, k, gain), torch.ones(1, n_samples))
    sampled = to_samples(torch.cat([b, k], -1).transpose(1, 2), hop_length, n_samples).transpose(1, 2).double()
    bound = taps(sampled[..., :3], sampled[..., 3:]).norm(dim=-1) * float(audio.norm())
    assert bool((filtered.abs() <= 1.01 * bound).all())
    assert all(bool(grad.isfinite().all()) for grad in grads)
    # On average no louder than constant coefficients make it, which is the RMS of the audio times that of the taps.
    assert float(filtered.norm()) < 3 * float((bound / audio.norm() * audio.square().mean().sqrt()).norm())


@given(st.integers(1, 4), st.integers(1, 301), st.integers(1, 60), st.integers(0, 3), st.sampled_from(FLOATS))
@settings(max_examples=12, derandomize=True)
def test_kernel_equals_reference_at_any_size(
    batch: int, n_samples: int, hop_length: int, spare: int, dtype: torch.dtype
) -> None:
    inputs = inputs_of(batch, n_samples, hop_length, dtype, n_samples, spare)
    assert_as_exact_as_reference(fast(hop_length), reference(hop_length), inputs)


@pytest.mark.parametrize("dtype", FLOATS)
def test_kernel_equals_reference_at_the_edge(dtype: torch.dtype) -> None:
    audio, b, k, gain = inputs_of(2, 400, 50, dtype, 5)
    # Rounding of 1 - k^2 near its zero is amplified by both.
    assert_as_exact_as_reference(fast(50), reference(50), (audio, b, EDGE * k.sign(), gain), times=10)


def test_too_few_frames_raise() -> None:
    audio, b, k, gain = inputs_of(1, 51, 10, torch.float32, 0)
    ladder(audio, b, k, gain, 10)
    with pytest.raises(ValueError, match=re.escape("6 frames at hop_length=10 cover 50 samples")):
        ladder(audio, b[:, :-1], k[:, :-1], gain[:, :-1], 10)


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    assert_independent_of_memory_layout(fast(10), inputs_of(3, 101, 10, dtype, 2))


def test_clip_has_the_same_result_alone_and_in_a_batch() -> None:
    inputs = inputs_of(4, 333, 20, torch.float32, 3)
    grad_output = torch.randn(4, 333, generator=generator(4, "gradient"))
    batched = value_and_grads(fast(20), inputs, grad_output)
    for clip in range(4):
        part = slice(clip, clip + 1)
        single = value_and_grads(fast(20), [tensor[part] for tensor in inputs], grad_output[part])
        assert_same_bits(single, [tensor[part] for tensor in batched])


def test_first_and_second_derivatives_equal_finite_differences() -> None:
    assert_twice_differentiable(fast(3), inputs_of(1, 7, 3, torch.float64, 6))


def test_linear_recurrence_is_differentiable_twice_over_several_chunks() -> None:
    draw = generator(7, "recurrence")
    matrix = 0.5 * torch.randn(1, CHUNK_SAMPLES + 2, 2, 2, dtype=torch.float64, generator=draw)
    drive = torch.randn(1, CHUNK_SAMPLES + 2, 2, dtype=torch.float64, generator=draw)
    state, expected = torch.zeros(2, dtype=torch.float64), []
    for each_matrix, each_drive in zip(matrix[0], drive[0], strict=True):
        state = each_matrix @ state + each_drive
        expected.append(state)
    torch.testing.assert_close(linear_recurrence(matrix, drive)[0], torch.stack(expected))
    # Around the end of the first chunk only, since a finite difference for each number would take long.
    ends = slice(CHUNK_SAMPLES - 2, CHUNK_SAMPLES + 2)

    def varied(some_matrices: Tensor, some_drives: Tensor) -> Tensor:
        whole = (
            torch.cat([matrix[:, : ends.start], some_matrices], 1),
            torch.cat([drive[:, : ends.start], some_drives], 1),
        )
        return linear_recurrence(*whole)[:, ends.start :]

    assert_twice_differentiable(varied, (matrix[:, ends], drive[:, ends]))
