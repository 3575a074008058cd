"""Discovered sounds whose curves are drawn, so that everything about them is known."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from core.discovery.discovered_sound import DiscoveredCurve, DiscoveredSound
from core.settings.audio import AudioConfig
from core.settings.oscillators import FrozenWavetableConfig
from core.settings.parameterizations import LowPassConfig
from core.settings.synths import ModSynthConfig, SynthConfig
from core.synths.build import build_synth
from core.synths.note import Note
from core.wavetables import load_wavetable

AUDIO = AudioConfig()
SAW_SYNTH = ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable="saw_to_square"))


def moving_curves(synth: SynthConfig, audio: AudioConfig = AUDIO) -> dict[str, Float[ndarray, " frame"]]:
    """A slow sweep, an LFO, a fading level and a vibrato, as far as the synth has them."""
    t = np.linspace(0.0, 1.0, audio.n_frames)
    curves = {
        "add": 0.5 - 0.5 * np.cos(2 * np.pi * t),
        "sub": 0.6 + 0.3 * np.sin(2 * np.pi * 3 * t),
        "env": (1 - np.exp(-40 * t)) * np.exp(-2 * t),
        "vibrato": 0.5 + 0.4 * np.sin(2 * np.pi * 5 * t),
    }
    return {modulation.name: curves[modulation.name] for modulation in synth.modulations}


def play(
    synth: SynthConfig,
    curves: Mapping[str, Float[ndarray, " frame"]],
    *,
    f0_hz: float = 220.0,
    resonance: float = 0.0,
    audio: AudioConfig = AUDIO,
    phase: float = 0.0,
    wavetable: Float[ndarray, "position sample"] | None = None,
) -> Float[ndarray, " sample"]:
    """The sound of a synth, whose learned wavetable is the given one."""
    module = build_synth(synth, audio)
    if wavetable is not None:
        with torch.no_grad():
            module.get_parameter("oscillator.table").copy_(torch.from_numpy(wavetable))
    stacked = np.stack([curves[modulation.name] for modulation in synth.modulations])
    note = Note(f0_hz=torch.tensor([f0_hz]), q=torch.tensor([resonance]), phase=torch.tensor([phase]))
    with torch.no_grad():
        sound = module(torch.from_numpy(stacked[None]).float(), note)
    return np.asarray(sound[0].double().numpy())


def discovered_sound(
    synth: SynthConfig = SAW_SYNTH,
    *,
    name: str = "pad",
    f0_hz: float = 220.0,
    resonance: float = 0.0,
    audio: AudioConfig = AUDIO,
) -> DiscoveredSound:
    """A sound whose target is its estimate, half as loud."""
    curves = moving_curves(synth, audio)

    def played(**held: Float[ndarray, " frame"]) -> Float[ndarray, " sample"]:
        return play(synth, curves | held, f0_hz=f0_hz, resonance=resonance, audio=audio)

    means = {name: np.full_like(curve, curve.mean()) for name, curve in curves.items()}
    is_table_synth = isinstance(synth, ModSynthConfig) and isinstance(synth.oscillator, FrozenWavetableConfig)
    return DiscoveredSound(
        name=name,
        source=f"sounds/{name}.wav",
        audio=audio,
        f0_hz=f0_hz,
        pitch_source="given",
        resonance=resonance,
        gain=1.0,
        target=0.5 * played(),
        estimate=played(),
        curves=tuple(
            DiscoveredCurve(
                modulation=modulation,
                values=curves[modulation.name],
                effect=1.0,
                solo=played(**{other: mean for other, mean in means.items() if other != modulation.name}),
                muted=played(**{modulation.name: means[modulation.name]}),
            )
            for modulation in synth.modulations
        ),
        mss=1.0,
        constant_mss=2.0,
        synth=synth,
        parameterization=LowPassConfig(),
        wavetable=load_wavetable("saw_to_square").numpy() if is_table_synth else None,
        origin="drawn",
    )


def with_curve(sound: DiscoveredSound, name: str, values: Float[ndarray, " frame"]) -> DiscoveredSound:
    """The sound with other values of one curve."""
    return replace(
        sound,
        curves=tuple(
            replace(curve, values=values) if curve.modulation.name == name else curve for curve in sound.curves
        ),
    )
