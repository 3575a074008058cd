"""Log-mel features by kernels against the library's STFT, matrix product and deltas."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.encoder import features as module
from core.encoder.features import LogMelFeatures
from core.seeding import generator
from tests.core.kernels.closeness import EXACT, ROUNDING, distance, scattered

FLOATS = (torch.float32, torch.float64)


def audio_of(batch: int, n_samples: int, dtype: torch.dtype, seed: int) -> Tensor:
    """Noise that grows louder, from silence."""
    noise = torch.rand(batch, n_samples, dtype=torch.float64, generator=generator(seed, "audio")) - 0.5
    return (noise * torch.linspace(0, 1, n_samples, dtype=torch.float64)).to(dtype)


def assert_equals_reference(features: LogMelFeatures, audio: Tensor) -> None:
    truth = features.double().reference(audio.double())
    features.to(audio.dtype)
    before = audio.clone()
    found, slow = features(audio), features.reference(audio)
    assert torch.equal(audio, before)
    assert found.dtype == audio.dtype
    for channel in range(3):
        rounding = max(4 * distance(slow[:, channel], truth[:, channel]), ROUNDING)
        allowed = EXACT if audio.dtype == torch.float64 else rounding
        assert distance(found[:, channel], truth[:, channel]) <= allowed


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
def test_kernel_equals_its_reference_at_any_size(
    batch: int, n_fft: int, n_mels: int, hop_length: int, more: int, delta_window_s: float, dtype: torch.dtype
) -> None:
    features = LogMelFeatures(4000, hop_length, n_fft, n_mels, delta_window_s)
    assert_equals_reference(features, audio_of(batch, n_fft // 2 + 1 + more, dtype, n_fft))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("sample_rate", "hop_length", "n_fft", "n_mels", "n_samples"),
    [(16_000, 125, 256, 32, 16_000), (48_000, 96, 1024, 128, 20_000), (44_100, 128, 441, 64, 9_999)],
)
def test_kernel_equals_its_reference_at_real_sizes(
    sample_rate: int, hop_length: int, n_fft: int, n_mels: int, n_samples: int, dtype: torch.dtype
) -> None:
    features = LogMelFeatures(sample_rate, hop_length, n_fft, n_mels, 0.05)
    assert_equals_reference(features, audio_of(2, n_samples, dtype, 1))


@pytest.mark.parametrize("at_a_time", [1, 2**11, 2**13, 2**30])
def test_number_of_frames_at_a_time_does_not_matter(at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    features, audio = LogMelFeatures(16_000, 50, 128, 16, 0.05), audio_of(3, 5_000, torch.float32, 2)
    whole = features(audio)
    monkeypatch.setattr(module, "_SAMPLES_AT_A_TIME", at_a_time)
    torch.testing.assert_close(features(audio), whole)


def test_bands_without_a_bin_are_silent() -> None:
    features = LogMelFeatures(16_000, 100, 64, 60, 0.05)
    empty = features.filterbank.sum(0) == 0
    assert 0 < int(empty.sum()) < 60
    found = features(audio_of(1, 2_000, torch.float32, 3))
    assert torch.equal((found[0, 0] == 0).all(-1), empty)
    assert_equals_reference(features, audio_of(1, 2_000, torch.float32, 3))


@pytest.mark.parametrize("dtype", FLOATS)
def test_memory_order_does_not_matter(dtype: torch.dtype) -> None:
    features, audio = LogMelFeatures(16_000, 100, 128, 16, 0.05).to(dtype), audio_of(3, 2_000, dtype, 4)
    for copy in scattered(audio):
        assert torch.equal(features(copy), features(audio))


def test_a_clip_alone_equals_the_clip_in_a_batch() -> None:
    features, audio = LogMelFeatures(16_000, 125, 256, 32, 0.05), audio_of(4, 4_000, torch.float32, 5)
    together = features(audio)
    for clip in range(4):
        torch.testing.assert_close(features(audio[clip : clip + 1])[0], together[clip], atol=1e-5, rtol=0)


def test_gradient_of_the_sound_is_the_reference_s() -> None:
    features, audio = LogMelFeatures(16_000, 100, 128, 16, 0.05), audio_of(2, 2_000, torch.float32, 6)
    gradients = []
    for function in (features, features.reference):
        leaf = audio.clone().requires_grad_()
        function(leaf).square().sum().backward()
        gradients.append(leaf.grad)
    assert torch.equal(*gradients)


def test_what_is_not_a_number_is_not_hidden() -> None:
    features, audio = LogMelFeatures(16_000, 100, 128, 16, 0.02), audio_of(2, 2_000, torch.float32, 7)
    audio[0, 1_000] = torch.nan
    found, expected = features(audio), features.reference(audio)
    assert bool(found[0, 0].isnan().any())
    assert torch.equal(found[:, 0].isnan(), expected[:, 0].isnan())
    # A slope does not look at the frame in its middle, where the reference multiplies it by zero.
    assert bool((found.isnan() <= expected.isnan()).all())


def test_sound_too_short_for_its_reflection_is_refused() -> None:
    features = LogMelFeatures(16_000, 100, 128, 16, 0.05)
    assert features(audio_of(1, 65, torch.float32, 8)).shape == (1, 3, 16, 1)
    with pytest.raises(RuntimeError, match="[Pp]adding size"):
        features(audio_of(1, 64, torch.float32, 8))


def test_nothing_of_them_is_saved_with_a_model() -> None:
    assert LogMelFeatures(16_000, 100, 128, 16, 0.05).state_dict() == {}
