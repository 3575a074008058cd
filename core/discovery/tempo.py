"""Tempo of a sound, at which rates of LFOs have note values.

The beat tracker is librosa's (Ellis 2007, "Beat Tracking by Dynamic Programming"). It finds a tempo in anything, also
in a held note, so the tempo counts only if most beats are clear onsets.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.discovery.note_values import MAX_TEMPO_BPM, MIN_TEMPO_BPM

DEFAULT_TEMPO_BPM = 120.0
"""Tempo of a sound without one, as in most programs."""
SHORTEST_S = 3.0
"""Shortest sound whose tempo is tracked."""
_RATE = 22_050
"""Sample rate for which the tracker is made."""
_LONGEST_S = 60.0
"""Only the beginning of longer sounds is tracked."""
_MIN_RISE_DB = 5.0
"""Mean rise of the mel bands at a clear onset, within a hop of 23 ms."""
_MIN_BEATS = 4
_MIN_SHARE = 0.7
"""Smallest share of beats that are clear onsets, and of clear onsets on a beat or half a beat."""
_NEAR_S = 0.05
"""Time between a beat and its onset."""


def track_tempo(audio: Float[ndarray, " sample"], sample_rate: int) -> float | None:
    """The tempo of a sound in beats per minute, None if it is shorter than 3 s or has no regular, clear onsets."""
    if len(audio) < SHORTEST_S * sample_rate or not np.any(audio) or not np.isfinite(audio).all():
        return None
    import librosa  # slow to import, and needed for long sounds only

    sound = np.asarray(audio[: round(_LONGEST_S * sample_rate)], dtype=np.float32)
    if sample_rate != _RATE:
        sound = librosa.resample(sound, orig_sr=sample_rate, target_sr=_RATE)
    rise_db = librosa.onset.onset_strength(y=sound, sr=_RATE)
    onsets = librosa.onset.onset_detect(onset_envelope=rise_db, sr=_RATE)
    clear = onsets[rise_db[onsets] >= _MIN_RISE_DB]
    if len(clear) < _MIN_BEATS:
        return None
    _, beats = librosa.beat.beat_track(onset_envelope=rise_db, sr=_RATE)
    if len(beats) < _MIN_BEATS:
        return None
    times_s, onsets_s = librosa.frames_to_time(beats, sr=_RATE), librosa.frames_to_time(clear, sr=_RATE)
    # The slope of all beats is finer than the tracker's own tempo, which is quantised to hops.
    number = np.arange(len(beats))
    beat_s, first_s = np.polyfit(number, times_s, 1)
    jitter_s = np.sqrt(np.mean((times_s - first_s - beat_s * number) ** 2))
    beats_met = np.abs(times_s[:, None] - onsets_s).min(-1) <= _NEAR_S
    half_beats = (onsets_s - first_s) / (beat_s / 2)
    onsets_met = np.abs(half_beats - np.round(half_beats)) * beat_s / 2 <= _NEAR_S
    if jitter_s > _NEAR_S / 2 or beats_met.mean() < _MIN_SHARE or onsets_met.mean() < _MIN_SHARE:
        return None
    tempo_bpm = 60.0 / float(beat_s)
    return tempo_bpm if MIN_TEMPO_BPM <= tempo_bpm <= MAX_TEMPO_BPM else None
