"""Wavetables in turn: the trials of a study run through the built-in tables by their seeds.

Averages over such seeds are averages over wavetables too. Arms share their seeds, so differences paired by seed are
differences on the same table. Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204, average over ten wavetables.
"""

from dataclasses import replace

from core.settings.data import SyntheticDataConfig
from core.settings.oscillators import IN_TURN, FrozenWavetableConfig
from core.settings.synths import ModSynthConfig
from core.settings.trial import TrialConfig
from core.wavetables.builtin import BUILTIN_WAVETABLES
from core.wavetables.files import wavetable_sha256


def with_wavetable_of_seed(config: TrialConfig) -> TrialConfig:
    """The config with the built-in wavetable of its seed in place of `in_turn`, in its data and its synth."""
    names = tuple(BUILTIN_WAVETABLES)
    name = names[config.seed % len(names)]
    data, synth = config.data, config.synth
    if isinstance(data, SyntheticDataConfig) and data.wavetable == IN_TURN:
        data = replace(data, wavetable=name, wavetable_sha256=wavetable_sha256(name))
    if isinstance(synth, ModSynthConfig):
        oscillator = synth.oscillator
        if isinstance(oscillator, FrozenWavetableConfig) and oscillator.wavetable == IN_TURN:
            oscillator = replace(oscillator, wavetable=name, wavetable_sha256=wavetable_sha256(name))
            synth = replace(synth, oscillator=oscillator)
    return config if (data, synth) == (config.data, config.synth) else replace(config, data=data, synth=synth)
