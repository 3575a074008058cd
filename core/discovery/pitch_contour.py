"""How the pitch of a note moves: the deviation from it in semitones over time, by YIN.

A resonant filter whose cutoff moves shifts the phase of the harmonics near it, which YIN hears as a pitch that moves by
up to a third of a semitone. Above 4.5 times the pitch such a motion is smaller, and that of a vibrato is the same: of
60 Vital sounds with a constant pitch and LFOs on level, cutoff or position none keeps 0.8 of its deviation there, of 20
with a vibrato all do. Reference: de Cheveigné and Kawahara (2002); see core.ops.pyin.
"""

import numpy as np
import torch
import torchaudio.functional
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import median_filter
from scipy.signal import butter, sosfiltfilt
from torch import Tensor

from core.ops.pyin import track_pitches

_RATE = 16_000
"""Sample rate of the tracker in Hz."""
_FRAME, _HOP = 1024, 128
"""Samples per frame, longer for notes below 63 Hz, and from one to the next: 64 and 8 ms."""
_PERIODS = 4.0
_REACH = 12.0
"""Largest deviation in semitones; larger ones are errors of the tracker."""
_LOUD = 10 ** (-30 / 20)
_MEDIAN_FRAMES = 5
MIN_DEVIATION = 0.1
"""Smallest standard deviation in semitones of a pitch that moves."""
_HIGH = (4.5, 2.5)
"""Multiples of the pitch above which a motion of the pitch has to be the same; the second where there is too little
sound above the first."""
_COMMON = 0.8
"""Smallest share of the deviation that the upper harmonics of a pitch that moves have."""
_MIN_VOICED = 0.3
"""Smallest share of loud frames with a pitch near the note."""
DEPTHS = (1.0, 2.0, 4.0, 7.0, 12.0)
"""Depths of a vibrato in semitones, of which the smallest that holds the deviations is chosen."""


def pitch_contour(audio: Float[Tensor, " sample"], sample_rate: int, f0_hz: float) -> Float[ndarray, " frame"] | None:
    """Deviation of the pitch from `f0_hz` in semitones, 125 frames per second; None if too few frames have a pitch.

    Between frames with a pitch it is interpolated linearly, and before the first and after the last it is constant.
    """
    sound = torchaudio.functional.resample(audio, sample_rate, _RATE).numpy().astype(np.float32)
    frame = max(_FRAME, 1 << int(np.ceil(np.log2(_PERIODS * _RATE / f0_hz))))
    if len(sound) < frame:
        return None
    low, high = max(20.0, f0_hz * 2 ** (-_REACH / 12)), min(0.4 * _RATE, f0_hz * 2 ** (_REACH / 12))
    tracks = track_pitches(
        sound, _RATE, min_hz=low, max_hz=high, frame_length=frame, hop_length=_HOP, bins_per_semitone=4
    )
    deviation = 12 * np.log2(np.maximum(tracks.pyin_hz, 1e-3) / f0_hz)
    fine = 12 * np.log2(np.maximum(tracks.yin_hz, 1e-3) / f0_hz)
    # Plain YIN is not quantised, but errs by octaves; the tracker is coarse, but does not.
    deviation = np.where(np.abs(fine - deviation) < 0.5, fine, deviation)
    loud = tracks.level > _LOUD * tracks.level.max()
    used = loud & tracks.is_voiced & (np.abs(deviation) < _REACH)
    if used.sum() < max(4, _MIN_VOICED * loud.sum()):
        return None
    places = np.flatnonzero(used)
    contour = np.interp(np.arange(len(deviation)), places, median_filter(deviation[places], _MEDIAN_FRAMES))
    return np.asarray(contour)


def moving_pitch(audio: Float[Tensor, " sample"], sample_rate: int, f0_hz: float) -> Float[ndarray, " frame"] | None:
    """`pitch_contour` of a sound whose pitch moves; None if it does not, or if only its lowest harmonics do."""
    contour = pitch_contour(audio, sample_rate, f0_hz)
    if contour is None or contour.std() < MIN_DEVIATION:
        return None
    for multiple in _HIGH:
        if multiple * f0_hz >= 0.4 * min(sample_rate, _RATE):
            continue
        sections = butter(6, multiple * f0_hz, "highpass", fs=sample_rate, output="sos")
        high = torch.from_numpy(sosfiltfilt(sections, audio.double().numpy()).astype(np.float32))
        if (above := pitch_contour(high, sample_rate, f0_hz)) is not None:
            return contour if above.std() >= _COMMON * contour.std() else None
    return contour


def vibrato_depth(contour: Float[ndarray, " frame"]) -> float:
    """Depth in semitones of the smallest vibrato that holds a contour."""
    largest = float(np.quantile(np.abs(contour), 0.98))
    return next((depth for depth in DEPTHS if depth >= 1.1 * largest), DEPTHS[-1])


def vibrato_curve(contour: Float[ndarray, " frame"], depth: float, n_frames: int) -> Float[Tensor, " {n_frames}"]:
    """The contour as a curve in 0..1 of a number of frames, where 0.5 is the pitch of the note."""
    at = np.linspace(0, len(contour) - 1, n_frames)
    deviation = np.interp(at, np.arange(len(contour)), contour)
    return torch.from_numpy(np.clip(0.5 + deviation / (2 * depth), 0.02, 0.98)).float()
