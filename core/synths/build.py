"""Construction of synths from their configs."""

from typing import Any, assert_never

from core.settings.audio import AudioConfig
from core.settings.filters import FilterConfig, LearnedFilterConfig, RbjFilterConfig
from core.settings.oscillators import FrozenWavetableConfig, LearnableWavetableConfig, OscillatorConfig
from core.settings.synths import (
    EngelConfig,
    FmConfig,
    ModSynthConfig,
    ShanConfig,
    SubtractiveConfig,
    SynthConfig,
)
from core.synths.base import Synth
from core.synths.engel import Engel
from core.synths.filters import LearnedFilter, RbjFilter
from core.synths.fm import Fm
from core.synths.mod_synth import ModSynth
from core.synths.note import Vibrato
from core.synths.shan import Shan
from core.synths.subtractive import Subtractive
from core.synths.wavetable import LearnableWavetable, WavetableOscillator
from core.wavetables import load_wavetable


def build_synth(config: SynthConfig, audio: AudioConfig) -> Synth[Any]:
    """The synth that a config describes."""
    synth = _build_with_constant_pitch(config, audio)
    if config.vibrato_semitones > 0:
        synth.vibrato = Vibrato(len(config.modulations) - 1, config.vibrato_semitones)
    return synth


def _build_with_constant_pitch(config: SynthConfig, audio: AudioConfig) -> Synth[Any]:
    match config:
        case ModSynthConfig(oscillator=oscillator, filter=filter_):
            position_noise = oscillator.position_noise if isinstance(oscillator, LearnableWavetableConfig) else 0.0
            return ModSynth(
                _build_oscillator(oscillator, audio),
                _build_filter(filter_, audio),
                audio.n_samples,
                audio.hop_length,
                position_noise=position_noise,
                is_granular=config.control == "granular",
            )
        case EngelConfig():
            return Engel(
                config.n_harmonics,
                config.n_noise_bands,
                config.noise_taps,
                audio.sample_rate,
                audio.n_samples,
                audio.hop_length,
                is_granular=config.control == "granular",
            )
        case ShanConfig():
            return Shan(
                config.n_tables,
                config.table_length,
                _build_learned_filter(config.filter, audio),
                audio.sample_rate,
                audio.n_samples,
                audio.hop_length,
                is_granular=config.control == "granular",
            )
        case FmConfig():
            return Fm(
                config.ratio,
                config.max_index,
                _build_learned_filter(config.filter, audio),
                audio.sample_rate,
                audio.n_samples,
                audio.hop_length,
                is_granular=config.control == "granular",
            )
        case SubtractiveConfig():
            return Subtractive(
                _build_rbj_filter(config.filter, audio), audio.sample_rate, audio.n_samples, audio.hop_length
            )
        case _:
            assert_never(config)


def _build_oscillator(config: OscillatorConfig, audio: AudioConfig) -> WavetableOscillator:
    match config:
        case FrozenWavetableConfig():
            return WavetableOscillator(load_wavetable(config.wavetable), audio.sample_rate, audio.hop_length)
        case LearnableWavetableConfig():
            return LearnableWavetable(config.n_positions, config.table_length, audio.sample_rate, audio.hop_length)
        case _:
            assert_never(config)


def _build_filter(config: FilterConfig, audio: AudioConfig) -> RbjFilter | LearnedFilter:
    match config:
        case RbjFilterConfig():
            return _build_rbj_filter(config, audio)
        case LearnedFilterConfig():
            return _build_learned_filter(config, audio)
        case _:
            assert_never(config)


def _build_rbj_filter(config: RbjFilterConfig, audio: AudioConfig) -> RbjFilter:
    return RbjFilter(
        (config.min_cutoff_hz, config.max_cutoff_hz),
        (config.min_q, config.max_q),
        audio.sample_rate,
        audio.hop_length,
        config.coefficient_shrink,
        config.response,
    )


def _build_learned_filter(config: LearnedFilterConfig, audio: AudioConfig) -> LearnedFilter:
    return LearnedFilter(audio.hop_length, config.epsilon, config.interpolate, config.structure)
