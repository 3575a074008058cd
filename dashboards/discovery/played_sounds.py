"""Sounds as they are embedded in a page: equally loud, without clicks at their ends, and of limited size.

Target, estimate, solos and muted versions are brought to the same RMS, so that a louder one is not taken for a better
one. As long as they fit, they are lossless; longer ones are compressed, and very long ones are cut.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import soundfile
from jaxtyping import Float
from numpy import ndarray
from scipy.signal import resample_poly

from core.discovery.discovered_sound import DiscoveredSound
from dashboards.report.sounds import FLAC, MATCHED_RMS_DB, MAX_GAIN_DB, MAX_PEAK, data_uri

TARGET, ESTIMATE = "target", "estimate"
"""Keys of the sound itself and of its estimate."""
OGG = "audio/ogg"
"""MIME type of compressed sounds."""
MIN_MATCHED_RMS_DB = -36.0
"""Lowest common RMS in dB of full scale: a sound that is little more than a click does not lower the others further."""
MAX_RATE = 48_000
"""Highest sample rate on a page in Hz; sounds of higher ones are resampled by a whole number."""
MAX_LOSSLESS_SAMPLES = 3_200_000
"""Most samples of all sounds of a page that are embedded as FLAC, at most 8.6 MB in base64: 9 s of 8 sounds."""
MAX_TOTAL_S = 480.0
"""Most seconds of all sounds of a page: a minute of 8 sounds, some 5 MB in base64."""
FADE_IN_S, FADE_OUT_S = 0.002, 0.008
"""Lengths of the fades at the ends of each sound, where a loop would click."""
_SILENCE = 1e-6
"""RMS below which a sound counts as silent."""
_VORBIS_TAIL_S = 0.03
"""Silence behind compressed sounds: Chromium's decoder leaves out up to 16 ms at the end of a stream of Vorbis."""
_BLOCK = 65_536
"""Samples that are compressed at once; libsndfile's encoder of Vorbis keeps a whole block on the stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedSound:
    """A sound in a page."""

    key: str
    """`target`, `estimate`, or `solo-` or `muted-` with the number of the curve, from 0."""
    label: str
    """What is heard, in words."""
    audio: str
    """The sound as a data URI, at the common level."""
    rendered_gain: float
    """Factor that gives it the level at which it was rendered, relative to the other sounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedSounds:
    """All sounds of a page; they are equally long."""

    sounds: tuple[PlayedSound, ...]
    duration_s: float
    """Length of the sounds on the page."""
    is_whole: bool
    """Whether that is the whole length."""
    is_lossless: bool

    @property
    def n_bytes(self) -> int:
        """Size in the page."""
        return sum(len(sound.audio) for sound in self.sounds)


def rendered_sounds(sound: DiscoveredSound) -> dict[str, tuple[str, Float[ndarray, " sample"]]]:
    """Label and samples of all that a page plays of a sound, by key, the target and the estimate first."""
    names = [curve.modulation.name for curve in sound.curves]
    sounds = {TARGET: ("the sound itself", sound.target), ESTIMATE: ("the estimate, all curves moving", sound.estimate)}
    for index, (name, curve) in enumerate(zip(names, sound.curves, strict=True)):
        sounds[f"solo-{index}"] = (f"the estimate, only {name} moving", curve.solo)
        sounds[f"muted-{index}"] = (f"the estimate, {name} held still", curve.muted)
    return sounds


def matched_gains(sounds: Mapping[str, Float[ndarray, " sample"]]) -> dict[str, float]:
    """Factor for each sound that brings all to the same RMS, at most -20 dB of full scale, without clipping.

    The common RMS is as high as the crest factors allow, and not below `MIN_MATCHED_RMS_DB`. A sound that would need
    more gain than `MAX_GAIN_DB` stays below it. The factor of silence is 1.
    """
    levels = {key: (_rms(samples), float(np.abs(samples).max(initial=0.0))) for key, samples in sounds.items()}
    loud = [rms / peak for rms, peak in levels.values() if rms > _SILENCE]
    common = min([_factor(MATCHED_RMS_DB), *(MAX_PEAK * ratio for ratio in loud)])
    common = max(common, _factor(MIN_MATCHED_RMS_DB))
    return {
        key: min(common / rms, _factor(MAX_GAIN_DB), MAX_PEAK / peak) if rms > _SILENCE else 1.0
        for key, (rms, peak) in levels.items()
    }


def played_sounds(sound: DiscoveredSound) -> PlayedSounds:
    """The sounds of the page of a discovered sound, encoded within the limits of this module."""
    rendered = rendered_sounds(sound)
    gains = matched_gains({key: samples for key, (_, samples) in rendered.items()})
    loudest = max(float(np.abs(samples).max(initial=0.0)) for _, samples in rendered.values())
    # The target keeps its level if no other sound would clip.
    common_gain = min(gains[TARGET], MAX_PEAK / loudest) if loudest > 0 else 1.0
    down = -(-sound.audio.sample_rate // MAX_RATE)
    n_kept = min(len(sound.target), int(MAX_TOTAL_S / len(rendered) * sound.audio.sample_rate))
    is_lossless = len(rendered) * n_kept / down <= MAX_LOSSLESS_SAMPLES
    played = []
    for key, (label, samples) in rendered.items():
        matched = faded(resample_poly(gains[key] * samples[:n_kept], 1, down), sound.audio.sample_rate / down)
        played.append(
            PlayedSound(
                key=key,
                label=label,
                audio=_encoded(matched, sound.audio.sample_rate // down, is_lossless=is_lossless),
                rendered_gain=round(common_gain / gains[key], 5),
            )
        )
    return PlayedSounds(
        sounds=tuple(played),
        duration_s=n_kept / sound.audio.sample_rate,
        is_whole=n_kept == len(sound.target),
        is_lossless=is_lossless,
    )


def faded(samples: Float[ndarray, " sample"], sample_rate: float) -> Float[ndarray, " sample"]:
    """The sound with short cosine fades at both ends, each at most a quarter of it."""
    result = np.array(samples, dtype=np.float64)
    for fade_s, ends in ((FADE_IN_S, result), (FADE_OUT_S, result[::-1])):
        length = min(round(fade_s * sample_rate), len(result) // 4)
        ends[:length] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(length, 1))
    return result


# ---------------------------------------------------------------------------------------------------------------------


def _encoded(samples: Float[ndarray, " sample"], sample_rate: int, *, is_lossless: bool) -> str:
    """The sound as a data URI."""
    buffer = io.BytesIO()
    format_, subtype = ("FLAC", "PCM_16") if is_lossless else ("OGG", "VORBIS")
    if not is_lossless:
        samples = np.pad(samples, (0, round(_VORBIS_TAIL_S * sample_rate)))
    with soundfile.SoundFile(buffer, "w", sample_rate, 1, format=format_, subtype=subtype) as file:
        for start in range(0, len(samples), _BLOCK):
            file.write(samples[start : start + _BLOCK])
    return data_uri(buffer.getvalue(), FLAC if is_lossless else OGG)


def _rms(samples: Float[ndarray, " sample"]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def _factor(decibels: float) -> float:
    return float(10 ** (decibels / 20))
