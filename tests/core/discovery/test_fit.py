"""The fit of a single sound: known curves are found, every synth and parameterization runs, windows join."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from core.discovery.fit import FittedSynth, fit_sound
from core.errors import ConfigError
from core.metrics.audio import mss_distance
from core.modulations import modulation_names
from core.settings.audio import AudioConfig
from core.settings.baselines import ConstantConfig
from core.settings.discovery import DiscoverySettings, default_synth
from core.settings.parameterizations import LfoConfig, LowPassConfig, ParameterizationConfig, SplineConfig
from core.settings.synths import EngelConfig, FmConfig, ModSynthConfig, ShanConfig, SubtractiveConfig, SynthConfig
from tests.support.contracts.parameterizations import every_parameterization
from tests.support.played_sounds import play

F0_HZ = 220.0
TRAINED = [each for each in every_parameterization() if not each.is_baseline]


def sound_of(audio: AudioConfig, *, rate_hz: float = 3.0, moves: str = "sub") -> tuple[Tensor, Tensor]:
    """A saw with one LFO and a slow decay, played by a synth with a frozen wavetable, and the LFO."""
    time_s = np.arange(audio.n_frames) / audio.frame_rate
    lfo = 0.55 + 0.25 * np.sin(2 * np.pi * rate_hz * time_s)
    curves = {"add": np.zeros_like(lfo), "sub": np.full_like(lfo, 0.8), "env": 0.9 - 0.2 * time_s / time_s[-1]}
    curves[moves] = lfo
    sound = play(SubtractiveConfig(), curves, f0_hz=F0_HZ, audio=audio)
    return torch.from_numpy(sound / np.abs(sound).max()).float(), torch.from_numpy(lfo)


def fitted(settings: DiscoverySettings, seconds: float = 1.0, moves: str = "sub") -> tuple[FittedSynth, Tensor, Tensor]:
    audio = settings.audio(round(16_000 * seconds), 16_000)
    target, lfo = sound_of(audio, moves=moves)
    return fit_sound(target, F0_HZ, audio, settings), target, lfo


@pytest.mark.parametrize("moves", ["sub", "env"])
def test_the_curve_that_moves_a_sound_is_found(moves: str) -> None:
    fit, target, lfo = fitted(DiscoverySettings(steps=200), 2.0, moves)
    names = modulation_names(DiscoverySettings().synth.modulations)
    found = fit.curves[names.index(moves)].double()
    assert np.corrcoef(found.numpy(), lfo.numpy())[0, 1] > 0.95
    with torch.no_grad():
        still = float(mss_distance(target[None], fit.still_estimate[None], 16_000))
    assert still > 0.5


def test_the_same_seed_gives_the_same_numbers() -> None:
    settings = DiscoverySettings(steps=10)
    first, second = fitted(settings)[0], fitted(settings)[0]
    assert torch.equal(first.curves, second.curves)
    assert not torch.equal(first.curves, fitted(replace(settings, seed=1))[0].curves)


@pytest.mark.parametrize(
    "synth",
    [
        ModSynthConfig(),
        EngelConfig(),
        ShanConfig(table_length=256),
        FmConfig(),
        SubtractiveConfig(vibrato_semitones=1.0),
    ],
    ids=lambda synth: synth.kind,
)
def test_every_synth_is_fitted(synth: SynthConfig) -> None:
    if isinstance(synth, ModSynthConfig):
        synth = replace(synth, oscillator=default_synth().oscillator)
    fit, _, _ = fitted(DiscoverySettings(steps=10, synth=synth), 0.5)
    assert fit.curves.shape == (len(synth.modulations), 101)
    assert fit.curves.isfinite().all()
    assert (fit.curves >= 0).all()
    assert (fit.curves <= 1).all()


@pytest.mark.parametrize("parameterization", TRAINED, ids=lambda each: each.kind)
def test_every_parameterization_is_fitted(parameterization: ParameterizationConfig) -> None:
    settings = DiscoverySettings(steps=10, parameterization=parameterization)
    if isinstance(parameterization, LowPassConfig):
        settings = replace(settings, parameterization=LowPassConfig(cutoff_hz=8.0))
    fit, _, _ = fitted(settings, 0.5)
    assert fit.curves.isfinite().all()


def test_curves_of_few_parameters_start_from_those_of_a_low_pass() -> None:
    settings = DiscoverySettings(steps=200, parameterization=LfoConfig())
    fit, _, lfo = fitted(settings, 2.0)
    found = fit.curves[1].double()
    assert np.corrcoef(found.numpy(), lfo.numpy())[0, 1] > 0.8


def test_splines_have_segments_by_the_second() -> None:
    settings = DiscoverySettings(parameterization=SplineConfig(n_segments=3), segment_rate=10.0)
    of_window = settings.parameterization_of(AudioConfig(sample_rate=16_000, duration_s=2.0, hop_length=80))
    assert of_window == SplineConfig(n_segments=20)
    short = settings.parameterization_of(AudioConfig(sample_rate=16_000, duration_s=0.1, hop_length=80))
    assert short == SplineConfig(n_segments=1)


@pytest.mark.slow
def test_the_windows_of_a_drone_of_20_s_join_without_a_step() -> None:
    settings = DiscoverySettings(steps=60)
    audio = settings.audio(320_000, 16_000)
    target, lfo = sound_of(audio, rate_hz=0.5)
    fit = fit_sound(target, F0_HZ, audio, settings)
    steps = fit.curves.diff(dim=1).abs()
    inside = settings.window_frames(audio)
    # A 16 Hz low-pass moves by at most pi 16 / 200 of its range a frame; a step at a seam would stand out.
    assert steps.max() < 0.25
    assert inside < audio.n_frames
    assert np.corrcoef(fit.curves[1].numpy(), lfo.numpy())[0, 1] > 0.9


def test_curves_that_do_not_follow_a_sound_are_refused() -> None:
    with pytest.raises(ConfigError, match="needs curves that can follow a sound"):
        DiscoverySettings(parameterization=ConstantConfig())
    with pytest.raises(ConfigError, match=r"synth\.control='curves'"):
        DiscoverySettings(synth=EngelConfig(control="granular"))
