"""A config of each synth, and random curves and notes for it."""

import torch
from torch import Tensor

from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.filters import LearnedFilterConfig
from core.settings.oscillators import FrozenWavetableConfig, LearnableWavetableConfig
from core.settings.synths import (
    EngelConfig,
    FmConfig,
    ModSynthConfig,
    ShanConfig,
    SubtractiveConfig,
    SynthConfig,
)
from core.synths.note import Note

AUDIO = AudioConfig(sample_rate=16_000, duration_s=0.25, hop_length=125)
WHITE_BOX = ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable="sine_to_saw"))
GREY_BOX = ModSynthConfig(oscillator=LearnableWavetableConfig(table_length=256), filter=LearnedFilterConfig())
ENGEL = EngelConfig(n_harmonics=20)
SYNTHS: dict[str, SynthConfig] = {
    "white box": WHITE_BOX,
    "grey box": GREY_BOX,
    "engel": ENGEL,
    "shan": ShanConfig(table_length=256),
    "fm": FmConfig(),
    "subtractive": SubtractiveConfig(),
}


def note_of(batch: int, n_samples: int = AUDIO.n_samples, seed: int = 0) -> Note:
    """A note of 100 to 400 Hz per clip, with noise."""
    draw = generator(seed, "note")
    return Note(
        f0_hz=100 + 300 * torch.rand(batch, generator=draw),
        q=torch.rand(batch, generator=draw),
        phase=torch.rand(batch, generator=draw),
        noise=2 * torch.rand(batch, n_samples, generator=draw) - 1,
    )


def curves_of(batch: int, n_modulations: int = 3, seed: int = 0) -> Tensor:
    """Independent values in 0..1 for each frame of `AUDIO`."""
    return torch.rand(batch, n_modulations, AUDIO.n_frames, generator=generator(seed, "curves"))
