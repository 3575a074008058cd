"""Whether the preset of a discovered sound sounds like it, where the package `vita` (GPL-3, extra `real`) plays it."""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from core.discovery.discovered_sound import DiscoveredSound
from core.discovery.files import played_synth
from core.exchange.vital_preset import VitalPreset, render_vital_preset, vital_preset
from core.metrics.audio import mss_distance


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetCheck:
    """Distances `audio.mss` of what Vital plays from the estimate, both at the same level."""

    mss: float
    """Of the preset."""
    still_mss: float
    """Of the same preset with its LFOs off."""


def check_preset(sound: DiscoveredSound, preset: VitalPreset) -> PresetCheck | None:
    """Play a preset by Vital and compare it with the estimate; None if `vita` is not installed.

    Raises:
        DataError: Vital refuses the preset.
    """
    if find_spec("vita") is None:
        return None
    still = vital_preset(played_synth(sound), sound.name, with_lfos=False)
    return PresetCheck(mss=_distance(sound, preset), still_mss=_distance(sound, still))


def _distance(sound: DiscoveredSound, preset: VitalPreset) -> float:
    audio = sound.audio
    played = render_vital_preset(
        preset.text, preset.note, sample_rate=audio.sample_rate, duration_s=audio.n_samples / audio.sample_rate
    )
    played = np.pad(played, (0, max(0, audio.n_samples - len(played))))[: audio.n_samples]
    estimate = np.asarray(sound.estimate, dtype=np.float64)
    sounds = torch.from_numpy(np.stack([estimate / _level(estimate), played / _level(played)])).float()
    return float(mss_distance(sounds[:1], sounds[1:], audio.sample_rate))


def _level(audio: Float[ndarray, " sample"]) -> float:
    """The RMS of a sound, not below that of one that is silent."""
    return max(1e-9, float(np.sqrt(np.mean(np.square(audio)))))
