"""What a sound file contains: whether it can be used, its length, remarks on its quality, and its pitch."""

import hashlib
import os
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.data.fingerprint import fingerprint
from core.data.pitch import TRACKED_S, track_pitch
from core.sound_decoding import (
    CLIPPED,
    MAX_DECODED_S,
    Clipping,
    SoundFileError,
    blocks,
    decoder,
    n_decoded,
    open_sound,
    truncation,
)

SILENT_BELOW = 1e-3
"""A clip whose peak stays below this (-60 dB of full scale) is silent."""
MAX_DC_SHARE = 0.25
"""A clip whose mean exceeds this share of its peak gets a remark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundCheck:
    """Content of a sound file, independent of its name and of other files."""

    sha256: str = ""
    sample_rate: int = 0
    """In Hz; 0 if it is unknown."""
    duration_s: float = 0.0
    """Length of what is looked at."""
    fingerprint: str = ""
    """Of the first clip that is not silent; empty if there is none."""
    silent_clips: tuple[int, ...] = ()
    """Numbers of the clips, one after another from the start, that are silent."""
    silence: str | None = None
    """How the first clip is silent; None if it is not."""
    problem: str | None = None
    """Why the file cannot be used; None if it can."""
    remarks: tuple[str, ...] = ()
    """Problems that do not prevent its use."""
    is_tracked: bool = False
    """Whether the pitch tracker has run."""
    f0_hz: float | None = None
    """The tracked pitch; None if there is none."""


def check_sound(path: Path, duration_s: float, *, track: bool) -> SoundCheck:
    """Check a sound file for clips of a duration.

    Args:
        path: The file.
        duration_s: Length of a clip, which starts with the sound.
        track: Whether to track the pitch.
    """
    check = SoundCheck()
    try:
        with open_sound(path) as file:
            before = os.fstat(file.fileno())
            check = replace(check, sha256=hashlib.file_digest(file, "sha256").hexdigest())
            cut = truncation(file)
            sound = _decode(file, duration_s)
            after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise SoundFileError("unreadable: it changed while it was read")
        check = replace(check, sample_rate=sound.sample_rate)
        if sound.start.size == 0:
            raise SoundFileError("empty: holds no samples")
    except SoundFileError as error:
        return replace(check, problem=str(error))
    clip = sound.start[: max(1, round(duration_s * sound.sample_rate))]
    silence = _silence(clip, duration_s)
    remarks = (cut, *sound.remarks, None if silence else _offset(clip, duration_s))
    return replace(
        check,
        duration_s=round(sound.n_samples / sound.sample_rate, 6),
        fingerprint="" if silence else fingerprint(sound.start, sound.sample_rate, duration_s),
        silent_clips=((0,) if silence else ()) + sound.later_silent_clips,
        silence=silence,
        remarks=tuple(remark for remark in remarks if remark),
        is_tracked=track,
        f0_hz=track_pitch(sound.start, sound.sample_rate) if track else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    """What is kept of a decoded file."""

    start: Float[ndarray, " sample"]
    """In mono, as long as a clip or as what the tracker looks at."""
    sample_rate: int
    n_samples: int
    later_silent_clips: tuple[int, ...]
    """Without the first clip."""
    remarks: tuple[str, ...]


def _decode(file: BufferedReader, duration_s: float) -> _Decoded:
    """Decode all of a file, up to the limits, for clips of a duration.

    Raises:
        SoundFileError: the file cannot be decoded, contains invalid values, or ends before its header says.
    """
    start, kept = list[Float[ndarray, " sample"]](), 0
    n_read, lows, highs = 0, list[float](), list[float]()
    kept_s = max(duration_s, TRACKED_S)
    with decoder(file) as sound:
        n_expected, n_wanted = n_decoded(sound), n_decoded(sound, kept_s)
        sample_rate = int(sound.samplerate)
        if n_wanted < min(sound.frames, round(kept_s * sample_rate)):
            raise SoundFileError(f"too large: {sound.channels} channels at {sample_rate} Hz are too much to decode")
        clip_length = max(1, round(duration_s * sample_rate))
        clipping = Clipping(sound)
        for block in blocks(sound, n_expected):
            clipping.look_at(block)
            mono = block.mean(axis=1)
            _extend(lows, np.minimum, mono, n_read, clip_length)
            _extend(highs, np.maximum, mono, n_read, clip_length)
            n_read += len(block)
            if kept < n_wanted:
                start.append(mono[: n_wanted - kept])
                kept += len(start[-1])
        if n_read < n_expected:
            raise SoundFileError(f"unreadable: its header announces {sound.frames} samples, but it ends after {n_read}")
        is_long = sound.frames > n_expected
    remarks = []
    if clipping.is_found:
        remarks.append(CLIPPED)
    if is_long:
        remarks.append(
            f"long: only its first {n_expected / sample_rate:.0f} s are looked at, {MAX_DECODED_S:g} s at most"
        )
    swings = (np.array(highs) - np.array(lows)) / 2
    return _Decoded(
        start=np.concatenate([np.zeros(0), *start]),
        sample_rate=sample_rate,
        n_samples=n_read,
        later_silent_clips=tuple(int(clip) for clip in np.flatnonzero(swings < SILENT_BELOW) if clip),
        remarks=tuple(remarks),
    )


def _extend(
    extremes: list[float], extreme: np.ufunc, mono: Float[ndarray, " sample"], n_before: int, clip_length: int
) -> None:
    """Extend the smallest or largest value of each clip by the next samples of a sound."""
    starts = np.arange(-(n_before % clip_length), len(mono), clip_length).clip(0)
    found = extreme.reduceat(mono, starts).tolist()
    if n_before % clip_length:
        extremes[-1] = float(extreme(extremes[-1], found.pop(0)))
    extremes += found


def _silence(clip: Float[ndarray, " sample"], duration_s: float) -> str | None:
    """How a clip is silent, possibly up to a constant, as a category, a colon and the reason; None if it is not."""
    peak, mean = float(np.abs(clip).max()), float(clip.mean())
    if peak < SILENT_BELOW:
        return f"silent: its first {duration_s:g} s stay below -60 dB of full scale"
    if float(np.abs(clip - mean).max()) < SILENT_BELOW * max(1.0, peak):
        return f"silent: its first {duration_s:g} s are constant at {mean:.3g}"
    return None


def _offset(clip: Float[ndarray, " sample"], duration_s: float) -> str | None:
    """A remark on the mean of a clip, None if it is small."""
    peak, mean = float(np.abs(clip).max()), float(clip.mean())
    if abs(mean) > MAX_DC_SHARE * peak:
        return f"offset: the mean of its first {duration_s:g} s is {mean:.2g}, at a peak of {peak:.2g}"
    return None
