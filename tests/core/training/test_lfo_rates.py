"""Rates of oscillators, recovered from sound alone."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from core.clips import Clips, Dataset
from core.ops.lfo import SHAPES, waveform
from core.parameterizations.lfo import Lfo
from core.seeding import generator
from core.settings.trial import TrialConfig
from core.synths.build import build_synth
from core.synths.note import draw_note
from core.training.model import EncodedCurves
from core.training.trainer import fit
from tests.support.configs import configured, dataset_of

TOLERANCE = 0.15


def with_oscillators(clips: Clips, config: TrialConfig, split: str) -> tuple[Clips, Tensor]:
    """Clips whose modulations oscillate at 1.5 to 8 Hz in one of the shapes each, and their rates in Hz."""
    draw = generator(0, "oscillators", split)
    rate, phase, low, high = torch.rand(4, len(clips), 3, 1, generator=draw)
    rate = 1.5 * torch.exp(rate * math.log(8 / 1.5))
    low, high = 0.05 + 0.3 * low, 0.65 + 0.3 * high
    angle = 2 * math.pi * (rate * torch.arange(config.audio.n_frames) / config.audio.frame_rate + phase)
    weights = torch.eye(len(SHAPES))[torch.randint(len(SHAPES), angle.shape[:2], generator=draw)]
    modulation = torch.lerp(low, high, (1 + waveform(angle.sin(), angle.cos(), weights, 0.9)) / 2)
    true_synth = config.data.true_synth
    assert true_synth is not None
    synth, note = build_synth(true_synth, config.audio), draw_note(clips, draw, with_noise=False)
    with torch.no_grad():
        return replace(clips, modulation=modulation, audio=synth(modulation, note)), rate[..., 0]


@pytest.mark.slow
def test_rates_of_the_filter_and_of_the_level_are_recovered_from_sound() -> None:
    data = ("data.n_train=256", "data.n_validation=16", "data.n_test=48", "data.wavetable=sine_to_saw")
    wavetable = "synth.oscillator.wavetable=sine_to_saw"
    config = configured(*data, wavetable, "parameterization.kind=lfo", "trainer.max_steps=300", "device=cpu")
    plain = dataset_of(config)
    train, validation = (
        with_oscillators(clips, config, split)[0]
        for clips, split in ((plain.train, "training"), (plain.validation, "validation"))
    )
    test, rates = with_oscillators(plain.test, config, "test")
    model = fit(config, "d", Dataset(train=train, validation=validation, test=test)).model
    assert isinstance(model.curves, EncodedCurves)
    lfo = model.curves.parameterization
    assert isinstance(lfo, Lfo)
    with torch.no_grad():
        found = lfo.rate_hz(model.curves.encoder(test.audio))
    is_close = ((found / rates - 1).abs() < TOLERANCE).double().mean(0)
    assert float(is_close[1]) > 0.85, "filter"
    assert float(is_close[2]) > 0.85, "level"
    chance = ((found.roll(1, 0) / rates - 1).abs() < TOLERANCE).double().mean(0)
    assert float(chance.max()) < 0.4
