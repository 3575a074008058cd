"""Configs to synths."""

from typing import Any, assert_never

from core.config import (
    EngelConfig,
    FilterConfig,
    FrozenWavetableConfig,
    LearnableWavetableConfig,
    LearnedFilterConfig,
    ModSynthConfig,
    OscillatorConfig,
    RbjFilterConfig,
    SignalConfig,
    SynthConfig,
)
from core.data.wavetables import load_wavetable
from core.synths.base import Synth
from core.synths.engel import Engel
from core.synths.filters import LearnedFilter, RbjFilter
from core.synths.mod_synth import ModSynth
from core.synths.wavetable import LearnableWavetable, WavetableOscillator


def build_synth(config: SynthConfig, signal: SignalConfig) -> Synth[Any]:
    match config:
        case ModSynthConfig(oscillator=oscillator, filter=filter_):
            noise = oscillator.position_noise if isinstance(oscillator, LearnableWavetableConfig) else 0.0
            return ModSynth(
                _oscillator(oscillator, signal),
                _filter(filter_, signal),
                signal.n_samples,
                signal.hop_length,
                position_noise=noise,
            )
        case EngelConfig():
            return Engel(
                config.n_harmonics,
                config.n_noise_bands,
                config.noise_taps,
                signal.sample_rate,
                signal.n_samples,
                signal.hop_length,
            )
        case _:
            assert_never(config)


def _oscillator(config: OscillatorConfig, signal: SignalConfig) -> WavetableOscillator:
    match config:
        case FrozenWavetableConfig():
            return WavetableOscillator(load_wavetable(config.wavetable), signal.sample_rate, signal.hop_length)
        case LearnableWavetableConfig():
            return LearnableWavetable(config.n_positions, config.table_length, signal.sample_rate, signal.hop_length)
        case _:
            assert_never(config)


def _filter(config: FilterConfig, signal: SignalConfig) -> RbjFilter | LearnedFilter:
    match config:
        case RbjFilterConfig():
            return RbjFilter(
                (config.min_cutoff_hz, config.max_cutoff_hz),
                (config.min_q, config.max_q),
                signal.sample_rate,
                signal.hop_length,
                config.coefficient_shrink,
            )
        case LearnedFilterConfig():
            return LearnedFilter(signal.hop_length, config.epsilon, config.interpolate)
        case _:
            assert_never(config)
