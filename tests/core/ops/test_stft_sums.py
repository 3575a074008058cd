"""Spectral sums: the kernel against torch's STFT, and the loss computed from them against auraloss."""

import math

import pytest
import torch
from auraloss.freq import MultiResolutionSTFTLoss
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.losses.mss import MultiResolutionStft
from core.ops import stft_sums as stft_sums_module
from core.ops.stft_sums import EPS, n_bins, stft_sums, stft_sums_reference
from core.seeding import generator
from core.settings.losses import Resolution, standard_resolutions
from tests.support.closeness import (
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    value_and_grads,
)

FLOATS = (torch.float32, torch.float64)
SHORT = Resolution(n_fft=64, hop_length=12, win_length=50)


def sounds(batch: int, n_samples: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, Tensor]:
    """An estimate and a target: sines of different frequency in noise."""
    draw = generator(seed, "sounds")
    n = torch.arange(n_samples, dtype=torch.float64)

    def sound() -> Tensor:
        pitch = 0.01 + 0.2 * torch.rand(batch, 1, dtype=torch.float64, generator=draw)
        noise = 0.1 * torch.randn(batch, n_samples, dtype=torch.float64, generator=draw)
        return (torch.sin(2 * math.pi * pitch * n) + noise).to(dtype)

    return sound(), sound()


def assert_sums_equal_reference(estimate: Tensor, target: Tensor, resolution: Resolution) -> None:
    torch.testing.assert_close(
        stft_sums(estimate, target, resolution)[1], stft_sums_reference(estimate, target, resolution)[1]
    )
    for i in (0, 2):
        assert_as_exact_as_reference(
            lambda e, i=i: stft_sums(e, target.to(e.dtype), resolution)[i],
            lambda e, i=i: stft_sums_reference(e, target.to(e.dtype), resolution)[i],
            (estimate,),
        )


@given(
    st.integers(1, 3),
    st.integers(4, 70),
    st.integers(1, 40),
    st.integers(0, 40),
    st.integers(0, 200),
    st.sampled_from(FLOATS),
)
@settings(max_examples=25, derandomize=True)
def test_kernel_equals_reference_at_any_size(
    batch: int, n_fft: int, hop_length: int, n_padding: int, n_more: int, dtype: torch.dtype
) -> None:
    resolution = Resolution(n_fft=n_fft, hop_length=hop_length, win_length=max(2, n_fft - n_padding))
    estimate, target = sounds(batch, n_fft // 2 + 1 + n_more, dtype, n_fft)
    assert_sums_equal_reference(estimate, target, resolution)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n_fft", [64, 65])
@pytest.mark.parametrize("win_length", [50, 51, 64])
@pytest.mark.parametrize(("n_samples", "hop_length"), [(240, 12), (241, 12), (239, 12), (90, 1), (40, 100)])
def test_kernel_equals_reference_at_odd_sizes(
    n_fft: int, win_length: int, n_samples: int, hop_length: int, dtype: torch.dtype
) -> None:
    estimate, target = sounds(2, n_samples, dtype, n_samples)
    assert_sums_equal_reference(estimate, target, Resolution(n_fft=n_fft, hop_length=hop_length, win_length=win_length))


@pytest.mark.parametrize(
    ("resolution", "n_samples"),
    [(SHORT, 32), (SHORT, 5), (Resolution(n_fft=64, hop_length=12, win_length=65), 500)],
    ids=["half an FFT", "shorter than the reflection", "window longer than the FFT"],
)
def test_clips_too_short_and_windows_too_long_raise(resolution: Resolution, n_samples: int) -> None:
    estimate, target = sounds(1, n_samples, torch.float32, 0)
    with pytest.raises(ValueError, match="a spectral distance needs"):
        stft_sums(estimate, target, resolution)


@pytest.mark.parametrize("dtype", FLOATS)
def test_silence_has_the_smallest_magnitude_and_no_gradient(dtype: torch.dtype) -> None:
    noise, silence = sounds(2, 300, dtype, 1)[0], torch.zeros(2, 300, dtype=dtype)
    bins = n_bins(300, SHORT)
    sums, grad = value_and_grads(lambda e: stft_sums(e, noise, SHORT), (silence,))
    torch.testing.assert_close(sums, stft_sums_reference(silence, noise, SHORT))
    assert float(grad.abs().max()) == 0
    power = stft_sums(noise, silence, SHORT)[1]
    torch.testing.assert_close(power, torch.full_like(power, EPS * bins))
    for i in (0, 2):
        assert_as_exact_as_reference(
            lambda e, i=i: stft_sums(e, silence.to(e.dtype), SHORT)[i],
            lambda e, i=i: stft_sums_reference(e, silence.to(e.dtype), SHORT)[i],
            (noise,),
        )
    for silent in (silence, 1e-7 * noise):
        sums, grad = value_and_grads(lambda e, silent=silent: stft_sums(e, silent, SHORT), (silent,))
        assert torch.equal(sums[0], torch.zeros(2, dtype=dtype))
        assert torch.equal(sums[2], torch.zeros(2, dtype=dtype))
        assert float(grad.abs().max()) == 0


@pytest.mark.parametrize("dtype", FLOATS)
def test_kernel_equals_reference_for_sounds_with_silent_passages(dtype: torch.dtype) -> None:
    estimate, target = sounds(2, 600, dtype, 2)
    estimate[:, 200:400] = 0
    target[:, 300:500] = 0
    assert_sums_equal_reference(estimate, target, SHORT)


@pytest.mark.parametrize("dtype", FLOATS)
def test_equal_sounds_have_distance_zero_and_gradient_zero(dtype: torch.dtype) -> None:
    target = sounds(3, 400, dtype, 3)[0]
    sums, grad = value_and_grads(lambda e: stft_sums(e, target, SHORT), (target,))
    assert torch.equal(sums[0], torch.zeros(3, dtype=dtype))
    assert torch.equal(sums[2], torch.zeros(3, dtype=dtype))
    assert float(grad.abs().max()) == 0
    for equal in (target, torch.zeros_like(target)):
        loss, grad = value_and_grads(lambda e, t=equal: MultiResolutionStft((SHORT,))(e, t), (equal,))
        assert float(loss) == 0
        assert float(grad.abs().max()) == 0


@pytest.mark.parametrize("which", ["estimate", "target"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_loss_of_a_sound_with_nan_or_infinity_is_not_finite(which: str, value: float) -> None:
    estimate, target = sounds(2, 300, torch.float32, 4)
    (estimate if which == "estimate" else target)[0, 150] = value
    assert not bool(MultiResolutionStft((SHORT,))(estimate, target).isfinite())
    per_clip = MultiResolutionStft((SHORT,)).per_clip(estimate, target)
    assert per_clip.isfinite().tolist() == [False, True]


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    estimate, target = sounds(3, 303, dtype, 5)
    strided = torch.stack([target, target], -1)[..., 0]
    assert_independent_of_memory_layout(lambda e: stft_sums(e, strided, SHORT), (estimate,))


@pytest.mark.parametrize("dtype", FLOATS)
def test_clip_has_the_same_result_alone_and_in_a_batch(dtype: torch.dtype) -> None:
    estimate, target = sounds(4, 777, dtype, 6)
    grad_output = torch.randn(3, 4, generator=generator(4, "gradient")).to(dtype)
    batched = value_and_grads(lambda e: stft_sums(e, target, SHORT), (estimate,), grad_output)
    for clip in range(4):
        i = slice(clip, clip + 1)
        single = value_and_grads(lambda e, i=i: stft_sums(e, target[i], SHORT), (estimate[i],), grad_output[:, i])
        assert_same_bits(single, [batched[0][:, i], batched[1][i]])


def test_reference_is_used_where_the_target_requires_a_gradient() -> None:
    estimate, target = sounds(1, 200, torch.float64, 7)
    target.requires_grad_()
    assert torch.equal(stft_sums(estimate, target, SHORT), stft_sums_reference(estimate, target, SHORT))


@pytest.mark.parametrize(("n_fft", "win_length"), [(8, 8), (9, 6)])
def test_first_and_second_derivatives_equal_finite_differences(n_fft: int, win_length: int) -> None:
    resolution = Resolution(n_fft=n_fft, hop_length=5, win_length=win_length)
    estimate, target = sounds(2, 23, torch.float64, 8)
    assert_twice_differentiable(lambda e: stft_sums(e, target, resolution), (estimate,))


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
@pytest.mark.parametrize("batch", [1, 4])
def test_loss_and_gradient_equal_auraloss(sample_rate: int, batch: int) -> None:
    resolutions = standard_resolutions(sample_rate)
    estimate, target = sounds(batch, sample_rate // 2, torch.float32, batch)
    auraloss = MultiResolutionSTFTLoss(
        fft_sizes=[r.n_fft for r in resolutions],
        hop_sizes=[r.hop_length for r in resolutions],
        win_lengths=[r.win_length for r in resolutions],
    )
    one = torch.ones(())

    def of_auraloss(dtype: torch.dtype) -> list[Tensor]:
        for part in auraloss.stft_losses:
            part.window = torch.hann_window(part.win_length, dtype=dtype)
        return value_and_grads(lambda e: auraloss(e[:, None], target[:, None].to(dtype)), (estimate.to(dtype),), one)

    # Bins of tiny magnitude have large gradients with large rounding errors: auraloss's own error is allowed too.
    loss, grad = value_and_grads(lambda e: MultiResolutionStft(resolutions)(e, target), (estimate,), one)
    rounded_loss, rounded_grad = of_auraloss(torch.float32)
    exact_loss, exact_grad = of_auraloss(torch.float64)
    torch.testing.assert_close(loss.double(), exact_loss, atol=1e-5, rtol=0)
    torch.testing.assert_close(loss, rounded_loss, atol=1e-5, rtol=1e-4)
    error, auraloss_error = (float((g - exact_grad).norm() / exact_grad.norm()) for g in (grad, rounded_grad))
    assert error < max(1e-3, 1.5 * auraloss_error)


def test_per_clip_equals_the_loss_of_single_clips() -> None:
    loss = MultiResolutionStft(standard_resolutions(16_000))
    estimate, target = sounds(3, 4000, torch.float32, 9)
    singles = torch.stack([loss(estimate[i : i + 1], target[i : i + 1]) for i in range(3)])
    assert torch.equal(loss.per_clip(estimate, target), singles)


@pytest.mark.parametrize("chunk_samples", [1, 3_000, 10_000])
def test_result_does_not_depend_on_chunk_size(chunk_samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a gradient, and without, where chunks share memory."""
    estimate, target = sounds(5, 500, torch.float64, 7)
    expected = value_and_grads(lambda e: stft_sums(e, target, SHORT), (estimate,))
    monkeypatch.setattr(stft_sums_module, "_CHUNK_SAMPLES", chunk_samples)
    torch.testing.assert_close(value_and_grads(lambda e: stft_sums(e, target, SHORT), (estimate,)), expected)
    torch.testing.assert_close(stft_sums(estimate, target, SHORT), expected[0])
