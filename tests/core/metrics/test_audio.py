"""Distances of sounds: zero for equal sounds, known answers, and independence of the batch."""

import math

import pytest
import torch

from core.metrics.audio import mel_distance, mss_distance
from core.seeding import generator

AUDIO = torch.rand(3, 8000, generator=generator(0, "audio")) - 0.5


def test_distances_are_zero_at_equality_and_positive_elsewhere() -> None:
    for distance in (mss_distance, mel_distance):
        assert float(distance(AUDIO, AUDIO, 16_000).abs().max()) == 0
        assert float(distance(AUDIO, AUDIO * 0.5, 16_000).min()) > 0.1


def test_halving_a_sound_moves_its_log_mel_power_by_ln_4() -> None:
    assert mel_distance(AUDIO, AUDIO / 2, 16_000).tolist() == pytest.approx([math.log(4)] * 3, rel=0.1)


def test_distance_of_a_clip_does_not_depend_on_the_others() -> None:
    for distance in (mss_distance, mel_distance):
        together = distance(AUDIO, AUDIO.flip(0), 16_000)
        alone = distance(AUDIO[1:2], AUDIO.flip(0)[1:2], 16_000)
        torch.testing.assert_close(together[1:2], alone)
