"""Features of sounds over time: known answers, and agreement with librosa."""

import math

import librosa
import pytest
import torch
from torch import Tensor

from core.ops.audio_features import FEATURES, audio_features
from core.seeding import generator

SAMPLE_RATE, HOP_LENGTH = 16_000, 125


def features(audio: Tensor) -> dict[str, Tensor]:
    return dict(zip(FEATURES, audio_features(audio, SAMPLE_RATE, HOP_LENGTH).unbind(1), strict=True))


def sine(f0_hz: float, amplitude: float = 1.0) -> Tensor:
    time = torch.arange(SAMPLE_RATE // 2, dtype=torch.float64) / SAMPLE_RATE
    return amplitude * torch.sin(2 * math.pi * f0_hz * time)[None]


def test_a_sine_has_its_level_its_frequency_and_no_width() -> None:
    found = features(sine(2000.0, 0.3))
    inner = slice(3, -3)
    assert found["rms"][0, inner].tolist() == pytest.approx([0.3 / math.sqrt(2)] * 59, rel=1e-3)
    assert found["centroid"][0, inner].tolist() == pytest.approx([2000.0] * 59, rel=0.01)
    assert float(found["bandwidth"][0, inner].max()) < 60
    assert float(found["flatness"][0, inner].max()) < 1e-3


def test_level_follows_the_amplitude_and_nothing_else_does() -> None:
    envelope = torch.linspace(0.2, 1.0, SAMPLE_RATE // 2)[None]
    noise = torch.rand(1, SAMPLE_RATE // 2, generator=generator(0, "noise")) - 0.5
    plain, moved = features(noise), features(noise * envelope)
    torch.testing.assert_close(moved["rms"] / plain["rms"], torch.linspace(0.2, 1.0, 65)[None], rtol=0.1, atol=0)
    for name in ("centroid", "bandwidth", "flatness"):
        torch.testing.assert_close(moved[name], plain[name], rtol=0.05, atol=0)


def test_shape_features_are_those_of_librosa() -> None:
    audio = sine(700.0) + 0.1 * torch.rand(1, 8000, generator=generator(1, "noise"), dtype=torch.float64)
    spectrum = librosa.stft(audio[0].numpy(), n_fft=512, hop_length=HOP_LENGTH, pad_mode="reflect")
    found, magnitude = features(audio), abs(spectrum)
    for name, expected in {
        "centroid": librosa.feature.spectral_centroid(S=magnitude, sr=SAMPLE_RATE),
        "bandwidth": librosa.feature.spectral_bandwidth(S=magnitude, sr=SAMPLE_RATE),
        "flatness": librosa.feature.spectral_flatness(S=magnitude),
    }.items():
        torch.testing.assert_close(found[name], torch.from_numpy(expected).double(), rtol=1e-4, atol=1e-9)


def test_silence_has_no_level_no_centroid_and_the_flatness_of_noise() -> None:
    found = features(torch.zeros(2, 4000))
    assert [float(found[name].abs().max()) for name in ("rms", "centroid", "bandwidth")] == [0, 0, 0]
    assert float(found["flatness"].min()) == pytest.approx(1)


def test_chunks_of_clips_do_not_show() -> None:
    audio = torch.rand(19, 2000, generator=generator(2, "audio")) - 0.5
    torch.testing.assert_close(
        audio_features(audio, SAMPLE_RATE, HOP_LENGTH)[9:], audio_features(audio[9:], SAMPLE_RATE, HOP_LENGTH)
    )
