"""A discovered sound whose curves are known: the project's own synth plays both the target and the estimate."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.discovery.discovered_sound import DiscoveredCurve, DiscoveredSound
from core.metrics.audio import mss_distance
from core.settings.audio import AudioConfig
from core.settings.oscillators import FrozenWavetableConfig
from core.settings.parameterizations import LowPassConfig
from core.settings.synths import ModSynthConfig
from core.synths.build import build_synth
from core.synths.note import Note
from core.wavetables import load_wavetable

TABLE = "formant_sweep"
SYNTH = ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable=TABLE))
F0_HZ, RESONANCE = 146.83, 0.5
TREMOLO_HZ, FILTER_HZ = 5.8, 1.5
"""Rates of the sine on the level and of the triangle on the cutoff; the position rises slowly."""


@cache
def discovered_sound(duration_s: float = 2.0, sample_rate: int = 16_000) -> DiscoveredSound:
    """A tremolo of 5.8 Hz, a filter LFO of 1.5 Hz and a slow sweep of the wavetable, found with small errors.

    The estimate's curves are the true ones, a little flatter and with slow errors, so that it is near to the target but
    not equal.
    """
    audio = AudioConfig(sample_rate=sample_rate, duration_s=duration_s, hop_length=sample_rate // 100)
    true = _curves(audio)
    time_s = torch.arange(audio.n_frames) / audio.frame_rate
    errors = torch.stack([torch.sin(2 * np.pi * rate * time_s) for rate in (2.3, 3.7, 1.1)])
    found = (true * 0.94 + 0.03 + 0.02 * errors).clamp(0, 1)
    target, gain = _normalised(_render(true, audio))
    estimate, still = gain * _render(found, audio), gain * _render(_held(found, {0, 1, 2}), audio)
    distance = _mss(target, estimate, sample_rate)
    curves = []
    for index, modulation in enumerate(SYNTH.modulations):
        muted = gain * _render(_held(found, {index}), audio)
        curves.append(
            DiscoveredCurve(
                modulation=modulation,
                values=found[index].double().numpy(),
                effect=_mss(target, muted, sample_rate) - distance,
                solo=(gain * _render(_held(found, {0, 1, 2} - {index}), audio)).double().numpy(),
                muted=muted.double().numpy(),
            )
        )
    return DiscoveredSound(
        name="Night_Bell_D3",
        source="sounds/Night Bell D3.wav",
        audio=audio,
        f0_hz=F0_HZ,
        pitch_source="file name",
        resonance=RESONANCE,
        gain=1.25,
        target=target.double().numpy(),
        estimate=estimate.double().numpy(),
        curves=tuple(curves),
        mss=distance,
        constant_mss=_mss(target, still, sample_rate),
        synth=SYNTH,
        parameterization=LowPassConfig(cutoff_hz=12.0),
        wavetable=load_wavetable(TABLE).double().numpy(),
        origin="fitted in 600 steps",
    )


def noisy_sound(n_samples: int, sample_rate: int = 44_100, n_curves: int = 3, *, level: float = 0.2) -> DiscoveredSound:
    """A sound of white noise in all its versions, which compresses worst, with curves of noise."""
    rng = np.random.default_rng(1)
    like = discovered_sound()
    audio = AudioConfig(sample_rate=sample_rate, duration_s=n_samples / sample_rate, hop_length=100)

    def noise() -> Float[np.ndarray, " sample"]:
        return np.asarray((level * rng.standard_normal(n_samples)).clip(-1, 1))

    curves = tuple(
        replace(like.curves[i % 3], values=rng.random(audio.n_frames), solo=noise(), muted=noise())
        for i in range(n_curves)
    )
    return replace(like, name="noise", audio=audio, target=noise(), estimate=noise(), curves=curves)


# ---------------------------------------------------------------------------------------------------------------------


def _curves(audio: AudioConfig) -> Float[Tensor, "3 frame"]:
    """Position, cutoff and level of the target."""
    time_s = torch.arange(audio.n_frames) / audio.frame_rate
    sweep = 0.15 + 0.55 * (time_s / audio.duration_s) ** 1.5
    triangle = 0.3 + 0.5 * (2 * (FILTER_HZ * time_s % 1) - 1).abs()
    decay = torch.exp(-0.35 * time_s) * (1 - torch.exp(-time_s / 0.02))
    tremolo = decay * (0.65 + 0.32 * torch.sin(2 * np.pi * TREMOLO_HZ * time_s))
    return torch.stack([sweep, triangle, tremolo])


def _held(curves: Float[Tensor, "modulation frame"], held: set[int]) -> Float[Tensor, "modulation frame"]:
    """The curves, some of them at their means."""
    rows = [curve.mean().expand_as(curve) if index in held else curve for index, curve in enumerate(curves)]
    return torch.stack(rows)


def _render(curves: Float[Tensor, "modulation frame"], audio: AudioConfig) -> Float[Tensor, " sample"]:
    note = Note(f0_hz=torch.tensor([F0_HZ]), q=torch.tensor([RESONANCE]), phase=torch.zeros(1))
    with torch.no_grad():
        sound: Tensor = build_synth(SYNTH, audio)(curves[None], note)
    return sound[0]


def _normalised(sound: Float[Tensor, " sample"]) -> tuple[Float[Tensor, " sample"], float]:
    """The sound with a peak of 1, and the factor."""
    gain = 1 / float(sound.abs().max())
    return gain * sound, gain


def _mss(target: Float[Tensor, " sample"], estimate: Float[Tensor, " sample"], sample_rate: int) -> float:
    return float(mss_distance(target[None], estimate[None], sample_rate))
