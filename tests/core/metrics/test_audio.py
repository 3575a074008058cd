"""Distances of sounds: zero for equal sounds, known answers, and independence of the batch."""

import math
import warnings

import pytest
import torch
import torchaudio
from auraloss.freq import MelSTFTLoss

from core.metrics.audio import log_mel_distance, mel_stft_distance, mfcc, mfcc_distance, mss_distance
from core.seeding import generator

AUDIO = torch.rand(3, 8000, generator=generator(0, "audio")) - 0.5
DISTANCES = (mss_distance, mel_stft_distance, log_mel_distance, mfcc_distance)


def test_distances_are_zero_at_equality_and_positive_elsewhere() -> None:
    for distance in DISTANCES:
        assert float(distance(AUDIO, AUDIO, 16_000).abs().max()) == 0
        assert float(distance(AUDIO, AUDIO * 0.5, 16_000).min()) > 0.1


def test_halving_a_sound_moves_its_log_mel_power_by_ln_4() -> None:
    assert log_mel_distance(AUDIO, AUDIO / 2, 16_000).tolist() == pytest.approx([math.log(4)] * 3, rel=0.1)


def test_distance_of_a_clip_does_not_depend_on_the_others() -> None:
    for distance in DISTANCES:
        together = distance(AUDIO, AUDIO.flip(0), 16_000)
        alone = distance(AUDIO[1:2], AUDIO.flip(0)[1:2], 16_000)
        torch.testing.assert_close(together[1:2], alone)


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000])
def test_the_mel_stft_distance_is_that_of_auraloss(sample_rate: int) -> None:
    target = torch.rand(2, sample_rate // 4, generator=generator(1, "audio")) - 0.5
    estimate = target.flip(1) * torch.tensor([[0.5], [0.01]])
    window = round(0.05 * sample_rate)
    theirs = MelSTFTLoss(sample_rate, 1 << (window - 1).bit_length(), round(0.0125 * sample_rate), window, n_mels=128)
    expected = [float(theirs(estimate[i, None, None], target[i, None, None])) for i in range(2)]
    assert mel_stft_distance(target, estimate, sample_rate).tolist() == pytest.approx(expected, rel=1e-5)


def test_the_cepstral_coefficients_are_those_of_torchaudio() -> None:
    sizes = {"n_fft": 1024, "win_length": 800, "hop_length": 200, "n_mels": 128}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="At least one mel filterbank")
        theirs = torchaudio.transforms.MFCC(16_000, 40, log_mels=True, melkwargs=sizes)
    quiet = AUDIO * torch.tensor([[1.0], [0.1], [0.0]])
    torch.testing.assert_close(mfcc(quiet, 16_000), theirs(quiet), atol=2e-5, rtol=0)


def test_halving_a_sound_moves_only_the_first_cepstral_coefficient() -> None:
    difference = mfcc(AUDIO, 16_000) - mfcc(AUDIO / 2, 16_000)
    assert difference[:, 0].mean() == pytest.approx(math.log(4) * math.sqrt(128), rel=0.05)
    assert difference[:, 1:].abs().max() < 2.5


def test_chunks_of_clips_do_not_show() -> None:
    many = torch.rand(19, 2000, generator=generator(2, "audio")) - 0.5
    for distance in DISTANCES[1:]:
        whole = distance(many, many.flip(0), 16_000)
        torch.testing.assert_close(whole[9:], distance(many[9:], many.flip(0)[9:], 16_000))
