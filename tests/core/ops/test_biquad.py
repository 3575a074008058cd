"""Biquad: the kernel against the reference, values and gradients up to the limits of cutoff and Q."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops.biquad import biquad, biquad_reference
from core.seeding import generator
from core.synths.filters import LearnedFilter, RbjFilter, rbj_biquad, stable_poles
from tests.support.closeness import (
    Function,
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    value_and_grads,
)

SAMPLE_RATE = 16_000
FLOATS = (torch.float32, torch.float64)


def fast(hop_length: int) -> Function:
    return lambda audio, b, a, gain: biquad(audio, b, a, gain, hop_length)


def reference(hop_length: int) -> Function:
    return lambda audio, b, a, gain: biquad_reference(audio, b, a, gain, hop_length)


def inputs_of(
    batch: int, n_samples: int, hop_length: int, dtype: torch.dtype, seed: int, spare: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Noise, and stable coefficients for `spare` more frames than it needs."""
    draw = generator(seed, "biquad")
    n_frames = -(-n_samples // hop_length) + 1 + spare

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=draw)

    audio, b, gain = normal(batch, n_samples), normal(batch, n_frames, 3), normal(batch, n_frames)
    a = stable_poles(normal(batch, n_frames, 2), 1e-2)
    return audio.to(dtype), b.to(dtype), a.to(dtype), gain.to(dtype)


@given(st.integers(1, 4), st.integers(1, 301), st.integers(1, 60), st.integers(0, 3), st.sampled_from(FLOATS))
@settings(max_examples=25, derandomize=True)
def test_kernel_equals_reference_at_any_size(
    batch: int, n_samples: int, hop_length: int, spare: int, dtype: torch.dtype
) -> None:
    inputs = inputs_of(batch, n_samples, hop_length, dtype, n_samples, spare)
    assert_as_exact_as_reference(fast(hop_length), reference(hop_length), inputs)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("n_samples", "hop_length"), [(1, 1), (57, 1), (1, 125), (125, 125), (500, 125), (501, 125)])
def test_kernel_equals_reference_for_incomplete_hops_and_hops_of_one_sample(
    n_samples: int, hop_length: int, dtype: torch.dtype
) -> None:
    inputs = inputs_of(1, n_samples, hop_length, dtype, 1)
    assert_as_exact_as_reference(fast(hop_length), reference(hop_length), inputs)


def test_too_few_frames_raise() -> None:
    audio, b, a, gain = inputs_of(1, 51, 10, torch.float32, 0)
    biquad(audio, b, a, gain, 10)
    with pytest.raises(ValueError, match=re.escape("6 frames at hop_length=10 cover 50 samples")):
        biquad(audio, b[:, :-1], a[:, :-1], gain[:, :-1], 10)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("cutoffs", ["lowest", "highest", "alternating", "rising"])
@pytest.mark.parametrize("q", [0.7071, 4.0])
def test_low_pass_equals_reference_at_the_limits_of_cutoff_and_q(cutoffs: str, q: float, dtype: torch.dtype) -> None:
    n_frames, hop_length = 17, 100
    low_pass = RbjFilter((100.0, 8000.0), (0.7071, 4.0), SAMPLE_RATE, hop_length)
    assert low_pass.cutoff.high == 0.45 * SAMPLE_RATE
    unit = {
        "lowest": torch.zeros(n_frames),
        "highest": torch.ones(n_frames),
        "alternating": (torch.arange(n_frames) % 2).float(),
        "rising": torch.linspace(0, 1, n_frames),
    }[cutoffs]
    draw = generator(0, "limits")
    audio = 2 * torch.rand(2, (n_frames - 1) * hop_length, generator=draw) - 1
    gain = torch.rand(2, n_frames, generator=draw)
    cutoff_hz = low_pass.cutoff.from_unit(unit.to(dtype)).expand(2, -1)
    clip_q = torch.full((2,), q, dtype=dtype)
    # Both receive the same rounded coefficients: near the unit circle their rounding moves the poles.
    b, a = rbj_biquad("low_pass", cutoff_hz, clip_q[:, None].expand_as(cutoff_hz), SAMPLE_RATE)
    inputs = (audio.to(dtype), b, a, gain.to(dtype))
    assert_as_exact_as_reference(fast(hop_length), reference(hop_length), inputs)
    filtered = low_pass(inputs[0], cutoff_hz, clip_q, inputs[3])
    assert torch.equal(filtered, biquad(*inputs, hop_length))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("logits", [(10.0, 10.0), (-10.0, 10.0), (10.0, -10.0), (-10.0, -10.0), "alternating"])
def test_learned_filter_equals_reference_at_saturated_logits(
    logits: tuple[float, float] | str, dtype: torch.dtype
) -> None:
    n_frames, hop_length = 9, 50
    draw = generator(1, "limits")
    audio = (2 * torch.rand(2, (n_frames - 1) * hop_length, generator=draw) - 1).to(dtype)
    poles = torch.empty(n_frames, 2)
    if isinstance(logits, str):
        poles[0::2], poles[1::2] = torch.tensor([10.0, 10.0]), torch.tensor([-10.0, 10.0])
    else:
        poles[:] = torch.tensor(logits)
    learned = LearnedFilter(hop_length, structure="direct")
    controls = torch.cat([poles, torch.tensor([10.0, -10.0, 10.0]).expand(n_frames, -1)], -1).expand(2, -1, -1)
    a = stable_poles(controls[..., :2].to(dtype), learned.epsilon)
    inputs = (audio, controls[..., 2:].to(dtype), a, torch.ones(2, n_frames, dtype=dtype))
    # Poles this close to -1 amplify rounding errors by about 1000, in the reference too.
    assert_as_exact_as_reference(fast(hop_length), reference(hop_length), inputs, times=10)
    assert torch.equal(learned(audio, controls.to(dtype), inputs[3]), biquad(*inputs, hop_length))


@pytest.mark.parametrize("hop_length", [64, 96, 125, 128])
def test_low_pass_stays_finite_for_extreme_sweeps(hop_length: int) -> None:
    n_samples, draw = SAMPLE_RATE, generator(2, "sweep")
    n_frames = -(-n_samples // hop_length) + 1
    audio = 2 * torch.rand(1, n_samples, generator=draw) - 1
    low_pass = RbjFilter((100.0, 8000.0), (0.7071, 4.0), SAMPLE_RATE, hop_length)
    for unit in (torch.arange(n_frames) % 2 * 1.0, torch.rand(n_frames, generator=draw).round()):
        cutoff_hz = low_pass.cutoff.from_unit(unit)[None]
        filtered = low_pass(audio, cutoff_hz, torch.tensor([4.0]), torch.ones(1, n_frames))
        assert bool(filtered.isfinite().all())
        assert float(filtered.abs().max()) < 1000


@pytest.mark.parametrize("hop_length", [64, 96, 128])
def test_learned_filter_stays_finite_for_extreme_sweeps(hop_length: int) -> None:
    # A hop of 125 is left out: there, poles that change sign every frame give 1e31 after a second in any precision.
    n_frames = -(-SAMPLE_RATE // hop_length) + 1
    audio = 2 * torch.rand(1, SAMPLE_RATE, generator=generator(2, "sweep")) - 1
    signs = torch.where(torch.arange(n_frames) % 2 == 0, 1.0, -1.0)[:, None]
    logits = torch.cat([10 * signs, torch.full_like(signs, 10.0), signs.expand(-1, 3)], -1)[None]
    filtered = LearnedFilter(hop_length, structure="direct")(audio, logits, torch.ones(1, n_frames))
    assert bool(filtered.isfinite().all())
    assert float(filtered.abs().max()) < 1e5


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    assert_independent_of_memory_layout(fast(10), inputs_of(3, 101, 10, dtype, 2))


@pytest.mark.parametrize("dtype", FLOATS)
def test_clip_has_the_same_result_alone_and_in_a_batch(dtype: torch.dtype) -> None:
    inputs = inputs_of(4, 333, 20, dtype, 3)
    grad_output = torch.randn(4, 333, generator=generator(4, "gradient")).to(dtype)
    batched = value_and_grads(fast(20), inputs, grad_output)
    for clip in range(4):
        part = slice(clip, clip + 1)
        single = value_and_grads(fast(20), [tensor[part] for tensor in inputs], grad_output[part])
        assert_same_bits(single, [tensor[part] for tensor in batched])


def test_gradient_of_each_input_is_the_same_with_the_others_constant() -> None:
    inputs = inputs_of(1, 40, 10, torch.float64, 6)
    _, *expected = value_and_grads(fast(10), inputs, torch.ones(1, 40))
    for i in range(4):
        leaves = [tensor.clone().requires_grad_(i == j) for j, tensor in enumerate(inputs)]
        (grad,) = torch.autograd.grad(fast(10)(*leaves).sum(), leaves[i])
        assert torch.equal(grad, expected[i])


def test_first_and_second_derivatives_equal_finite_differences() -> None:
    assert_twice_differentiable(fast(5), inputs_of(2, 13, 5, torch.float64, 5))


def test_nan_propagates_to_all_later_samples() -> None:
    audio, b, a, gain = inputs_of(1, 50, 10, torch.float32, 7)
    audio[0, 20] = torch.nan
    filtered = biquad(audio, b, a, gain, 10)
    assert bool(filtered[0, :20].isfinite().all())
    assert bool(filtered[0, 20:].isnan().all())
