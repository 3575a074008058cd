"""Log-mel features: the kernels against torch's STFT, the dense filterbank and torchaudio's deltas."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.encoder.features import LogMelFeatures
from core.ops import log_mel
from core.ops.log_mel import log_mel_with_deltas_reference
from core.seeding import generator
from tests.support.closeness import EXACT, ROUNDING, assert_twice_differentiable, distance, memory_layouts

FLOATS = (torch.float32, torch.float64)


def audio_of(batch: int, n_samples: int, dtype: torch.dtype, seed: int) -> Tensor:
    """Noise with an amplitude that rises from 0."""
    noise = torch.rand(batch, n_samples, dtype=torch.float64, generator=generator(seed, "audio")) - 0.5
    return (noise * torch.linspace(0, 1, n_samples, dtype=torch.float64)).to(dtype)


def reference(features: LogMelFeatures, audio: Tensor) -> Tensor:
    return log_mel_with_deltas_reference(
        audio, features.window, features.filterbank, features.hop_length, features.delta_frames
    )


def assert_equals_reference(features: LogMelFeatures, audio: Tensor) -> None:
    truth = reference(features.double(), audio.double())
    features.to(audio.dtype)
    copy = audio.clone()
    result, rounded = features(audio), reference(features, audio)
    assert torch.equal(audio, copy), "the input was modified"
    assert result.dtype == audio.dtype
    for channel in range(3):
        rounding = max(4 * distance(rounded[:, channel], truth[:, channel]), ROUNDING)
        allowed = EXACT if audio.dtype == torch.float64 else rounding
        assert distance(result[:, channel], truth[:, channel]) <= allowed


@given(
    st.integers(1, 4),
    st.integers(16, 300),
    st.integers(1, 40),
    st.integers(20, 200),
    st.integers(200, 3000),
    st.floats(0.0, 0.3),
    st.sampled_from(FLOATS),
)
@settings(max_examples=60, derandomize=True, deadline=None)
def test_kernel_equals_reference_at_any_size(
    batch: int, n_fft: int, n_mels: int, hop_length: int, n_more: int, delta_window_s: float, dtype: torch.dtype
) -> None:
    features = LogMelFeatures(4000, hop_length, n_fft, n_mels, delta_window_s)
    assert_equals_reference(features, audio_of(batch, n_fft // 2 + 1 + n_more, dtype, n_fft))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("sample_rate", "hop_length", "n_fft", "n_mels", "n_samples"),
    [(16_000, 125, 256, 32, 16_000), (48_000, 96, 1024, 128, 20_000), (44_100, 128, 441, 64, 9_999)],
)
def test_kernel_equals_reference_at_realistic_sizes(
    sample_rate: int, hop_length: int, n_fft: int, n_mels: int, n_samples: int, dtype: torch.dtype
) -> None:
    features = LogMelFeatures(sample_rate, hop_length, n_fft, n_mels, 0.05)
    assert_equals_reference(features, audio_of(2, n_samples, dtype, 1))


@pytest.mark.parametrize("chunk_samples", [1, 2**11, 2**13, 2**30])
def test_result_does_not_depend_on_chunk_size(chunk_samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    features, audio = LogMelFeatures(16_000, 50, 128, 16, 0.05), audio_of(3, 5_000, torch.float32, 2)
    expected = features(audio)
    monkeypatch.setattr(log_mel, "_CHUNK_SAMPLES", chunk_samples)
    torch.testing.assert_close(features(audio), expected)


def test_bands_without_a_bin_are_zero() -> None:
    features = LogMelFeatures(16_000, 100, 64, 60, 0.05)
    empty = features.filterbank.sum(0) == 0
    assert 0 < int(empty.sum()) < 60
    result = features(audio_of(1, 2_000, torch.float32, 3))
    assert torch.equal((result[0, 0] == 0).all(-1), empty)
    assert_equals_reference(features, audio_of(1, 2_000, torch.float32, 3))


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    features, audio = LogMelFeatures(16_000, 100, 128, 16, 0.05).to(dtype), audio_of(3, 2_000, dtype, 4)
    for strided in memory_layouts(audio):
        assert torch.equal(features(strided), features(audio))


def test_clip_has_the_same_result_alone_and_in_a_batch() -> None:
    features, audio = LogMelFeatures(16_000, 125, 256, 32, 0.05), audio_of(4, 4_000, torch.float32, 5)
    batched = features(audio)
    for clip in range(4):
        torch.testing.assert_close(features(audio[clip : clip + 1])[0], batched[clip], atol=1e-5, rtol=0)


def test_gradient_of_the_audio_is_that_of_the_reference() -> None:
    features, audio = LogMelFeatures(16_000, 100, 128, 16, 0.05), audio_of(2, 2_000, torch.float32, 6)
    audio.requires_grad_()
    (grad,) = torch.autograd.grad(features(audio).square().sum(), audio)
    (expected,) = torch.autograd.grad(reference(features, audio).square().sum(), audio)
    assert torch.equal(grad, expected)


def test_first_and_second_derivatives_equal_finite_differences() -> None:
    features = LogMelFeatures(1000, 8, 16, 4, 0.03).double()
    # Scaled so that the logarithm is curved: its argument is the power relative to 1e-4.
    assert_twice_differentiable(features, (0.05 * audio_of(1, 25, torch.float64, 9),))


def test_nan_propagates_at_most_as_far_as_in_the_reference() -> None:
    features, audio = LogMelFeatures(16_000, 100, 128, 16, 0.02), audio_of(2, 2_000, torch.float32, 7)
    audio[0, 1_000] = torch.nan
    result, expected = features(audio), reference(features, audio)
    assert bool(result[0, 0].isnan().any())
    assert torch.equal(result[:, 0].isnan(), expected[:, 0].isnan())
    # The regression's weight of the middle frame is 0, by which the reference multiplies and the kernel does not.
    assert bool((result.isnan() <= expected.isnan()).all())


def test_audio_too_short_for_reflection_raises() -> None:
    features = LogMelFeatures(16_000, 100, 128, 16, 0.05)
    assert features(audio_of(1, 65, torch.float32, 8)).shape == (1, 3, 16, 1)
    with pytest.raises(RuntimeError, match="[Pp]adding size"):
        features(audio_of(1, 64, torch.float32, 8))


def test_features_add_nothing_to_a_checkpoint() -> None:
    assert LogMelFeatures(16_000, 100, 128, 16, 0.05).state_dict() == {}
